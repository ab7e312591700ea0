package abi

import (
	"cmp"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/diff"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/symvers"
)

// TypeSide is where the exported symbols of one kernel are described.
type TypeSide struct {
	Base *btf.Raw
	// Module gives the split BTF of a module by the owner word of its symbols,
	// on Base; nil when the module is not there or has none.
	Module func(owner string) *btf.Raw
}

func (s *TypeSide) of(owner string) *btf.Raw {
	if owner == symvers.Vmlinux {
		return s.Base
	}
	return s.Module(owner)
}

// TypeChange is one exported symbol whose types changed.
type TypeChange struct {
	Change
	// Why says what changed, as C: the symbol itself, or the types that it
	// holds; "" when only something deeper did that no definition shows.
	Why string
}

// Types is what BTF says of the symbols that both kernels export. Each list is
// sorted by name. A symbol is in one list at most.
type Types struct {
	// Described of the Common symbols have a type on both sides, Same of them
	// the same one, with all that it reaches.
	Common, Described, Same int

	// Layout are those that hold by value what is laid out otherwise: a
	// parameter, what is returned, a variable. Their CRC did not change, or
	// there is none.
	Layout []TypeChange
	// Deep are those that reach a changed definition only behind a pointer,
	// and did not change their CRC, or have none.
	Deep []TypeChange
	// CRCOnly are those whose CRC changed and whose types did not.
	CRCOnly []Change
	// Undescribed are those that no BTF describes on one side or both: nothing
	// is known of their types.
	Undescribed []Change
	// Unversioned are those without a CRC on both sides whose types are the
	// same: BTF says what no checksum does.
	Unversioned []Change
	// Roots are the changed definitions of the base that the Deep ones reach.
	Roots []Root
}

// Root is a definition of the base that changed.
type Root struct {
	Text string // "struct gpio_device grew from 664 to 672: member …"
	// Symbols reach it behind a pointer, the nearest first.
	Symbols []string
}

// CompareTypes compares the types of the symbols in both tables. classes are
// of both bases. It says nothing of symbols lost or added.
func CompareTypes(old, new *symvers.Table, was, is TypeSide, classes *meaning.Classes) *Types {
	c := &typeComparer{was: was, is: is, classes: classes, t: &Types{}}
	c.definitions()
	var common []Change
	for _, s := range new.Symbols() {
		if o, ok := old.Lookup(s.Name); ok {
			common = append(common, Change{*o, s})
		}
	}
	// Owner by owner, so that one module is open at a time.
	slices.SortStableFunc(common, func(a, b Change) int {
		return cmp.Or(strings.Compare(a.New.Owner, b.New.Owner), strings.Compare(a.Old.Owner, b.Old.Owner))
	})
	c.t.Common = len(common)
	for i, x := range common {
		if i == 0 || x.New.Owner != common[i-1].New.Owner || x.Old.Owner != common[i-1].Old.Owner {
			c.open(x.Old.Owner, x.New.Owner)
		}
		c.symbol(x)
	}
	c.roots()
	c.t.sort()
	return c.t
}

func (t *Types) sort() {
	byName := func(a, b Change) int { return strings.Compare(a.New.Name, b.New.Name) }
	for _, l := range [][]Change{t.CRCOnly, t.Undescribed, t.Unversioned} {
		slices.SortFunc(l, byName)
	}
	for _, l := range [][]TypeChange{t.Layout, t.Deep} {
		slices.SortFunc(l, func(a, b TypeChange) int { return byName(a.Change, b.Change) })
	}
}

type typeComparer struct {
	was, is TypeSide
	classes *meaning.Classes
	t       *Types
	diff    *diff.Diff
	changed []diff.Change // types of the base, by more than names of parameters
	reaches []bool        // type of the new base -> it reaches one of changed
	noise   []bool        // ... or one of which only names of parameters changed
	// The owners whose symbols are compared; nil where there is no BTF.
	old, new *btf.Raw
	layouts  *diff.Layouts // of old and new
	deepIDs  []diff.Root   // what those in t.Deep use of the base
	whys     int           // spelled out for symbols of modules
}

func (c *typeComparer) open(old, new string) {
	c.old, c.new, c.layouts = c.was.of(old), c.is.of(new), nil
	if c.old != nil && c.new != nil {
		c.layouts = diff.NewLayouts(c.old, c.new)
	}
}

