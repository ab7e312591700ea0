package distill

import (
	"math/bits"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

// Where a base type goes.
const (
	outline  btf.ID = 1 // to the distilled base
	appended btf.ID = 2 // to the split, in full
)

// reach is what a split reaches of its base.
type reach struct {
	bits []uint64 // base ids reached
	// ids says of each base id where it goes, once numbered what it becomes;
	// 0 when it is not reached.
	ids                     []btf.ID
	all, outlines, appended []btf.ID // old ids, ascending
	todo                    []btf.ID
	newFirst                btf.ID // id of the split's first type on the new base
}

// reset forgets the last module; what it reached is cleared one by one.
func (r *reach) reset(numTypes uint32) {
	for w, word := range r.bits {
		for ; word != 0; word &= word - 1 {
			r.ids[w*64+bits.TrailingZeros64(word)] = 0
		}
		r.bits[w] = 0
	}
	if need := int(numTypes); need > len(r.ids) {
		r.ids = make([]btf.ID, need)
		r.bits = make([]uint64, (need+63)/64)
	}
	r.all, r.outlines, r.appended, r.todo = r.all[:0], r.outlines[:0], r.appended[:0], r.todo[:0]
}

// mark finds every base type that the split refers to and, through all but
// named structs and unions, what these refer to.
func (d *Distiller) mark() error {
	r := &d.reach
	r.reset(d.base.NumTypes())
	for t := range d.split.Types {
		if err := d.follow(&t, btf.ID(d.split.NumTypes())); err != nil {
			return err
		}
	}
	for len(r.todo) != 0 {
		t, _ := d.base.Record(r.todo[len(r.todo)-1])
		r.todo = r.todo[:len(r.todo)-1]
		if err := d.follow(&t, d.split.FirstID()); err != nil {
			return where.In("base", err)
		}
	}
	return nil
}

// follow marks the base types that one record refers to; end is the first id
// that it cannot know.
func (d *Distiller) follow(t *btf.Record, end btf.ID) error {
	if t.Kind == btf.Fwd && t.SizeType != 0 {
		return where.New(where.Malformed, "BTF type [%d]: FWD refers to type [%d]", t.ID, t.SizeType).At(int64(t.Pos) + 8)
	}
	first, r := d.split.FirstID(), &d.reach
	for pos, id := range t.Refs {
		if id >= end {
			return where.New(where.Malformed, "BTF type [%d] refers to type [%d], the last is [%d]", t.ID, id, end-1).At(int64(pos))
		}
		if id >= first || id == 0 || r.ids[id] != 0 {
			continue
		}
		to, further := place(d.base, id)
		if to == 0 {
			return where.New(where.Unsupported, "BTF type [%d] refers to type [%d] of the base, which is a %s", t.ID, id, d.base.Kind(id)).At(int64(pos))
		}
		r.ids[id] = to
		r.bits[id/64] |= 1 << (id % 64)
		if further {
			r.todo = append(r.todo, id)
		}
	}
	return nil
}

// place says where a base type goes, 0 for those that no module can refer to,
// and whether what it refers to is needed too.
func place(base *btf.Raw, id btf.ID) (to btf.ID, further bool) {
	t, _ := base.Record(id)
	switch t.Kind {
	case btf.Int, btf.Float, btf.Fwd:
		return outline, true // of these only a FWD could refer, and must not
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64:
		if t.Name != 0 {
			return outline, false
		}
		return appended, true
	case btf.Array, btf.Typedef, btf.Ptr, btf.Const, btf.Restrict, btf.Volatile, btf.FuncProto, btf.TypeTag:
		return appended, true
	}
	return 0, false
}

// number gives everything reached its new id: outlines from 1, then the
// split's own types, then the appended ones.
func (r *reach) number(split *btf.Raw) {
	for w, word := range r.bits {
		for ; word != 0; word &= word - 1 {
			id := btf.ID(w*64 + bits.TrailingZeros64(word))
			r.all = append(r.all, id)
			if r.ids[id] == outline {
				r.outlines = append(r.outlines, id)
			} else {
				r.appended = append(r.appended, id)
			}
		}
	}
	for i, id := range r.outlines {
		r.ids[id] = btf.ID(1 + i)
	}
	r.newFirst = btf.ID(1 + len(r.outlines))
	next := r.newFirst + btf.ID(split.OwnTypes())
	for i, id := range r.appended {
		r.ids[id] = next + btf.ID(i)
	}
}
