package btf

import "math/bits"

// Record is a view of one type record. Its meaning depends on Kind as the
// Shape says; Extra is what follows the 12-byte head.
type Record struct {
	Extra    []byte
	ID       ID
	Pos      uint32 // byte offset of the record in the blob
	Name     StrOff
	Vlen     uint32
	SizeType uint32 // size or type id
	Kind     Kind
	KFlag    bool
	big      bool
}

// Info builds the info word as it is in the file with wide masks.
func (t *Record) Info() uint32 {
	info := uint32(t.Kind)<<24 | t.Vlen
	if t.KFlag {
		info |= kflagBit
	}
	return info
}

// Ref is the head's type id; only where Shape.HeadRef.
func (t *Record) Ref() ID { return ID(t.SizeType) }

// Word is the i-th 32-bit word of Extra.
func (t *Record) Word(i int) uint32 { return word(t.Extra, 4*i, t.big) }

// WordPos is the byte offset in the blob of the i-th word of Extra.
func (t *Record) WordPos(i int) uint32 { return t.Pos + recordHead + 4*uint32(i) }

// Member is one member of a STRUCT or UNION.
type Member struct {
	Name    StrOff
	Type    ID
	BitOff  uint32
	BitSize uint32 // of a bitfield, else 0
}

// Member returns the i-th member; i < Vlen. With KFlag the offset word holds
// the bitfield size in its top byte.
func (t *Record) Member(i int) Member {
	m := Member{Name: StrOff(t.Word(3 * i)), Type: ID(t.Word(3*i + 1)), BitOff: t.Word(3*i + 2)}
	if t.KFlag {
		m.BitSize, m.BitOff = m.BitOff>>24, m.BitOff&0xffffff
	}
	return m
}

// Param returns name and type of the i-th parameter of a FUNC_PROTO; a last
// parameter of type 0 without name is "...".
func (t *Record) Param(i int) (StrOff, ID) { return StrOff(t.Word(2 * i)), ID(t.Word(2*i + 1)) }

// Enumerator returns name and value of the i-th element of an ENUM or ENUM64.
// The value is sign-extended when the record's KFlag says signed.
func (t *Record) Enumerator(i int) (StrOff, uint64) {
	if t.Kind == Enum64 {
		return StrOff(t.Word(3 * i)), uint64(t.Word(3*i+1)) | uint64(t.Word(3*i+2))<<32
	}
	v := t.Word(2*i + 1)
	if t.KFlag {
		return StrOff(t.Word(2 * i)), uint64(int64(int32(v)))
	}
	return StrOff(t.Word(2 * i)), uint64(v)
}

// Secinfo returns variable, offset and size of the i-th entry of a DATASEC.
func (t *Record) Secinfo(i int) (v ID, off, size uint32) {
	return ID(t.Word(3 * i)), t.Word(3*i + 1), t.Word(3*i + 2)
}

// Array returns element type, index type and length of an ARRAY.
func (t *Record) Array() (elem, index ID, n uint32) {
	return ID(t.Word(0)), ID(t.Word(1)), t.Word(2)
}

// Int returns encoding (1 signed, 2 char, 4 bool), bit offset and bits of an INT.
func (t *Record) Int() (encoding, off, bits uint8) {
	w := t.Word(0)
	return uint8(w >> 24 & 0xf), uint8(w >> 16), uint8(w)
}

// Refs yields every type id of the record with its byte offset in the blob.
func (t *Record) Refs(yield func(pos uint32, id ID) bool) {
	s := &shapes[t.Kind]
	if s.HeadRef && !yield(t.Pos+8, ID(t.SizeType)) {
		return
	}
	if s.FixedRefs|s.ElemRefs != 0 {
		fields(t, s, s.FixedRefs, s.ElemRefs, yield)
	}
}

// Names yields every string offset of the record, its own name first, with
// its byte offset in the blob.
func (t *Record) Names(yield func(pos uint32, off StrOff) bool) {
	s := &shapes[t.Kind]
	if yield(t.Pos, t.Name) && s.ElemStrs != 0 {
		fields(t, s, 0, s.ElemStrs, yield)
	}
}

// fields yields the words of Extra that two field sets name.
func fields[T ~uint32](t *Record, s *Shape, fixed, elem uint8, yield func(pos uint32, v T) bool) {
	for m := fixed; m != 0; m &= m - 1 {
		w := bits.TrailingZeros8(m)
		if !yield(t.WordPos(w), T(t.Word(w))) {
			return
		}
	}
	if elem == 0 {
		return
	}
	step := int(s.Elem)
	for at := int(s.Fixed); at < len(t.Extra); at += step {
		for m := elem; m != 0; m &= m - 1 {
			off := at + 4*bits.TrailingZeros8(m)
			if !yield(t.Pos+recordHead+uint32(off), T(word(t.Extra, off, t.big))) {
				return
			}
		}
	}
}

// Types yields the blob's own records in id order, without allocating:
//
//	for t := range r.Types { … }
func (r *Raw) Types(yield func(Record) bool) {
	id := r.first
	for off := 0; off < len(r.types); id++ {
		t := r.at(off, id)
		if !yield(t) {
			return
		}
		off += recordHead + len(t.Extra)
	}
}

// at views the record at an offset that count has visited.
func (r *Raw) at(off int, id ID) Record {
	big := r.hdr.BigEndian
	head := r.types[off : off+recordHead]
	info := word(head, 4, big)
	t := Record{
		ID: id, Pos: r.hdr.Len + r.hdr.TypeOff + uint32(off), big: big,
		Name: StrOff(word(head, 0, big)), SizeType: word(head, 8, big),
		Kind: Kind(info >> 24 & r.masks.Kind), KFlag: info&kflagBit != 0, Vlen: info & r.masks.Vlen,
	}
	s := &shapes[t.Kind]
	n := int(s.Fixed) + int(s.Elem)*int(t.Vlen)
	t.Extra = r.types[off+recordHead : off+recordHead+n]
	return t
}

func (r *Raw) buildIndex() {
	if r.index != nil {
		return // by Parse
	}
	r.index = make([]uint32, 0, r.own)
	for off := 0; off < len(r.types); {
		r.index = append(r.index, uint32(off))
		info := word(r.types, off+4, r.hdr.BigEndian)
		s := &shapes[Kind(info>>24&r.masks.Kind)]
		off += recordHead + int(s.Fixed) + int(s.Elem)*int(info&r.masks.Vlen)
	}
}

// Record returns the record behind an id, the base's included. Id 0 is a record
// of kind Void. It is false for an id beyond the last. The first call on a
// split builds its index (4 bytes a type).
func (r *Raw) Record(id ID) (Record, bool) {
	if id < r.first {
		if id == 0 {
			return Record{}, true
		}
		return r.base.Record(id)
	}
	n := uint32(id - r.first)
	if n >= r.own {
		return Record{}, false
	}
	r.indexOnce.Do(r.buildIndex)
	return r.at(int(r.index[n]), id), true
}

// Kind returns the kind behind an id; Void for id 0 and for ids beyond the last.
func (r *Raw) Kind(id ID) Kind {
	t, _ := r.Record(id)
	return t.Kind
}

// RecordBytes returns the bytes of an own record, head included.
func (r *Raw) RecordBytes(t *Record) []byte {
	return r.data[t.Pos : int(t.Pos)+recordHead+len(t.Extra)]
}
