// Package diff tells what happened to the types from one base to another: in C
// terms, definition by definition, and what reaches them.
//
// Ids say nothing across two bases, so definitions are matched by name, within
// C's own name spaces. Several definitions of one name (static structs of two
// drivers) are paired by likeness. Anonymous types are part of the definitions
// that hold them. A definition is changed when it is spelled otherwise: a
// struct that only points to one that changed is not.
package diff

import (
	"cmp"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/cdef"
)

// Item is one definition.
type Item struct {
	Kind btf.Kind
	Name string // of an anonymous enum: "{ FIRST_ENUMERATOR, … }"
	ID   btf.ID
	Size int64 // bytes, or cdef.None
}

// Label is the item as C names it: "struct gpio_chip", "function printk".
func (i *Item) Label() string { return word(i.Kind) + i.Name }

func word(k btf.Kind) string {
	switch k {
	case btf.Struct:
		return "struct "
	case btf.Union:
		return "union "
	case btf.Enum, btf.Enum64:
		return "enum "
	case btf.Fwd:
		return "declared only: "
	case btf.Typedef:
		return "typedef "
	case btf.Func:
		return "function "
	case btf.Var:
		return "variable "
	case btf.Datasec:
		return "section "
	}
	return "type " // INT, FLOAT
}

// Change is one definition on both sides.
type Change struct {
	Old, New Item
	// NamesOnly: nothing but the names of parameters changed.
	NamesOnly bool
	tags      tagChange
}

// Declaration reports whether one side only declares the type: nothing shows
// that its definition changed.
func (c *Change) Declaration() bool { return c.Old.Kind == btf.Fwd || c.New.Kind == btf.Fwd }

// Real reports whether the definition itself changed: neither is it only the
// names of parameters, nor is it merely not known on one side.
func (c *Change) Real() bool { return !c.NamesOnly && !c.Declaration() }

// Kinds counts the definitions of one kind on both sides.
type Kinds struct {
	Kind                              btf.Kind
	Old, New, Added, Removed, Changed int
}

// Diff is the difference of two bases. Its lists are sorted by kind, name and
// id: structs and unions first, then enums, typedefs, scalars, functions,
// variables, sections.
type Diff struct {
	Changed        []Change
	Added, Removed []Item
	Kinds          []Kinds // of named definitions; those without any are left out

	// OldFillers and NewFillers are places that package pin reserved in a base.
	OldFillers, NewFillers int

	old, new *btf.Raw
	// partner is the matched definition on the other side, 0 for none.
	toNew, toOld []btf.ID
}

// Compare matches and compares the definitions of two bases.
func Compare(old, new *btf.Raw) *Diff {
	d := &Diff{old: old, new: new, toNew: make([]btf.ID, old.NumTypes()), toOld: make([]btf.ID, new.NumTypes())}
	m := &matcher{d: d, s: newSpelling(old, new), oldTags: declTags(old), newTags: declTags(new)}
	was, oldFillers := collect(old)
	is, newFillers := collect(new)
	d.OldFillers, d.NewFillers = oldFillers, newFillers
	m.match(was, is)
	slices.SortFunc(d.Added, compareItems)
	slices.SortFunc(d.Removed, compareItems)
	slices.SortFunc(d.Changed, func(a, b Change) int { return compareItems(a.New, b.New) })
	d.Kinds = m.kinds()
	return d
}

// Same reports whether no definition was added, removed or changed.
func (d *Diff) Same() bool { return len(d.Changed)+len(d.Added)+len(d.Removed) == 0 }

// rank orders kinds by how much a change of them matters.
func rank(k btf.Kind) int {
	return slices.Index([]btf.Kind{btf.Struct, btf.Union, btf.Enum, btf.Enum64, btf.Fwd, btf.Typedef, btf.Int, btf.Float, btf.Func, btf.Var, btf.Datasec}, k)
}

func compareItems(a, b Item) int {
	return cmp.Or(cmp.Compare(rank(a.Kind), rank(b.Kind)), strings.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

func item(r *btf.Raw, id btf.ID) Item {
	t, _ := r.Record(id)
	i := Item{Kind: t.Kind, Name: r.Name(t.Name), ID: id, Size: cdef.None}
	if t.Kind.Shape().HeadSize {
		i.Size = int64(t.SizeType)
	}
	if i.Name == "" && t.Vlen > 0 {
		off, _ := t.Enumerator(0)
		i.Name = "{ " + r.Name(off) + ", … }"
	}
	return i
}
