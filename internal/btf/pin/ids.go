package pin

import (
	"cmp"
	"encoding/binary"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

// Words are what the symbols of vmlinux say of its section .BTF_ids, all as
// offsets into it: the words that are ids, and where sets begin.
type Words struct {
	IDs        []int
	Sets, Set8 []int
}

// Rewrite gives every id of a section .BTF_ids that was resolved on the new
// base its number in the pinned one. Sets are sorted again, flags with their
// ids, as the kernel's search by halves needs it (btf_id_set8_contains).
func (r *Result) Rewrite(data []byte, order binary.ByteOrder, w Words) ([]byte, error) {
	out := slices.Clone(data)
	for _, off := range w.IDs {
		if off < 0 || off+4 > len(out) || off%4 != 0 {
			return nil, where.New(where.Malformed, "an id of .BTF_ids at %#x, there are %#x bytes", off, len(out))
		}
		old := btf.ID(order.Uint32(data[off:]))
		id, ok := r.ID(old)
		if !ok {
			return nil, where.New(where.Malformed, "id %d, there is no such type", old).At(int64(off))
		}
		order.PutUint32(out[off:], uint32(id))
	}
	for _, off := range w.Sets {
		if err := sortSet(out, order, off, 4, 4); err != nil {
			return nil, err
		}
	}
	for _, off := range w.Set8 {
		if err := sortSet(out, order, off, 8, 8); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sortSet sorts the members of step bytes behind a head that begins with
// their number.
func sortSet(data []byte, order binary.ByteOrder, off, head, step int) error {
	if off < 0 || off%4 != 0 || off+head > len(data) {
		return where.New(where.Malformed, "a set of .BTF_ids at %#x, there are %#x bytes", off, len(data))
	}
	n := int64(order.Uint32(data[off:]))
	if n > int64(len(data)-off-head)/int64(step) {
		return where.New(where.Malformed, "a set of %d ids, %d bytes are left", n, len(data)-off-head).At(int64(off))
	}
	body := data[off+head : off+head+int(n)*step]
	members := make([][]byte, n)
	for i := range members {
		members[i] = slices.Clone(body[i*step : (i+1)*step])
	}
	slices.SortStableFunc(members, func(a, b []byte) int { return cmp.Compare(order.Uint32(a), order.Uint32(b)) })
	copy(body, slices.Concat(members...))
	return nil
}
