package evidence

import (
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/symbols"
)

// alike is a hash that two types share when C lets a function or a variable of
// the one stand for the other: qualifiers and typedefs do not count, structs
// and unions count by name (a declaration is the same as its definition),
// enums as integers of their size. 0 is no type.
type alike uint32

const (
	alikeNone alike = iota
	alikeVoid
	alikeDeep   // beyond depthMax
	alikeStruct // seeds of kinds, from here on
	alikeAnon
	alikeInt
	alikeFloat
	alikePtr
	alikeArray
	alikeProto
	alikeOther
)

// depthMax bounds the walk; structs end it by name, so real depths are small.
const depthMax = 12

func (h alike) with(v uint32) alike {
	x := (uint32(h) ^ v) * 0x9e3779b1
	x = (x ^ x>>15) * 0x85ebca77
	return alike(x ^ x>>13)
}

// alikeTypes has the hash of every type of a base, and whether it leads to a
// type that a name in C tends to go with: a named struct or union, or a
// function.
type alikeTypes struct {
	raw  *btf.Raw
	hash []alike
	rich []bool
}

func (a *alikeTypes) fill(raw *btf.Raw) {
	a.raw = raw
	a.hash, a.rich = make([]alike, raw.NumTypes()), make([]bool, raw.NumTypes())
	a.hash[0] = alikeVoid
	for t := range raw.Types {
		if a.hash[t.ID] == alikeNone {
			a.hash[t.ID], a.rich[t.ID] = a.record(raw, &t, 0, 0)
		}
	}
}

// of is the hash of a type that raw, a split of the base or the base itself,
// refers to. by is added to every id where the walk leaves the split.
func (a *alikeTypes) of(raw *btf.Raw, id btf.ID, by int32, depth int) (alike, bool) {
	if id == 0 {
		return alikeVoid, false
	}
	if raw != a.raw && id < raw.FirstID() {
		n := int64(id) + int64(by)
		if n <= 0 || n >= int64(len(a.hash)) {
			return alikeNone, false
		}
		return a.hash[n], a.rich[n]
	}
	if raw == a.raw && int(id) < len(a.hash) && a.hash[id] != alikeNone {
		return a.hash[id], a.rich[id]
	}
	if depth > depthMax {
		return alikeDeep, false
	}
	t, ok := raw.Record(id)
	if !ok {
		return alikeNone, false
	}
	h, rich := a.record(raw, &t, by, depth)
	if raw == a.raw {
		a.hash[id], a.rich[id] = h, rich
	}
	return h, rich
}

func (a *alikeTypes) record(raw *btf.Raw, t *btf.Record, by int32, depth int) (alike, bool) {
	switch t.Kind {
	case btf.Typedef, btf.Const, btf.Volatile, btf.Restrict, btf.TypeTag:
		return a.of(raw, t.Ref(), by, depth+1)
	case btf.Struct, btf.Union, btf.Fwd:
		if t.Name == 0 {
			return alikeAnon.with(t.SizeType).with(t.Vlen), false
		}
		name, _ := raw.Str(t.Name)
		return alikeStruct.with(symbols.Hash(name)), true
	case btf.Enum, btf.Enum64:
		return alikeInt.with(t.SizeType).with(0), false
	case btf.Int:
		e, _, _ := t.Int()
		return alikeInt.with(t.SizeType).with(uint32(e & 1)), false
	case btf.Float:
		return alikeFloat.with(t.SizeType), false
	case btf.Ptr:
		h, rich := a.of(raw, t.Ref(), by, depth+1)
		return alikePtr.with(uint32(h)), rich
	case btf.Array:
		elem, _, n := t.Array()
		h, rich := a.of(raw, elem, by, depth+1)
		return alikeArray.with(n).with(uint32(h)), rich
	case btf.FuncProto:
		h, _ := a.of(raw, t.Ref(), by, depth+1)
		h = alikeProto.with(uint32(h))
		for i := range int(t.Vlen) {
			_, id := t.Param(i)
			p, _ := a.of(raw, id, by, depth+1)
			h = h.with(uint32(p))
		}
		return h, true
	}
	return alikeOther.with(uint32(t.Kind)), false
}

// leaves appends the ids of the base at which a type of the split leaves it,
// through everything that has no name of its own.
func (a *alikeTypes) leaves(split *btf.Raw, id btf.ID, out []btf.ID, depth int) []btf.ID {
	if id == 0 || depth > depthMax || len(out) >= leavesMax {
		return out
	}
	if id < split.FirstID() {
		return append(out, id)
	}
	t, ok := split.Record(id)
	if !ok {
		return out
	}
	switch {
	case t.Kind == btf.Array:
		elem, _, _ := t.Array() // the index type is always the same
		return a.leaves(split, elem, out, depth+1)
	case t.Kind == btf.Ptr || t.Kind == btf.FuncProto || t.Kind.Modifier():
		for _, x := range t.Refs {
			out = a.leaves(split, x, out, depth+1)
		}
	}
	return out
}

const leavesMax = 64
