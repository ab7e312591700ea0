package meaning

import (
	"cmp"
	"slices"

	"kpkg-btf/internal/btf"
)

// Change is how the old base became the new one. Types are counted where they
// changed themselves: one that only leads to a changed one is not.
type Change struct {
	OldTypes, NewTypes     uint32 // ids, void included
	OldStrings, NewStrings uint32 // bytes
	InPlace                int    // ids that are the same types in both, at Identity
	// Shifts are the distances over which other ids moved (new id - old id), the
	// most frequent first.
	Shifts []Shift
	// Places counts ids by where they are in both bases.
	Places Places
	// Added and Gone are types without a namesake in the other base, functions
	// left out.
	Added, Gone []btf.ID
	// Functions that one of the bases does not have so, by name and prototype.
	FuncsAdded, FuncsGone int
	// Types are the named structs, unions and enums that changed, by new id.
	Types []Pair
	// Arrays are lengths of character arrays that changed: of arrays by
	// themselves and of those in structs without a name.
	Arrays []Lengths
	// Plain says that nothing else came or went: no type but functions,
	// prototypes, those arrays and what is made of them.
	Plain bool
	// KindsAdded and KindsGone are kinds that only one of the bases uses.
	KindsAdded, KindsGone []btf.Kind
}

// Shift is how many ids moved by one distance.
type Shift struct{ By, Count int }

// PlaceCells is how many cells Places has along one side.
const PlaceCells = 64

// Places is a square grid over the ids of both bases: Count of [new][old]. Each
// side has Ids ids, those of the larger base.
type Places struct {
	Ids   int
	Count [PlaceCells][PlaceCells]int
}

func (p *Places) add(new, old btf.ID) {
	p.Count[int(new)*PlaceCells/p.Ids][int(old)*PlaceCells/p.Ids]++
}

// Pair is a type in both bases.
type Pair struct{ Old, New btf.ID }

// Lengths are those of one array.
type Lengths struct{ Old, New uint32 }

// Change compares the bases.
func (c *Classes) Change() *Change {
	ch := &Change{OldTypes: c.old.NumTypes(), NewTypes: c.new.NumTypes(), OldStrings: c.old.StrLen(), NewStrings: c.new.StrLen()}
	c.shifts(ch)
	inNew := newBitset(c.counts[Named])
	for id := range btf.ID(c.new.NumTypes()) {
		inNew.set(uint32(c.Class(Named, New, id)))
	}
	var protos int
	for t := range c.new.Types {
		if !c.Anywhere(Named, t.ID) {
			protos += ch.came(&t, &ch.Added, &ch.FuncsAdded)
		} else if old, changed := c.changed(&t); changed {
			ch.Types = append(ch.Types, Pair{old, t.ID})
		}
	}
	for t := range c.old.Types {
		if !inNew.has(uint32(c.Class(Named, Old, t.ID))) {
			protos += ch.came(&t, &ch.Gone, &ch.FuncsGone)
		}
	}
	explained := c.arrays(ch)
	ch.Plain = len(ch.Types) == 0 && len(ch.Added)+len(ch.Gone) == protos+explained
	c.kinds(ch)
	return ch
}

// came counts a type that only one base has; prototypes of functions are worth
// a look of their own.
func (ch *Change) came(t *btf.Record, list *[]btf.ID, funcs *int) (protos int) {
	if t.Kind == btf.Func {
		*funcs++
		return 0
	}
	*list = append(*list, t.ID)
	if t.Kind == btf.FuncProto {
		return 1
	}
	return 0
}

func (c *Classes) shifts(ch *Change) {
	by := map[int]int{}
	ch.Places.Ids = int(max(ch.OldTypes, ch.NewTypes))
	for id := range btf.ID(c.new.NumTypes()) {
		if c.InPlace(Identity, id) {
			ch.InPlace++
			ch.Places.add(id, id)
		} else if old := c.OldIDs(Identity, id); len(old) > 0 {
			by[int(id)-int(old[0])]++
			ch.Places.add(id, old[0])
		}
	}
	for d, n := range by {
		ch.Shifts = append(ch.Shifts, Shift{d, n})
	}
	slices.SortFunc(ch.Shifts, func(a, b Shift) int { return cmp.Or(b.Count-a.Count, a.By-b.By) })
}

// changed tells of a type with a name, known to the old base, whether it
// changed itself. Of several namesakes there one like it is enough.
func (c *Classes) changed(t *btf.Record) (old btf.ID, changed bool) {
	if !outline(Named, t) || t.Kind == btf.Fwd || c.Anywhere(Deep, t.ID) {
		return 0, false
	}
	for _, id := range c.OldIDs(Named, t.ID) {
		o, _ := c.old.Record(id)
		if o.Kind == btf.Fwd {
			continue
		}
		if c.sameSelf(&o, t) {
			return 0, false
		}
		if old == 0 || o.SizeType == t.SizeType {
			old = id
		}
	}
	return old, old != 0
}

