// Package distill turns a module's split BTF into the pair that kernels from
// 6.11 relocate onto their own base at load: .BTF.base with the bare outlines
// of what the split names in its base, and a .BTF on top of that which carries
// everything else it reaches. The result is that of libbpf 1.5's
// btf__distill_base, byte for byte, with these exceptions, all of them
// refusals: a base that would be empty (ErrEmpty), outlines without a name
// (btf_relocate_validate_distilled_base would refuse them), names that begin
// inside a string (the mark of a split that was not built on this base), and
// forward declarations that refer to a type.
//
// What libbpf does, as read in its sources at v1.5.0 (src/btf.c):
//
//   - INT, FLOAT and FWD go to the base as they are; STRUCT and UNION with a
//     name offset become records without members and without kind_flag, ENUM
//     and ENUM64 with one become an ENUM without values or kind_flag. A
//     TYPEDEF is never distilled: it goes to the split with what it leads to.
//     Embedded or only pointed at makes no difference here; the kernel finds
//     that out itself (btf_mark_embedded_composite_type_ids).
//   - Base types come in the order of their ids; so do those appended to the
//     split, after its own.
//   - Strings are interned by content when a record first uses them, records
//     in the order they are written, a record's own name before those of its
//     elements; the split looks in the new base's strings first. A string
//     that no record uses is dropped.
//   - Where the base is sorted by name, as kernels from 7.0 have it, the split is
//     sorted after distilling, as that series' resolve_btfids does it: types
//     without a name first, then by name, in the order before where names are
//     equal. The outlines stay in the order of their ids.
//   - The header has 24 bytes and types before strings. A layout section
//     (7.1+) is dropped.
package distill

import (
	"errors"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

// ErrEmpty says that a split names nothing of its base that could be
// distilled. Kernels count the void type of an empty .BTF.base wrongly and
// would shift every id by one (docs/kernel-rules.md, "Distilled bases"), so none is made.
var ErrEmpty = errors.New("the distilled base would be empty")

// Result is one distilled module. It shares no memory with its sources.
type Result struct {
	// Split is the new .BTF, Base the .BTF.base below it.
	Split, Base []byte

	first, end, newFirst btf.ID
	old, new             []btf.ID // base ids carried over, ascending, and what they became
	places               []btf.ID // of a sorted split: where its types are, in the order before
}

// ID returns the new id of an old one, of the base or the split's own: what a
// word of .BTF_ids must be rewritten to. It is false for a base type that the
// split does not reach, which is in neither part of the result, and for ids
// beyond the last.
func (r *Result) ID(old btf.ID) (btf.ID, bool) {
	if old >= r.first {
		return r.place(old - r.first + r.newFirst), old < r.end
	}
	if old == 0 {
		return 0, true
	}
	i, found := slices.BinarySearch(r.old, old)
	if !found {
		return 0, false
	}
	return r.place(r.new[i]), true
}

// place is where a type of the result is, once it was sorted.
func (r *Result) place(id btf.ID) btf.ID {
	if id < r.newFirst || int(id-r.newFirst) >= len(r.places) {
		return id
	}
	return r.places[id-r.newFirst]
}

// Distiller holds the scratch memory of one worker: 4 bytes a type of the
// base, and the largest module so far. The zero value is ready. It is not safe
// for concurrent use.
type Distiller struct {
	split, base *btf.Raw
	reach       reach
	strs        stringTable
	types       []byte
	baseTypes   int // bytes of types that are the base's
}

// Distill distils a split that lies on the base it was built on; see the
// package for the rules. Offsets in errors are in the split or, after a step
// named "base", in the base.
func (d *Distiller) Distill(split *btf.Raw) (*Result, error) {
	if split.Base() == nil {
		return nil, where.New(where.Malformed, "BTF without a base cannot be distilled")
	}
	d.split, d.base = split, split.Base()
	if err := d.mark(); err != nil {
		return nil, err
	}
	d.reach.number(split)
	if len(d.reach.outlines) == 0 {
		return nil, where.New(where.Unsupported, "%w", ErrEmpty).WithHint("a module that names no type of the kernel can only keep or lose its BTF")
	}
	if err := d.writeBase(); err != nil {
		return nil, err
	}
	if err := d.writeSplit(); err != nil {
		return nil, err
	}
	r, err := d.result()
	if err != nil || !d.base.Sorted() {
		return r, err
	}
	return r, r.sort()
}
