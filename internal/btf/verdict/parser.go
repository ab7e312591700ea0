package verdict

import (
	"encoding/binary"
	"sync"

	"kpkg-btf/internal/btf"
)

const recordHead = 12 // sizeof(struct btf_type)

// header is struct btf_header as the kernel keeps it: what lies beyond hdr_len
// or beyond the kernel's own struct is zero.
type header struct {
	magic                uint16
	version, flags       uint8
	len                  uint32
	typeOff, typeLen     uint32
	strOff, strLen       uint32
	layoutOff, layoutLen uint32
}

// parser is one run of the first pass over one blob (struct btf_verifier_env).
type parser struct {
	p     *Profile
	rules *rules
	big   bool
	which Blob
	base  *area // nil for a base

	data     []byte
	hdr      header
	types    []byte
	strs     []byte
	typesPos uint32 // of the type section in the blob
	first    uint32 // id of the first own record
	firstStr uint32
	id       uint32   // log_type_id
	index    []uint32 // own record -> offset in types
	ident    bits     // offsets of own strings at which an identifier begins
	res      Result
}

var parsers = sync.Pool{New: func() any { return new(parser) }}

func newParser(p *Profile, r *rules, big bool) *parser {
	s := parsers.Get().(*parser)
	*s = parser{p: p, rules: r, big: big, index: s.index[:0], ident: s.ident[:0]}
	return s
}

// keepIndex bounds what a pooled parser holds on to.
const keepIndex = 1 << 20

func (s *parser) free() {
	index, ident := s.index, s.ident
	if cap(index) > keepIndex || cap(ident) > keepIndex/64 {
		index, ident = nil, nil
	}
	*s = parser{index: index, ident: ident}
	parsers.Put(s)
}

// module runs the checks of btf_parse_module up to relocation.
func (s *parser) module(blob []byte, base *area) Result {
	s.which, s.base = Split, base
	s.first, s.firstStr = base.first, uint32(len(base.strs))
	if s.header(blob) && s.stringSection() && s.metas() && s.chains(base.first) {
		return accepted
	}
	return s.res
}

// vmlinux runs the checks of a kernel's own base.
func (s *parser) vmlinux(blob []byte) Result {
	s.which, s.first = Own, 1
	if s.header(blob) && s.stringSection() && s.metas() && s.chains(1) {
		return accepted
	}
	return s.res
}

// total is btf_nr_types: void is there only when a base has a type
// (btf_add_type makes it when it adds the first).
func (s *parser) total() uint32 {
	if s.base == nil && len(s.index) == 0 {
		return 0
	}
	return s.first + uint32(len(s.index))
}

func (s *parser) word(b []byte) uint32 {
	if s.big {
		return binary.BigEndian.Uint32(b)
	}
	return binary.LittleEndian.Uint32(b)
}

func (s *parser) order() binary.ByteOrder {
	if s.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

func (s *parser) half(b []byte) uint16 {
	if s.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

// kindAt is the kind of an own record by its number.
func (s *parser) kindAt(i int) btf.Kind {
	return btf.Kind(s.word(s.types[s.index[i]+4:]) >> 24 & s.p.Masks.Kind)
}

// kinds are those of all ids of a base, void included; none when it has no
// types.
func (s *parser) kinds() []btf.Kind {
	if len(s.index) == 0 {
		return nil
	}
	out := make([]btf.Kind, 1, s.total())
	for i := range s.index {
		out = append(out, s.kindAt(i))
	}
	return out
}

// str is btf_str_by_offset: false beyond the strings.
func (s *parser) str(off uint32) ([]byte, bool) {
	if off < s.firstStr {
		return cstring(s.base.strs[off:]), true
	}
	if off -= s.firstStr; uint64(off) < uint64(len(s.strs)) {
		return cstring(s.strs[off:]), true
	}
	return nil, false
}

// hasOffset is btf_name_offset_valid.
func (s *parser) hasOffset(off uint32) bool {
	return off <= maxNameOffset && uint64(off) < uint64(s.firstStr)+uint64(len(s.strs))
}

const (
	maxNameOffset = 0xffffff // BTF_MAX_NAME_OFFSET
	maxType       = 0xfffff  // BTF_MAX_TYPE
)

// The rules for names at an offset that hasOffset.
func (s *parser) identifier(off uint32) bool {
	if off < s.firstStr && s.base.ident != nil {
		return s.base.ident.has(off)
	}
	if off < s.firstStr {
		return s.scan(&s.rules.ident, off)
	}
	return s.ident.has(off - s.firstStr)
}

func (s *parser) variable(off uint32) bool {
	if off < s.firstStr && s.base.variable != nil {
		return s.base.variable.has(off)
	}
	return s.scan(&s.rules.variable, off)
}

func (s *parser) section(off uint32) bool {
	if s.rules.section.first == 0 {
		return s.scan(&s.rules.section, off) // an empty name runs into the next: no bit for that
	}
	if off < s.firstStr && s.base.section != nil {
		return s.base.section.has(off)
	}
	return s.scan(&s.rules.section, off)
}

func (s *parser) scan(r *rule, off uint32) bool {
	if off < s.firstStr {
		return r.valid(s.base.strs[off:], s.rules.max)
	}
	return r.valid(s.strs[off-s.firstStr:], s.rules.max)
}

// empty reports whether there is no string at an offset, or an empty one.
func (s *parser) empty(off uint32) bool {
	if off < s.firstStr {
		return s.base.strs[off] == 0
	}
	off -= s.firstStr
	return uint64(off) >= uint64(len(s.strs)) || s.strs[off] == 0
}
