package abi

import (
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/diff"
	"kpkg-btf/internal/btf/meaning"
)

// maxPairs bounds the pairs of types that are compared for one module; beyond
// it nothing is known of the symbols that are left. The largest module of
// Debian's 7.2 needs a twentieth.
const maxPairs = 1 << 20

type pairOf struct{ old, new btf.ID }

// walker compares what types reach, pair by pair. It holds the bases for all
// modules and the types of two builds of one module at a time.
type walker struct {
	was, is *btf.Raw // the bases
	classes *meaning.Classes
	// reaches are the types of the new base that reach a definition that
	// changed.
	reaches []bool
	equal   map[pairOf]bool // pairs of the bases that were proven equal

	old, new *btf.Raw // the module's, or the bases
	own      map[pairOf]bool
	left     int // pairs that may still be looked at
}

func (w *walker) open(old, new *btf.Raw) {
	w.old, w.new, w.own, w.left = old, new, map[pairOf]bool{}, maxPairs
}

// step is one pair on the way from a symbol; from is where it was met, -1 for
// the symbol itself.
type step struct {
	pairOf
	from int
}

// difference is where two types were found to differ.
type difference struct {
	at   pairOf
	way  []step
	base bool // both are of the bases, and reach a definition that changed
}

// compare reports whether two types differ in anything that they reach, names
// of parameters apart: nil when they are equal. A pair that is met again is
// equal unless something else is not. known is false when there is too much to
// compare.
//
// A struct that stands twice on one side, because the encoder failed to merge
// what its units say of it, is the same struct: copies are compared by what
// they hold, and a type that one copy only declares is looked up by its name.
func (w *walker) compare(o, n btf.ID) (d *difference, known bool) {
	if o < firstOwn(w.old, w.was) && n < firstOwn(w.new, w.is) && w.classes.Same(meaning.Deep, o, n) {
		return nil, true // most of what the image exports
	}
	way := []step{{pairOf{o, n}, -1}}
	met := map[pairOf]bool{{o, n}: true}
	for at := 0; at < len(way); at++ {
		p := way[at].pairOf
		inBase := p.old < firstOwn(w.old, w.was) && p.new < firstOwn(w.new, w.is)
		switch {
		case inBase && (w.classes.Same(meaning.Deep, p.old, p.new) || w.equal[p]):
			continue
		case !inBase && w.own[p]:
			continue
		case inBase && w.reaches[p.new]:
			return &difference{p, way[:at+1], true}, true
		}
		if w.left--; w.left < 0 {
			return nil, false
		}
		more, same := w.parts(p)
		if !same {
			return &difference{p, way[:at+1], false}, true
		}
		for _, q := range more {
			if !met[q] {
				met[q] = true
				way = append(way, step{q, at})
			}
		}
	}
	for p := range met {
		if p.old < firstOwn(w.old, w.was) && p.new < firstOwn(w.new, w.is) {
			w.equal[p] = true
		} else {
			w.own[p] = true
		}
	}
	return nil, true
}

// firstOwn is where the ids of the base end that are looked at in a blob on it.
func firstOwn(r, base *btf.Raw) btf.ID {
	if r == base {
		return btf.ID(base.NumTypes())
	}
	return r.FirstID()
}

// parts compares two records without what they refer to, and lists that.
func (w *walker) parts(p pairOf) (more []pairOf, same bool) {
	a, okA := w.old.Record(p.old)
	b, okB := w.new.Record(p.new)
	switch {
	case !okA || !okB:
		return nil, false
	case a.Kind == btf.Fwd && b.Kind != btf.Fwd && declares(w.old, w.new, &a, &b):
		return w.defined(w.old, &a, func(id btf.ID) pairOf { return pairOf{id, p.new} })
	case b.Kind == btf.Fwd && a.Kind != btf.Fwd && declares(w.new, w.old, &b, &a):
		return w.defined(w.new, &b, func(id btf.ID) pairOf { return pairOf{p.old, id} })
	case !sameRecord(w.old, w.new, &a, &b):
		return nil, false
	}
	var refs []btf.ID
	for _, id := range a.Refs {
		refs = append(refs, id)
	}
	for _, id := range b.Refs {
		more = append(more, pairOf{refs[0], id})
		refs = refs[1:]
	}
	return more, true
}

// declares reports whether a FWD of one side is of the type of another.
func declares(rf, rt *btf.Raw, fwd, t *btf.Record) bool {
	kind := btf.Struct
	if fwd.KFlag {
		kind = btf.Union
	}
	return t.Kind == kind && rf.Name(fwd.Name) == rt.Name(t.Name)
}

// defined settles a type that one side only declares in this place. Where that
// side defines it elsewhere, the definition that is spelled as on the other
// side stands for it, else the first; with none nothing says that it changed.
func (w *walker) defined(r *btf.Raw, fwd *btf.Record, with func(btf.ID) pairOf) (more []pairOf, same bool) {
	name := r.Name(fwd.Name)
	for ; r != nil; r = r.Base() {
		for t := range r.Named(name) {
			if t.Kind != btf.Struct && t.Kind != btf.Union || (t.Kind == btf.Union) != fwd.KFlag {
				continue
			}
			p := with(t.ID)
			if diff.Alike(w.old, w.new, p.old, p.new) {
				return []pairOf{p}, true
			}
			if more == nil {
				more = []pairOf{p}
			}
		}
	}
	return more, true
}

// sameRecord compares two records without what they refer to. Names of
// parameters do not count.
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

// culprit is the named definition that differs: the pair where the walk ended,
// or the nearest on its way that has a name.
func (w *walker) culprit(d *difference) pairOf {
	for i := len(d.way) - 1; i >= 0; i = d.way[i].from {
		p := d.way[i].pairOf
		a, _ := w.old.Record(p.old)
		b, _ := w.new.Record(p.new)
		if definition(w.old, &a) && definition(w.new, &b) && w.old.Name(a.Name) == w.new.Name(b.Name) && a.Kind != btf.Fwd && b.Kind != btf.Fwd {
			return p
		}
	}
	return d.way[0].pairOf
}

// definition reports whether a record is what C calls by a name of its own.
func definition(r *btf.Raw, t *btf.Record) bool {
	switch t.Kind {
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64, btf.Typedef, btf.Func, btf.Var:
		return r.Name(t.Name) != ""
	}
	return false
}