// definitions finds the changed types of the base and what reaches them.
func (c *typeComparer) definitions() {
	c.diff = diff.Compare(c.was.Base, c.is.Base)
	var real, all []btf.ID
	for _, x := range c.diff.Changed {
		switch x.New.Kind {
		case btf.Func, btf.Var, btf.Datasec:
			continue // exported ones are compared by themselves
		}
		all = append(all, x.New.ID)
		if !x.NamesOnly {
			c.changed = append(c.changed, x)
			real = append(real, x.New.ID)
		}
	}
	r := diff.NewReach(c.is.Base, nil)
	c.reaches, c.noise = r.Types(real...), r.Types(all...)
}

func (c *typeComparer) symbol(x Change) {
	if c.layouts == nil {
		c.t.Undescribed = append(c.t.Undescribed, x)
		return
	}
	oid, od := Describe(c.old, x.Old.Name)
	nid, nd := Describe(c.new, x.New.Name)
	if od != Described || nd != Described {
		c.t.Undescribed = append(c.t.Undescribed, x)
		return
	}
	c.t.Described++
	crc := x.Old.HasCRC && x.New.HasCRC && x.Old.CRC != x.New.CRC
	switch {
	case !crc && !c.layouts.Same(oid, nid):
		c.t.Layout = append(c.t.Layout, TypeChange{x, c.why(oid, nid)})
	case !c.deep(oid, nid):
		c.t.Same++
		if crc {
			c.t.CRCOnly = append(c.t.CRCOnly, x)
		} else if !x.Old.HasCRC && !x.New.HasCRC {
			c.t.Unversioned = append(c.t.Unversioned, x)
		}
	case !crc:
		d := TypeChange{Change: x, Why: c.ownChanges(nid, false)}
		ids := []btf.ID{nid}
		if c.new != c.is.Base {
			ids = diff.BaseRefs(c.new, nid)
		}
		c.deepIDs = append(c.deepIDs, diff.Root{Name: x.New.Name, Any: ids})
		c.t.Deep = append(c.t.Deep, d)
	}
}

// maxPairs bounds what is walked of the own types of one symbol's module;
// beyond it the types count as changed.
const maxPairs = 1 << 18

// deep tells whether two symbols' types differ in anything that they reach,
// names of parameters apart. Types of the bases are told by their classes;
// those of modules are walked, each pair once: a pair met again is equal
// unless something else in the walk is not.
func (c *typeComparer) deep(oid, nid btf.ID) bool {
	o, n := c.old, c.new
	seen := map[[2]btf.ID]bool{}
	todo := [][2]btf.ID{{oid, nid}}
	for len(todo) > 0 {
		p := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[p] {
			continue
		}
		if seen[p] = true; len(seen) > maxPairs {
			return true
		}
		if p[0] < c.firstOwn(o, c.was.Base) && p[1] < c.firstOwn(n, c.is.Base) {
			if c.baseDiffers(p[0], p[1]) {
				return true
			}
			continue
		}
		a, okA := o.Record(p[0])
		b, okB := n.Record(p[1])
		if !okA || !okB || !sameRecord(o, n, &a, &b) {
			return true
		}
		var refs []btf.ID
		for _, id := range a.Refs {
			refs = append(refs, id)
		}
		for _, id := range b.Refs {
			todo = append(todo, [2]btf.ID{refs[0], id})
			refs = refs[1:]
		}
	}
	return false
}

// firstOwn is where the ids that classes know end.
func (c *typeComparer) firstOwn(r, base *btf.Raw) btf.ID {
	if r == base {
		return btf.ID(base.NumTypes())
	}
	return r.FirstID()
}

// baseDiffers tells whether two types of the bases differ by more than names
// of parameters. Classes count those names; where they differ and no other
// change is reached, the names are all there is.
func (c *typeComparer) baseDiffers(o, n btf.ID) bool {
	if c.classes.Same(meaning.Deep, o, n) {
		return false
	}
	if c.reaches[n] {
		return true
	}
	return !c.noise[n] && !c.renamed(o, n)
}

