package diff

import "kpkg-btf/internal/btf"

// Layouts compares what types look like in memory: sizes, members by name,
// place and layout, values of enumerators; through typedefs and qualifiers,
// which are none of it. Behind a pointer only the name counts. It is what code
// compiled against one base needs to be right with objects of the other, as
// far as it holds them itself.
//
// Old and new may be splits: their bases are looked into.
type Layouts struct {
	old, new *btf.Raw
	steps    int
	// memo holds pairs of composites. One in work counts as different: no
	// type can hold itself.
	memo map[pairOf]bool
}

type pairOf struct{ old, new btf.ID }

// NewLayouts compares types of old with types of new.
func NewLayouts(old, new *btf.Raw) *Layouts {
	return &Layouts{old: old, new: new, memo: map[pairOf]bool{}}
}

// Same reports whether two types, variables or functions have one layout. A
// function has that of its parameters and of what it returns.
func (l *Layouts) Same(old, new btf.ID) bool {
	l.steps = 0
	o, okO := l.old.Record(old)
	n, okN := l.new.Record(new)
	if !okO || !okN {
		return false
	}
	if o.Kind == btf.Func || o.Kind == btf.Var {
		return o.Kind == n.Kind && l.same(o.Ref(), n.Ref(), 0)
	}
	return l.same(old, new, 0)
}

// bare looks through typedefs and qualifiers.
func bare(r *btf.Raw, id btf.ID) (btf.Record, bool) {
	for range maxNest {
		t, ok := r.Record(id)
		if !ok || !t.Kind.Modifier() {
			return t, ok
		}
		id = t.Ref()
	}
	return btf.Record{}, false
}

func (l *Layouts) same(oid, nid btf.ID, nest int) bool {
	o, okO := bare(l.old, oid)
	n, okN := bare(l.new, nid)
	if l.steps++; !okO || !okN || o.Kind != n.Kind || nest > maxNest || l.steps > maxSteps {
		return false
	}
	switch o.Kind {
	case btf.Void:
		return true
	case btf.Int:
		return o.SizeType == n.SizeType && sameExtra(&o, &n)
	case btf.Float:
		return o.SizeType == n.SizeType
	case btf.Ptr:
		return l.pointee(o.Ref(), n.Ref(), nest+1)
	case btf.Array:
		oe, _, on := o.Array()
		ne, _, nn := n.Array()
		return on == nn && l.same(oe, ne, nest+1)
	case btf.FuncProto:
		return l.prototype(&o, &n, nest+1, l.same)
	case btf.Enum, btf.Enum64, btf.Struct, btf.Union:
		return l.composite(&o, &n, nest+1)
	}
	return false // a FWD cannot be held
}

// pointee compares what two pointers point at: by name where there is one.
func (l *Layouts) pointee(oid, nid btf.ID, nest int) bool {
	o, okO := bare(l.old, oid)
	n, okN := bare(l.new, nid)
	if l.steps++; !okO || !okN || nest > maxNest || l.steps > maxSteps {
		return false
	}
	if named(l.old, &o) && o.Kind != btf.Int && o.Kind != btf.Float {
		return tagOf(o.Kind, o.KFlag) == tagOf(n.Kind, n.KFlag) && string(l.name(l.old, &o)) == string(l.name(l.new, &n))
	}
	if o.Kind == n.Kind && o.Kind == btf.FuncProto {
		return l.prototype(&o, &n, nest+1, l.pointee)
	}
	if o.Kind == n.Kind && o.Kind == btf.Ptr {
		return l.pointee(o.Ref(), n.Ref(), nest+1)
	}
	return l.same(o.ID, n.ID, nest+1)
}

func (l *Layouts) name(r *btf.Raw, t *btf.Record) []byte {
	b, _ := r.Str(t.Name)
	return b
}

// prototype compares parameters without their names.
func (l *Layouts) prototype(o, n *btf.Record, nest int, same func(o, n btf.ID, nest int) bool) bool {
	if o.Vlen != n.Vlen || !same(o.Ref(), n.Ref(), nest) {
		return false
	}
	for i := range int(o.Vlen) {
		_, ot := o.Param(i)
		_, nt := n.Param(i)
		if !same(ot, nt, nest) {
			return false
		}
	}
	return true
}

func (l *Layouts) composite(o, n *btf.Record, nest int) bool {
	p := pairOf{o.ID, n.ID}
	if same, ok := l.memo[p]; ok {
		return same
	}
	l.memo[p] = false
	same := o.Vlen == n.Vlen && o.SizeType == n.SizeType && string(l.name(l.old, o)) == string(l.name(l.new, n))
	for i := 0; same && i < int(o.Vlen); i++ {
		if o.Kind.Composite() {
			a, b := o.Member(i), n.Member(i)
			same = a.BitOff == b.BitOff && a.BitSize == b.BitSize && l.strings(a.Name, b.Name) && l.same(a.Type, b.Type, nest)
			continue
		}
		an, av := o.Enumerator(i)
		bn, bv := n.Enumerator(i)
		same = av == bv && l.strings(an, bn)
	}
	l.memo[p] = same
	return same
}

func (l *Layouts) strings(o, n btf.StrOff) bool {
	a, okA := l.old.Str(o)
	b, okB := l.new.Str(n)
	return okA && okB && string(a) == string(b)
}
