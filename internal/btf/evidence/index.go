package evidence

import (
	"kpkg-btf/internal/btf"
)

// noSize is the size of what cannot be held by value: void, functions,
// forward declarations.
const noSize = ^uint32(0)

// chainMax bounds every walk along references; real chains are under 10.
const chainMax = 64

// facts of one type, for references by value.
type facts struct {
	size uint32   // in bytes, through modifiers and arrays; noSize
	kind btf.Kind // as written
	leaf btf.Kind // through CONST VOLATILE RESTRICT TYPEDEF TYPE_TAG
}

// Base is an indexed base. It is read-only and safe for concurrent use.
type Base struct {
	raw     *btf.Raw
	types   []facts
	strs    strBits
	dedup   dedupTable
	ptrSize uint32
	version btf.ID // struct modversion_info, 0 without
	alike   alikeTypes
	usual   usual
	ops     opTable
}

// Index prepares a base; about 60 bytes a type and half of the string
// section. The base may be a distilled one.
func Index(raw *btf.Raw) *Base {
	b := indexTypes(raw)
	b.alike.fill(raw)
	b.usual.fill(b)
	b.ops = b.ops.fill(&b.alike)
	return b
}

// indexTypes is what a distilled base needs, which has no types but those that
// one module names: nothing is usual in it.
func indexTypes(raw *btf.Raw) *Base {
	b := &Base{raw: raw, ptrSize: raw.PointerSize()}
	b.types = make([]facts, raw.NumTypes())
	b.types[0] = facts{size: noSize}
	for t := range raw.Types {
		b.types[t.ID] = b.factsOf(raw, &t)
	}
	b.strs.fill(raw.Strings())
	b.dedup.fill(raw)
	b.version = b.versionType()
	return b
}

// factsOf resolves one record by walking its references in raw, which may be
// a split: then ids of the base are looked up in the index.
func (b *Base) factsOf(raw *btf.Raw, t *btf.Record) facts {
	f := facts{kind: t.Kind, leaf: t.Kind, size: noSize}
	count, leafDone := uint64(1), false
	at := *t
	for range chainMax {
		next := btf.ID(0)
		switch {
		case at.Kind.Modifier():
			next = at.Ref()
		case at.Kind == btf.Array:
			elem, _, n := at.Array()
			if !leafDone {
				f.leaf, leafDone = btf.Array, true
			}
			next, count = elem, min(count*uint64(n), uint64(noSize))
		default:
			if !leafDone {
				f.leaf = at.Kind
			}
			f.size = times(count, b.valueSize(&at))
			return f
		}
		if raw != b.raw && next < raw.FirstID() {
			known := b.types[next]
			if !leafDone {
				f.leaf = known.leaf
			}
			f.size = times(count, known.size)
			return f
		}
		var ok bool
		if at, ok = raw.Record(next); !ok {
			return f
		}
	}
	return f
}

// times multiplies an array's length and its element's size; what does not
// fit in 32 bits cannot be a member.
func times(n uint64, size uint32) uint32 {
	if size == noSize || n*uint64(size) >= uint64(noSize) {
		return noSize
	}
	return uint32(n * uint64(size))
}

func (b *Base) valueSize(t *btf.Record) uint32 {
	switch t.Kind {
	case btf.Ptr:
		return b.ptrSize
	case btf.Int, btf.Float, btf.Struct, btf.Union, btf.Enum, btf.Enum64:
		return t.SizeType
	}
	return noSize
}
