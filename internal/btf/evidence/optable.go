package evidence

import (
	"cmp"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/symbols"
)

// opTable has, for every struct and union of a BTF, the places of pointers to
// functions by the size of the struct and the offset in it, with the
// prototypes. Structs that are embedded are looked into.
type opTable []op

type op struct {
	size, off uint32 // bytes
	proto     alike
}

func compareOps(a, b op) int {
	return cmp.Or(cmp.Compare(a.size, b.size), cmp.Compare(a.off, b.off), cmp.Compare(a.proto, b.proto))
}

const (
	opNest    = 6       // structs within structs
	opMembers = 1 << 12 // members looked at in one struct
	opSize    = 1 << 16 // bytes; no larger struct is an operation table
	opLooks   = 1 << 22 // members looked at for one module; most: 0.2 million (amdgpu)
)

// fill adds the structs of the base.
func (o opTable) fill(a *alikeTypes) opTable {
	for t := range a.raw.Types {
		if t.Kind.Composite() && t.SizeType > 0 && t.SizeType <= opSize {
			w := opWalk{a: a, out: o, size: t.SizeType, left: opMembers}
			w.members(&t, 0, 0)
			o = w.out
		}
	}
	slices.SortFunc(o, compareOps)
	return slices.Compact(o)
}

type opWalk struct {
	a    *alikeTypes
	out  opTable
	size uint32
	left int // members that may still be looked at
}

func (w *opWalk) members(t *btf.Record, at uint32, depth int) {
	for i := range int(t.Vlen) {
		if w.left--; w.left < 0 {
			return
		}
		m := t.Member(i)
		off := at + m.BitOff/8
		if m.BitSize != 0 || m.BitOff%8 != 0 || off >= w.size {
			continue
		}
		switch v, ok := bare(w.a.raw, m.Type); {
		case !ok:
		case v.Kind == btf.Ptr:
			if h := w.a.pointsTo(w.a.raw, &v); h != alikeNone {
				w.out = append(w.out, op{w.size, off, h})
			}
		case v.Kind.Composite() && depth < opNest:
			w.members(&v, off, depth+1)
		}
	}
}

// pointsTo is the hash of the functions that a pointer is to, alikeNone for
// another pointer.
func (a *alikeTypes) pointsTo(raw *btf.Raw, ptr *btf.Record) alike {
	p, ok := bare(raw, ptr.Ref())
	if !ok || p.Kind != btf.FuncProto {
		return alikeNone
	}
	h, _ := a.of(raw, p.ID, 0, 0)
	return h
}

// operation is the hash of the functions that a struct of the module points to
// at an offset, alikeNone without such a member.
func (j *judge) operation(t *btf.Record, off uint32, depth int) alike {
	for i := range int(t.Vlen) {
		if j.left--; j.left < 0 {
			return alikeNone
		}
		if t.Kind == btf.Struct && i+1 < int(t.Vlen) && t.Member(i+1).BitOff/8 <= off {
			continue
		}
		m := t.Member(i)
		if m.BitOff/8 > off || m.BitSize != 0 || m.BitOff%8 != 0 {
			continue
		}
		v, ok := bare(j.split, m.Type)
		switch {
		case !ok:
		case v.Kind == btf.Ptr && m.BitOff/8 == off:
			if h := j.base.alike.pointsTo(j.split, &v); h != alikeNone {
				return h
			}
		case v.Kind.Composite() && depth < opNest && off-m.BitOff/8 < v.SizeType:
			if h := j.operation(&v, off-m.BitOff/8, depth+1); h != alikeNone {
				return h
			}
		}
	}
	return alikeNone
}

// bare follows modifiers and typedefs.
func bare(raw *btf.Raw, id btf.ID) (btf.Record, bool) {
	for range chainMax {
		t, ok := raw.Record(id)
		if !ok || !t.Kind.Modifier() {
			return t, ok
		}
		id = t.Ref()
	}
	return btf.Record{}, false
}

// at reports whether some struct of the object's size has a pointer to
// functions like proto at the offset.
func (o opTable) at(s symbols.Stored, proto alike) bool {
	_, ok := slices.BinarySearchFunc(o, op{s.Size, s.Off, proto}, compareOps)
	return ok
}