// sameSelf compares two records word by word, and what they refer to by Named.
func (c *Classes) sameSelf(old, new *btf.Record) bool {
	if old.Info() != new.Info() || old.SizeType != new.SizeType {
		return false
	}
	for i, s := 0, new.Kind.Shape(); i < len(new.Extra)/4; i++ {
		a, b := old.Word(i), new.Word(i)
		same := a == b
		switch roleOf(s, i) {
		case reference:
			same = c.Same(Named, btf.ID(a), btf.ID(b))
		case name:
			same = sameName(c.old, c.new, btf.StrOff(a), btf.StrOff(b))
		}
		if !same {
			return false
		}
	}
	return true
}

func (c *Classes) kinds(ch *Change) {
	var has [2][btf.MaxKind + 1]bool
	for s, r := range []*btf.Raw{c.old, c.new} {
		for t := range r.Types {
			has[s][t.Kind] = true
		}
	}
	for k := range btf.MaxKind + 1 {
		switch {
		case has[New][k] && !has[Old][k]:
			ch.KindsAdded = append(ch.KindsAdded, k)
		case has[Old][k] && !has[New][k]:
			ch.KindsGone = append(ch.KindsGone, k)
		}
	}
}

// arrays pairs what came and what went where only lengths of character arrays
// differ, and says how many of both that and what is made of it explains.
func (c *Classes) arrays(ch *Change) (explained int) {
	added, gone := nameless(c.new, ch.Added), nameless(c.old, ch.Gone)
	if len(added) > maxResized || len(gone) > maxResized {
		return 0
	}
	like := map[btf.ID]btf.ID{} // new -> old
	taken := map[btf.ID]bool{}
	for again := true; again; {
		again = false
		for _, id := range added {
			if like[id] != 0 {
				continue
			}
			for _, old := range gone {
				if !taken[old] && c.resized(ch, old, id, like) {
					like[id], taken[old], again = old, true, true
					break
				}
			}
		}
	}
	return 2 * len(like)
}

// maxResized is how many types without a namesake are compared with each other
// at most: in a rebuild there are a handful.
const maxResized = 64

// nameless are the types that may have changed with the length of an array.
func nameless(r *btf.Raw, list []btf.ID) (out []btf.ID) {
	for _, id := range list {
		if t, _ := r.Record(id); t.Name == 0 && t.Kind != btf.FuncProto {
			out = append(out, id)
		}
	}
	return out
}

// resized reports whether two types that have no namesake differ in lengths of
// character arrays alone; like are those of which that is known already. It
// notes the lengths.
func (c *Classes) resized(ch *Change, old, new btf.ID, like map[btf.ID]btf.ID) bool {
	a, _ := c.old.Record(old)
	b, _ := c.new.Record(new)
	if a.Kind != b.Kind || a.Vlen != b.Vlen || a.KFlag != b.KFlag || a.Kind == btf.FuncProto {
		return false
	}
	var found []Lengths
	alike := func(x, y btf.ID) bool {
		if like[y] == x && x != 0 || c.Same(Named, x, y) {
			return true
		}
		l, ok := c.lengths(x, y)
		if ok {
			found = append(found, l)
		}
		return ok
	}
	if l, ok := c.lengths(old, new); ok {
		found = append(found, l)
	} else if !c.alikeBut(&a, &b, alike) {
		return false
	}
	for _, l := range found {
		if !slices.Contains(ch.Arrays, l) {
			ch.Arrays = append(ch.Arrays, l)
		}
	}
	return true
}

// alikeBut compares two records but for sizes and offsets, which follow from
// the types of the members.
func (c *Classes) alikeBut(a, b *btf.Record, alike func(x, y btf.ID) bool) bool {
	s := b.Kind.Shape()
	if !sameName(c.old, c.new, a.Name, b.Name) || s.HeadRef && !alike(a.Ref(), b.Ref()) || !s.HeadRef && !b.Kind.Composite() && a.SizeType != b.SizeType {
		return false
	}
	for i := range len(b.Extra) / 4 {
		x, y := a.Word(i), b.Word(i)
		ok := x == y || b.Kind.Composite()
		switch roleOf(s, i) {
		case reference:
			ok = alike(btf.ID(x), btf.ID(y))
		case name:
			ok = sameName(c.old, c.new, btf.StrOff(x), btf.StrOff(y))
		}
		if !ok {
			return false
		}
	}
	return true
}

// lengths returns those of two arrays of the same characters.
func (c *Classes) lengths(old, new btf.ID) (Lengths, bool) {
	a, ok1 := c.old.Record(old)
	b, ok2 := c.new.Record(new)
	if !ok1 || !ok2 || a.Kind != btf.Array || b.Kind != btf.Array {
		return Lengths{}, false
	}
	x, _, m := a.Array()
	y, _, n := b.Array()
	return Lengths{m, n}, m != n && c.Same(Named, x, y) && c.character(y)
}

// character reports whether a type of the new base is an integer of one byte.
func (c *Classes) character(id btf.ID) bool {
	for range 32 {
		t, _ := c.new.Record(id)
		if !t.Kind.Modifier() {
			return t.Kind == btf.Int && t.SizeType == 1
		}
		id = t.Ref()
	}
	return false
}
