package diff

import (
	"bytes"

	"kpkg-btf/internal/btf"
)

// Bounds of one comparison: the links and anonymous types in a row that lead
// from a definition to a name it uses, and all of them together. Beyond them
// two definitions count as different; nothing real comes near.
const (
	maxNest  = 512
	maxSteps = 1 << 16
)

// spelling compares definitions as they are spelled: anonymous types, pointers,
// arrays and prototypes through and through, named types by their name. A
// struct that embeds another is spelled as before when that one grew; its
// size and offsets then tell.
type spelling struct {
	old, new *btf.Raw
	steps    int
	bare     bool // leaves the names of parameters out
}

func newSpelling(old, new *btf.Raw) *spelling { return &spelling{old: old, new: new} }

// Alike reports whether two definitions of two bases or splits are spelled
// alike: as the copies are that an encoder failed to merge.
func Alike(old, new *btf.Raw, o, n btf.ID) bool {
	a, okA := old.Record(o)
	b, okB := new.Record(n)
	return okA && okB && newSpelling(old, new).definition(&a, &b)
}

// definition reports whether two definitions read the same.
func (s *spelling) definition(o, n *btf.Record) bool {
	s.steps = 0
	if o.Kind != n.Kind || !s.names(o.Name, n.Name) {
		return false
	}
	switch o.Kind {
	case btf.Typedef, btf.Func, btf.Var:
		return sameExtra(o, n) && s.ref(o.Ref(), n.Ref(), 0) // linkage is no type, but it is told
	case btf.Datasec:
		return s.section(o, n)
	}
	return s.body(o, n, 0)
}

// sameExtra compares the words after the head whatever the byte order.
func sameExtra(o, n *btf.Record) bool {
	if o.Vlen != n.Vlen || len(o.Extra) != len(n.Extra) {
		return false
	}
	for i := range len(o.Extra) / 4 {
		if o.Word(i) != n.Word(i) {
			return false
		}
	}
	return true
}

func (s *spelling) names(o, n btf.StrOff) bool {
	a, okA := s.old.Str(o)
	b, okB := s.new.Str(n)
	return okA == okB && bytes.Equal(a, b)
}

// ref compares what two fields refer to.
func (s *spelling) ref(oid, nid btf.ID, nest int) bool {
	o, okO := s.old.Record(oid)
	n, okN := s.new.Record(nid)
	if s.steps++; !okO || !okN || nest > maxNest || s.steps > maxSteps {
		return false
	}
	if named(s.old, &o) || named(s.new, &n) {
		return tagOf(o.Kind, o.KFlag) == tagOf(n.Kind, n.KFlag) && s.names(o.Name, n.Name)
	}
	if o.Kind != n.Kind {
		return false
	}
	if o.Kind.Composite() || o.Kind == btf.Enum || o.Kind == btf.Enum64 {
		return s.body(&o, &n, nest+1)
	}
	return s.link(&o, &n, nest+1)
}

// named reports whether a reference to the type is spelled by its name.
func named(r *btf.Raw, t *btf.Record) bool {
	switch t.Kind {
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64, btf.Fwd, btf.Typedef, btf.Int, btf.Float, btf.Func, btf.Var, btf.Datasec:
		b, _ := r.Str(t.Name)
		return len(b) > 0
	}
	return false
}

// tagOf is the C keyword behind which a name stands: a forward declaration
// reads as what it declares, and both kinds of enum alike.
func tagOf(k btf.Kind, kflag bool) btf.Kind {
	switch {
	case k == btf.Fwd && kflag:
		return btf.Union
	case k == btf.Fwd:
		return btf.Struct
	case k == btf.Enum64:
		return btf.Enum
	}
	return k
}

// link compares PTR, CONST, VOLATILE, RESTRICT, TYPE_TAG, ARRAY, FUNC_PROTO
// and void.
func (s *spelling) link(o, n *btf.Record, nest int) bool {
	switch o.Kind {
	case btf.Void:
		return true
	case btf.Array:
		oe, _, on := o.Array()
		ne, _, nn := n.Array()
		return on == nn && s.ref(oe, ne, nest)
	case btf.FuncProto:
		if o.Vlen != n.Vlen || !s.ref(o.Ref(), n.Ref(), nest) {
			return false
		}
		for i := range int(o.Vlen) {
			on, ot := o.Param(i)
			nn, nt := n.Param(i)
			if !s.bare && !s.names(on, nn) || !s.ref(ot, nt, nest) {
				return false
			}
		}
		return true
	}
	return s.names(o.Name, n.Name) && s.ref(o.Ref(), n.Ref(), nest)
}

// body compares composites, enums and scalars by what they hold.
func (s *spelling) body(o, n *btf.Record, nest int) bool {
	if o.Kind != n.Kind || o.Vlen != n.Vlen || o.SizeType != n.SizeType {
		return false
	}
	switch o.Kind {
	case btf.Struct, btf.Union:
		for i := range int(o.Vlen) {
			a, b := o.Member(i), n.Member(i)
			if a.BitOff != b.BitOff || a.BitSize != b.BitSize || !s.names(a.Name, b.Name) || !s.ref(a.Type, b.Type, nest) {
				return false
			}
		}
	case btf.Enum, btf.Enum64:
		if o.KFlag != n.KFlag {
			return false
		}
		for i := range int(o.Vlen) {
			an, av := o.Enumerator(i)
			bn, bv := n.Enumerator(i)
			if av != bv || !s.names(an, bn) {
				return false
			}
		}
	case btf.Int:
		return sameExtra(o, n)
	case btf.Fwd:
		return o.KFlag == n.KFlag
	}
	return true
}

// section compares a DATASEC: which variables lie where.
func (s *spelling) section(o, n *btf.Record) bool {
	if o.Vlen != n.Vlen || o.SizeType != n.SizeType {
		return false
	}
	for i := range int(o.Vlen) {
		ov, oo, os := o.Secinfo(i)
		nv, no, ns := n.Secinfo(i)
		if oo != no || os != ns || !s.ref(ov, nv, 0) {
			return false
		}
	}
	return true
}