// renamed tells whether two functions differ in nothing but the names of their
// own parameters.
func (c *typeComparer) renamed(o, n btf.ID) bool {
	a, _ := c.was.Base.Record(o)
	b, _ := c.is.Base.Record(n)
	if a.Kind == btf.Func && b.Kind == btf.Func {
		a, _ = c.was.Base.Record(a.Ref())
		b, _ = c.is.Base.Record(b.Ref())
	}
	if a.Kind != btf.FuncProto || b.Kind != btf.FuncProto || a.Vlen != b.Vlen || !c.classes.Same(meaning.Deep, a.Ref(), b.Ref()) {
		return false
	}
	for i := range int(a.Vlen) {
		_, p := a.Param(i)
		_, q := b.Param(i)
		if !c.classes.Same(meaning.Deep, p, q) {
			return false
		}
	}
	return true
}

// sameRecord compares two records without what they refer to.
func sameRecord(ro, rn *btf.Raw, o, n *btf.Record) bool {
	if o.Info() != n.Info() || ro.Name(o.Name) != rn.Name(n.Name) || o.Kind.Shape().HeadSize && o.SizeType != n.SizeType {
		return false
	}
	for i := range int(o.Vlen) {
		switch o.Kind {
		case btf.Struct, btf.Union:
			a, b := o.Member(i), n.Member(i)
			if a.BitOff != b.BitOff || a.BitSize != b.BitSize || ro.Name(a.Name) != rn.Name(b.Name) {
				return false
			}
		case btf.Enum, btf.Enum64:
			an, av := o.Enumerator(i)
			bn, bv := n.Enumerator(i)
			if av != bv || ro.Name(an) != rn.Name(bn) {
				return false
			}
		}
	}
	switch o.Kind {
	case btf.Int, btf.Var:
		return o.Word(0) == n.Word(0)
	case btf.Array:
		_, _, a := o.Array()
		_, _, b := n.Array()
		return a == b
	}
	return true
}

// why says in C what of a symbol is laid out otherwise: itself, else the
// definitions that it holds, of the base or of its module.
func (c *typeComparer) why(oid, nid btf.ID) string {
	if s := diff.Contrast(c.old, c.new, oid, nid); s != "" {
		return s
	}
	held := diff.Held(c.new, nid)
	var parts []string
	for i := range c.changed {
		if x := &c.changed[i]; slices.Contains(held, x.New.ID) && len(parts) < shownWhys {
			parts = append(parts, c.diff.Sentence(x))
		}
	}
	if len(parts) == 0 {
		return c.ownChanges(nid, true)
	}
	return strings.Join(parts, "; ")
}

const (
	shownWhys = 3  // changes that are told of one symbol
	maxWhys   = 20 // symbols of modules of which it is told what changed
)

// ownChanges tells which of a module's own definitions that a symbol of it
// holds, or reaches at all, changed.
func (c *typeComparer) ownChanges(nid btf.ID, held bool) string {
	if c.new == c.is.Base || c.whys == maxWhys {
		return ""
	}
	c.whys++
	d := diff.Compare(c.old, c.new)
	within := diff.Reached(c.new, nid)
	if held {
		within = diff.Held(c.new, nid)
	}
	var parts []string
	for i := range d.Changed {
		if x := &d.Changed[i]; !x.NamesOnly && x.New.ID != nid && slices.Contains(within, x.New.ID) && len(parts) < shownWhys {
			parts = append(parts, d.Sentence(x))
		}
	}
	return strings.Join(parts, "; ")
}

// maxRoots bounds the changed definitions that are told.
const maxRoots = 100

// roots tells which changed definitions the symbols in Deep reach.
func (c *typeComparer) roots() {
	if len(c.deepIDs) == 0 {
		return
	}
	r := diff.NewReach(c.is.Base, c.deepIDs)
	for i := range c.changed {
		if len(c.t.Roots) == maxRoots {
			return
		}
		h := r.Of(c.changed[i].New.ID)
		if len(h.Pointer) == 0 {
			continue
		}
		root := Root{Text: c.diff.Sentence(&c.changed[i])}
		for _, k := range h.Pointer {
			root.Symbols = append(root.Symbols, c.deepIDs[k].Name)
		}
		c.t.Roots = append(c.t.Roots, root)
	}
}
