package verdict

import (
	"fmt"
	"slices"

	"kpkg-btf/internal/btf"
)

// The kernel keeps sizes in 31 bits when it compares them (struct
// btf_name_info).
const sizeMask = 1<<31 - 1

// relocation is one run of btf_relocate: a distilled base's ids and names are
// looked up in the kernel's base by name and size.
type relocation struct {
	b           *Base
	dist, split *parser
	nDist, n    uint32   // ids of the distilled base, and with the split's
	ids         []uint32 // distilled or split id -> id on the kernel's base
	strs        []uint32 // offset in the distilled strings -> in the base's
	strIDs      []uint32 // the base type that a mapped string is from
	embedded    []bool   // distilled composites whose size must match
	crowds      map[string]*namesakes
	res         Result
}

// relocated is btf_parse_module with a .BTF.base: that is parsed as a base,
// .BTF on top of it, and the whole is moved onto the kernel's base.
func (b *Base) relocated(split *parser, blob, distilled []byte) Result {
	_, r := b.relocate(split, blob, distilled)
	return r
}

// Relocate is Module for a module with .BTF.base and gives, when accepted,
// the kernel's base_id_map: the id on the kernel's base of each distilled id,
// followed by those of the split's own ids.
func (b *Base) Relocate(split, distilled []byte) ([]uint32, Result) {
	if !b.own.OK {
		return nil, b.own
	}
	s := newParser(&b.profile, &b.rules, b.big)
	defer s.free()
	return b.relocate(s, split, distilled)
}

func (b *Base) relocate(split *parser, blob, distilled []byte) ([]uint32, Result) {
	m, r := b.relocation(split, blob, distilled, nil)
	if !r.OK {
		return nil, r
	}
	return m.ids, r
}

// Relocated is the .BTF of a module with .BTF.base as the kernel leaves it
// when it has accepted it, which /sys/kernel/btf/NAME shows: split BTF on the
// kernel's own base, as long as it was. Its bytes are the kernel's only where
// it has a .BTF.base that the kernel honours; otherwise they are the module's.
func (b *Base) Relocated(split, distilled []byte) ([]byte, Result) {
	if len(split) == 0 || distilled == nil || !b.profile.ModuleBTF || !b.profile.Distilled || !b.own.OK {
		return slices.Clone(split), b.Module(split, distilled)
	}
	s := newParser(&b.profile, &b.rules, b.big)
	defer s.free()
	out := slices.Clone(split)
	if _, r := b.relocation(s, split, distilled, out); !r.OK {
		return nil, r
	}
	return out, accepted
}

// relocation relocates; into is a copy of the blob to be rewritten, or nil.
func (b *Base) relocation(split *parser, blob, distilled, into []byte) (*relocation, Result) {
	dist := newParser(&b.profile, &b.rules, b.big)
	defer dist.free()
	dist.which, dist.first = Distilled, 1
	if !dist.header(distilled) || !dist.stringSection() || !dist.metas() || !dist.chains(1) {
		return nil, dist.res
	}
	base := area{strs: dist.strs, first: dist.total(), kinds: dist.kinds()}
	if r := split.module(blob, &base); !r.OK {
		return nil, r
	}
	m := &relocation{b: b, dist: dist, split: split, nDist: base.first, n: split.total()}
	if !m.shapes() || !m.markEmbedded() || !m.mapTypes() || !m.rewritable() {
		return nil, m.res
	}
	if into != nil {
		m.rewrite(into)
	}
	return m, accepted
}

// refuse records a message of btf_relocate, which does not go through the
// verifier's log and so has no prefix. pos is in the blob named.
func (m *relocation) refuse(rule string, errno Errno, in Blob, id, pos uint32, format string, args ...any) bool {
	m.res = Result{Errno: errno, Rule: "reloc." + rule, Blob: in, TypeID: id, Offset: pos, Text: fmt.Sprintf(format, args...)}
	if m.res.Text != "" {
		m.res.Lines = []string{m.res.Text}
	}
	return false
}

// undefined records that the kernel leaves its memory: what follows is luck.
func (m *relocation) undefined(rule string, id, pos uint32) bool {
	m.res = Result{Undefined: true, Rule: "reloc." + rule, Blob: Split, TypeID: id, Offset: pos}
	return false
}

// at views an own record that the first pass has accepted.
func (s *parser) at(id uint32) record {
	off := s.index[id-s.first]
	b := s.types[off:]
	info := s.word(b[4:])
	t := record{
		pos: s.typesPos + off, name: s.word(b), size: s.word(b[8:]),
		vlen: info & s.p.Masks.Vlen, kind: btf.Kind(info >> 24 & s.p.Masks.Kind), kflag: info>>31 != 0,
	}
	shape := t.kind.Shape()
	t.extra = b[recordHead:][:int(shape.Fixed)+int(shape.Elem)*int(t.vlen)]
	return t
}

// shapes mirrors btf_relocate_validate_distilled_base.
func (m *relocation) shapes() bool {
	for id := uint32(1); id < m.nDist; id++ {
		t := m.dist.at(id)
		switch t.kind {
		case btf.Int, btf.Float, btf.Enum, btf.Struct, btf.Union, btf.Fwd:
			if t.name == 0 {
				return m.refuse("anonymous", EINVAL, Distilled, id, t.pos,
					"type [%d], kind [%d] is invalid for distilled base BTF; it is anonymous", id, uint8(t.kind))
			}
		default:
			return m.refuse("kind", EINVAL, Distilled, id, t.pos+offInfo,
				"type [%d] in distilled based BTF has unexpected kind [%d]", id, uint8(t.kind))
		}
	}
	return true
}

