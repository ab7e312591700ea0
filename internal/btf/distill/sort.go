package distill

import (
	"bytes"
	"encoding/binary"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

// sort puts the types of the split into the order of their names.
func (r *Result) sort() error {
	base, err := btf.Parse(r.Base)
	if err != nil {
		return where.New(where.Internal, "the distilled base: %w", err)
	}
	split, err := btf.ParseSplit(r.Split, base)
	if err != nil {
		return where.New(where.Internal, "the distilled split: %w", err)
	}
	type named struct {
		rec  btf.Record
		name []byte
	}
	list := make([]named, 0, split.OwnTypes())
	for t := range split.Types {
		name, _ := split.Str(t.Name)
		list = append(list, named{t, name})
	}
	slices.SortStableFunc(list, func(a, b named) int { return bytes.Compare(a.name, b.name) })
	r.places = make([]btf.ID, len(list))
	for i := range list {
		r.places[list[i].rec.ID-r.newFirst] = r.newFirst + btf.ID(i)
	}
	var order binary.ByteOrder = binary.LittleEndian
	if split.BigEndian() {
		order = binary.BigEndian
	}
	h := split.Header()
	out := slices.Clone(r.Split[:h.Len+h.TypeOff])
	for i := range list {
		t := &list[i].rec
		at := len(out)
		out = append(out, split.RecordBytes(t)...)
		for pos, id := range t.Refs {
			order.PutUint32(out[at:][pos-t.Pos:], uint32(r.place(id)))
		}
	}
	r.Split = append(out, r.Split[len(out):]...)
	return nil
}
