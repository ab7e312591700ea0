package kmod

import (
	"encoding/binary"

	"kpkg-btf/internal/btf"
)

// TypeIDs are the type ids in the module's .BTF_ids; sure is false when nothing
// says which words they are, and all words that may be are given. Those of a
// module with a .BTF.base are the ones that the kernel relocates: the members
// of sets.
func (f *Facts) TypeIDs() (ids []btf.ID, sure bool) {
	if f.IDs == nil {
		return nil, true
	}
	if !f.IDs.Located {
		return f.IDWords(), false
	}
	for _, w := range f.IDs.Words {
		if w.ID != 0 && (f.BTFBase.Missing() || w.Set >= 0) {
			ids = append(ids, btf.ID(w.ID))
		}
	}
	return ids, true
}

// IDWords are all words of .BTF_ids but zeros, whatever they are.
func (f *Facts) IDWords() (ids []btf.ID) {
	if f.IDs == nil {
		return nil
	}
	order := binary.ByteOrder(binary.LittleEndian)
	if f.BigEndian {
		order = binary.BigEndian
	}
	for b := f.IDs.Data; len(b) >= 4; b = b[4:] {
		if id := order.Uint32(b); id != 0 {
			ids = append(ids, btf.ID(id))
		}
	}
	return ids
}
