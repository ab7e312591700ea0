package btf

import (
	"sync"

	"kpkg-btf/internal/where"
)

// Raw is one validated BTF blob over its bytes, alone (a base) or on top of a
// base (a split). Validated means: sections within the blob and not
// overlapping, strings NUL-terminated, every record of a known kind and in
// bounds. Whether ids and string offsets lead anywhere is for the walkers. It
// is safe for concurrent use; the bytes must not change.
type Raw struct {
	hdr   Header
	masks Masks
	data  []byte // cut
	types []byte
	strs  []byte
	base  *Raw

	first    ID
	firstStr StrOff
	own      uint32

	indexOnce sync.Once
	index     []uint32 // own record number -> offset in types

	sortedOnce sync.Once
	sorted     bool

	nameOnce sync.Once
	names    nameTable
}

// Parse reads a base.
func Parse(b []byte) (*Raw, error) { return ParseWith(b, nil, DefaultMasks) }

// ParseSplit reads a module's BTF on top of its base (vmlinux or .BTF.base).
// The base's content is not looked at, only its counts and byte order.
func ParseSplit(b []byte, base *Raw) (*Raw, error) { return ParseWith(b, base, DefaultMasks) }

// ParseWith reads a base (base nil) or a split with the masks of one kernel.
// Offsets in errors are from the start of b.
func ParseWith(b []byte, base *Raw, m Masks) (*Raw, error) {
	cut, err := Cut(b)
	if err != nil {
		return nil, err
	}
	h, err := ReadHeader(cut)
	if err != nil {
		return nil, err
	}
	r := &Raw{hdr: h, masks: m, data: cut, base: base, first: 1}
	if err := r.setBase(); err != nil {
		return nil, err
	}
	if err := r.sections(); err != nil {
		return nil, err
	}
	if err := r.count(); err != nil {
		return nil, err
	}
	return r, nil
}

// CheckSplit returns what is wrong in a module's BTF whatever its base is:
// header, sections, and records that do not lie within them.
func CheckSplit(b []byte) error {
	h, err := ReadHeader(b)
	if err != nil {
		return err
	}
	_, err = ParseSplit(b, &Raw{hdr: Header{BigEndian: h.BigEndian}, first: 1})
	return err
}

func (r *Raw) setBase() error {
	if r.base == nil {
		return nil
	}
	if r.base.base != nil {
		return where.New(where.Unsupported, "split BTF on top of split BTF")
	}
	if r.base.hdr.BigEndian != r.hdr.BigEndian {
		return where.New(where.Malformed, "byte order of the BTF differs from its base's").At(0)
	}
	r.first = ID(r.base.NumTypes())
	r.firstStr = StrOff(len(r.base.strs))
	return nil
}

// sections slices types and strings out of the cut blob, whose end the header
// itself set, so they are in bounds.
func (r *Raw) sections() error {
	h := &r.hdr
	slice := func(off, n uint32) []byte {
		if n == 0 {
			return nil
		}
		from := uint64(h.Len) + uint64(off)
		return r.data[from : from+uint64(n)]
	}
	r.types, r.strs = slice(h.TypeOff, h.TypeLen), slice(h.StrOff, h.StrLen)
	if h.TypeLen != 0 && h.StrLen != 0 && overlap(h.TypeOff, h.TypeLen, h.StrOff, h.StrLen) {
		return where.New(where.Malformed, "BTF type and string sections overlap").At(minHeader)
	}
	strAt := int64(h.Len) + int64(h.StrOff)
	switch {
	case len(r.strs) == 0 && r.base == nil:
		return where.New(where.Malformed, "BTF base without strings").At(16)
	case len(r.strs) == 0:
	case r.strs[len(r.strs)-1] != 0:
		return where.New(where.Malformed, "BTF strings do not end with NUL").At(strAt + int64(len(r.strs)) - 1)
	case r.base == nil && r.strs[0] != 0:
		return where.New(where.Malformed, "BTF strings do not begin with NUL").At(strAt)
	}
	return nil
}

func overlap(a, an, b, bn uint32) bool {
	return uint64(a) < uint64(b)+uint64(bn) && uint64(b) < uint64(a)+uint64(an)
}

// meanRecord is a little less than the mean record of real bases (25 to 28).
const meanRecord = 24

// count walks the records once, proving that each lies within the section. A
// base is indexed on the way.
func (r *Raw) count() error {
	n, off := uint32(0), 0
	var index []uint32
	if r.base == nil {
		index = make([]uint32, 0, len(r.types)/meanRecord)
	}
	for off < len(r.types) {
		if r.base == nil {
			index = append(index, uint32(off))
		}
		if len(r.types)-off < recordHead {
			return r.bad(n, off, where.Malformed, "%d bytes left, a record needs %d", len(r.types)-off, recordHead)
		}
		info := word(r.types, off+4, r.hdr.BigEndian)
		kind := Kind(info >> 24 & r.masks.Kind)
		if kind == Void {
			return r.bad(n, off, where.Malformed, "kind 0")
		}
		if kind > MaxKind {
			return r.bad(n, off, where.Unsupported, "unknown kind %d", kind)
		}
		s := &shapes[kind]
		size := recordHead + uint64(s.Fixed) + uint64(s.Elem)*uint64(info&r.masks.Vlen)
		if size > uint64(len(r.types)-off) {
			return r.bad(n, off, where.Malformed, "%s of %d bytes, %d left", s.Name, size, len(r.types)-off)
		}
		off += int(size)
		n++
	}
	r.own, r.index = n, index
	return nil
}

func (r *Raw) bad(n uint32, off int, kind where.Kind, format string, args ...any) error {
	e := where.New(kind, "BTF type [%d]: "+format, append([]any{r.first + ID(n)}, args...)...)
	return e.At(int64(r.hdr.Len) + int64(r.hdr.TypeOff) + int64(off))
}

// Header returns the blob's header.
func (r *Raw) Header() Header { return r.hdr }

// BigEndian is the byte order of the blob.
func (r *Raw) BigEndian() bool { return r.hdr.BigEndian }

// Bytes returns the blob, cut at the end of its last section.
func (r *Raw) Bytes() []byte { return r.data }

// Base returns what a split lies on, nil for a base.
func (r *Raw) Base() *Raw { return r.base }

// NumTypes is the number of ids, base's and void included: the kernel's
// btf_nr_types, and the first id of a split on top.
func (r *Raw) NumTypes() uint32 { return uint32(r.first) + r.own }

// OwnTypes is the number of the blob's own records.
func (r *Raw) OwnTypes() int { return int(r.own) }

// FirstID is the id of the first own record.
func (r *Raw) FirstID() ID { return r.first }

// StrLen is the length of the blob's own string section.
func (r *Raw) StrLen() uint32 { return uint32(len(r.strs)) }

// FirstStr is the offset of the blob's own first string byte: the StrLen of
// the base, 0 in a base.
func (r *Raw) FirstStr() StrOff { return r.firstStr }

// StrEnd is one more than the last string offset, base's included.
func (r *Raw) StrEnd() uint64 { return uint64(r.firstStr) + uint64(len(r.strs)) }

// Strings returns the blob's own string section.
func (r *Raw) Strings() []byte { return r.strs }
