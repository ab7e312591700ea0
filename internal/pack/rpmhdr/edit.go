package rpmhdr

import (
	"bytes"
	"encoding/binary"
	"sort"

	"kpkg-btf/internal/where"
)

// Edit is a header whose values are overwritten in place: type, count and
// length stay, so the layout and every other byte do, too.
type Edit struct {
	h   *Header
	raw []byte
}

// Edit begins a change; the header itself is not changed. A header that does
// not serialise to the bytes it was read from is refused.
func (h *Header) Edit() (*Edit, error) {
	if !bytes.Equal(h.Serialize(), h.raw) {
		return nil, where.New(where.Unsupported, "rpm header would not be written back as it is")
	}
	return &Edit{h: h, raw: bytes.Clone(h.raw)}, nil
}

// values is the place of a tag's values in the new bytes.
func (e *Edit) values(t Tag) (*Entry, []byte) {
	ent, ok := e.h.Find(t)
	if !ok {
		return nil, nil
	}
	at := IntroLen + len(e.h.Entries)*EntryLen + int(ent.Offset)
	return ent, e.raw[at : at+ent.Len]
}

// SetInt overwrites value i of an integer tag. A value that is too large for
// the tag's type is Unsupported.
func (e *Edit) SetInt(t Tag, i int, v uint64) error {
	ent, data := e.values(t)
	if ent == nil || i < 0 || i >= int(ent.Count) {
		return where.New(where.Internal, "rpm header tag %d has no value #%d", t, i)
	}
	be := binary.BigEndian
	switch {
	case ent.Type == Int32 && v < 1<<32:
		be.PutUint32(data[4*i:], uint32(v))
	case ent.Type == Int64:
		be.PutUint64(data[8*i:], v)
	case ent.Type == Int32:
		return where.New(where.Unsupported, "rpm header tag %d: %d does not fit its 32 bits", t, v)
	default:
		return wrongType(t, ent, "32- or 64-bit integers")
	}
	return nil
}

// SetText overwrites string i of a tag with one of the same length.
func (e *Edit) SetText(t Tag, i int, s string) error {
	ent, data := e.values(t)
	if ent == nil || ent.Type != String && ent.Type != StringArray || i < 0 || i >= int(ent.Count) {
		return where.New(where.Internal, "rpm header tag %d has no string #%d", t, i)
	}
	for range i {
		data = data[bytes.IndexByte(data, 0)+1:]
	}
	if n := bytes.IndexByte(data, 0); n != len(s) {
		return where.New(where.Unsupported, "rpm header tag %d: string #%d has %d bytes, the new one %d", t, i, n, len(s))
	}
	copy(data, s)
	return nil
}

// SetData overwrites the bytes of a binary tag.
func (e *Edit) SetData(t Tag, b []byte) error {
	ent, data := e.values(t)
	if ent == nil || ent.Type != Bin || len(data) != len(b) {
		return where.New(where.Internal, "rpm header tag %d has no %d bytes", t, len(b))
	}
	copy(data, b)
	return nil
}

// Header is the changed header, read again.
func (e *Edit) Header() (*Header, error) { return Parse(e.raw, e.h.Region) }

// Value is the whole of a tag: its data as the store has them.
type Value struct {
	Type  Type
	Count uint32
	Data  []byte
}

// BinValue and TextsValue make values.
func BinValue(b []byte) *Value { return &Value{Bin, uint32(len(b)), b} }

// TextsValue is a string array.
func TextsValue(all []string) *Value {
	v := &Value{Type: StringArray, Count: uint32(len(all))}
	for _, s := range all {
		v.Data = append(append(v.Data, s...), 0)
	}
	return v
}

// Relay lays the header out again with some tags replaced, added or (nil)
// left out, as rpm's headerExport does: index by tag, values in the order of
// the index and aligned, the region's trailer behind what it covers, dribbles
// after it. New tags go into the region. A header that does not have this
// layout itself is Unsupported.
func (h *Header) Relay(change map[Tag]*Value) (*Header, error) {
	if !bytes.Equal(h.relay(nil), h.raw) {
		return nil, where.New(where.Unsupported, "rpm header is laid out in a way that would not be written back as it is")
	}
	return Parse(h.relay(change), h.Region)
}

type placed struct {
	tag Tag
	Value
}

// entries returns those of a part of the index after the change.
func (h *Header) entries(from, to int, change map[Tag]*Value) []placed {
	var out []placed
	for i := from; i < to; i++ {
		e := &h.Entries[i]
		v, changed := change[e.Tag]
		if changed && v == nil {
			continue
		}
		if !changed {
			v = &Value{e.Type, e.Count, h.Store[e.Offset : int(e.Offset)+e.Len]}
		}
		out = append(out, placed{e.Tag, *v})
	}
	return out
}

func (h *Header) relay(change map[Tag]*Value) []byte {
	region := h.entries(1, h.Covered, change)
	for t, v := range change {
		if v != nil && !h.Has(t) {
			region = append(region, placed{t, *v})
		}
	}
	if len(change) > 0 {
		sort.SliceStable(region, func(i, j int) bool { return region[i].tag < region[j].tag })
	}
	dribbles := h.entries(h.Covered, len(h.Entries), change)
	first := h.Entries[0]
	var index, store []byte
	put := func(p placed) {
		if w := int(width[p.Type]); w > 1 {
			store = append(store, make([]byte, -len(store)&(w-1))...)
		}
		e := Entry{Tag: p.tag, Type: p.Type, Offset: int32(len(store)), Count: p.Count}
		index = e.encode(index)
		store = append(store, p.Data...)
	}
	for _, p := range region {
		put(p)
	}
	trailer := decodeEntry(h.Store[first.Offset:])
	first.Offset, trailer.Offset = int32(len(store)), -int32((1+len(region))*EntryLen)
	store = trailer.encode(store)
	for _, p := range dribbles {
		put(p)
	}
	be := binary.BigEndian
	out := append(bytes.Clone(headerMagic[:]), h.raw[4:8]...)
	out = be.AppendUint32(out, uint32(1+len(region)+len(dribbles)))
	out = be.AppendUint32(out, uint32(len(store)))
	out = first.encode(out)
	return append(append(out, index...), store...)
}