// markEmbedded mirrors the loop over btf_mark_embedded_composite_type_ids. In
// 6.11.0 the loop's end was a count where an id was meant.
func (m *relocation) markEmbedded() bool {
	m.embedded = make([]bool, m.nDist)
	sinks := make([]uint32, m.n)
	end := m.n
	if m.b.profile.EmbeddedBug {
		end = m.n - m.nDist
	}
	for id := m.nDist; id < end; id++ {
		t := m.split.at(id)
		if !t.kind.Composite() {
			continue
		}
		for i := range t.vlen {
			_, ref, _ := m.split.member(&t, i)
			sink, ok := m.sink(sinks, ref)
			if !ok {
				return m.undefined("embedded", id, t.pos+recordHead+12*i+4)
			}
			if sink != 0 && sink < m.nDist {
				m.embedded[sink] = true
			}
		}
	}
	return true
}

const noSink = ^uint32(0)

// sink follows modifiers and arrays to a struct or union, 0 when there is
// none. It is false when the kernel would follow an id that leads nowhere, or
// an array of itself for ever. sinks remembers, so that each link is followed
// once.
func (m *relocation) sink(sinks []uint32, from uint32) (uint32, bool) {
	id, end := from, uint32(0)
	for steps := uint32(0); id != 0; steps++ {
		if id >= m.n || steps > m.n {
			return 0, false
		}
		if sinks[id] != 0 {
			end = sinks[id]
			break
		}
		next, composite := m.next(id)
		if composite {
			end = id
			break
		}
		id = next
	}
	if end == 0 {
		end = noSink
	}
	for id = from; id != 0 && sinks[id] == 0; {
		sinks[id] = end
		id, _ = m.next(id)
	}
	if end == noSink {
		end = 0
	}
	return end, true
}

// next is the id that an embedded type leads to, 0 for the end.
func (m *relocation) next(id uint32) (next uint32, composite bool) {
	if id < m.nDist {
		return 0, m.dist.at(id).kind.Composite()
	}
	t := m.split.at(id)
	switch {
	case t.kind.Modifier():
		return t.size, false
	case t.kind == btf.Array:
		return m.split.word(t.extra), false
	}
	return 0, t.kind.Composite()
}

// rewritable mirrors what btf_relocate_rewrite_type_id and
// btf_relocate_rewrite_strs can stumble over: all ids first, then all strings.
func (m *relocation) rewritable() bool {
	wild := true
	for id := m.nDist; id < m.n && wild; id++ {
		t := m.split.at(id)
		m.split.fields(&t, false, func(pos, ref uint32) bool {
			if ref >= m.n {
				wild = m.undefined("id", id, pos)
			}
			return wild
		})
	}
	ok := true
	for id := m.nDist; id < m.n && ok; id++ {
		t := m.split.at(id)
		m.split.fields(&t, true, func(pos, off uint32) bool {
			if off == 0 || off >= uint32(len(m.strs)) || m.strs[off] != 0 {
				return true
			}
			// The kernel prints the string at the new offset, which is 0.
			ok = m.refuse("string", ENOENT, Split, id, pos, "string '%s' [offset %d] is not mapped to base BTF", "", off)
			return false
		})
	}
	return ok && wild
}

// rewrite puts the ids and string offsets of the kernel's base into a copy of
// the blob. Own strings follow the base's instead of the distilled ones.
func (m *relocation) rewrite(into []byte) {
	put := func(pos, v uint32) bool {
		m.split.order().PutUint32(into[pos:], v)
		return true
	}
	distLen, shift := uint32(len(m.strs)), uint32(len(m.b.area.strs))-uint32(len(m.strs))
	for id := m.nDist; id < m.n; id++ {
		t := m.split.at(id)
		m.split.fields(&t, false, func(pos, ref uint32) bool { return put(pos, m.ids[ref]) })
		m.split.fields(&t, true, func(pos, off uint32) bool {
			switch {
			case off == 0:
				return true
			case off < distLen:
				return put(pos, m.strs[off])
			}
			return put(pos, off+shift)
		})
	}
}

// fields yields the type ids of a record, or its string offsets, in the order
// the kernel's iterator has.
func (s *parser) fields(t *record, strs bool, yield func(pos, v uint32) bool) {
	shape := t.kind.Shape()
	fixed, elem := shape.FixedRefs, shape.ElemRefs
	if strs {
		fixed, elem = 0, shape.ElemStrs
		if !yield(t.pos, t.name) {
			return
		}
	} else if shape.HeadRef && !yield(t.pos+offSize, t.size) {
		return
	}
	at := func(off uint32) bool { return yield(t.pos+recordHead+off, s.word(t.extra[off:])) }
	for w := uint32(0); fixed>>w != 0; w++ {
		if fixed>>w&1 != 0 && !at(4*w) {
			return
		}
	}
	if elem == 0 {
		return
	}
	for i := range t.vlen {
		for w := uint32(0); elem>>w != 0; w++ {
			if elem>>w&1 != 0 && !at(uint32(shape.Fixed)+i*uint32(shape.Elem)+4*w) {
				return
			}
		}
	}
}
