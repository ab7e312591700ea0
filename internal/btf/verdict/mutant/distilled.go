package mutant

import (
	"math/rand/v2"

	"kpkg-btf/internal/btf"
)

// Twins are the composites of a base that have a name and a size in common
// with another, the first of each pair.
func Twins(base *btf.Raw) (out []btf.Record) {
	type key struct {
		name string
		size uint32
	}
	seen := map[key]bool{}
	for t := range base.Types {
		if !t.Kind.Composite() || t.Name == 0 {
			continue
		}
		k := key{base.Name(t.Name), t.SizeType}
		if seen[k] {
			out = append(out, t)
		}
		seen[k] = true
	}
	return out
}

// Distil makes a distilled base of a few named types of a base, some of them
// changed, and a split that refers to them, some by value.
func Distil(seed uint64, n int, base *btf.Raw, twins []btf.Record) Mutant {
	rng := rand.New(rand.NewPCG(seed, uint64(n)|1<<40))
	dist := &kit{rng: rng, strs: []byte{0}, first: 1}
	count := 1 + rng.Uint32N(4)
	aim := "reloc.same"
	change := -1
	if rng.IntN(3) != 0 {
		change = rng.IntN(int(count))
	}
	for i := range count {
		t := named(rng, base)
		size, info, extra := t.SizeType, uint32(0), []uint32(nil)
		kind := t.Kind
		switch kind {
		case btf.Int:
			extra = []uint32{t.Word(0)}
		case btf.Enum64:
			kind = btf.Enum
		case btf.Fwd:
			if size = 0; t.KFlag {
				info = kflag
			}
		}
		name := dist.str(base.Name(t.Name))
		switch {
		case int(i) == change && len(twins) != 0 && rng.IntN(10) == 0:
			t = twins[rng.IntN(len(twins))]
			kind, size, info, extra, name = t.Kind, t.SizeType, 0, nil, dist.str(base.Name(t.Name))
			aim = "reloc.ambiguous"
		case int(i) == change:
			aim = twist(rng, dist, &kind, &name, &info, &size, &extra)
		}
		for _, w := range append([]uint32{name, info | uint32(kind)<<24, size}, extra...) {
			dist.types = order.AppendUint32(dist.types, w)
		}
	}
	unused := dist.str("kpkg_unused")
	split := &kit{rng: rng, first: count + 1, firstStr: uint32(len(dist.strs))}
	split.users(count, unused)
	return Mutant{Aim: aim, Split: split.bytes(), Base: dist.bytes()}
}

// named picks a type that a distilled base may have.
func named(rng *rand.Rand, base *btf.Raw) btf.Record {
	for {
		t, _ := base.Record(btf.ID(1 + rng.Uint32N(base.NumTypes()-1)))
		switch t.Kind {
		case btf.Int, btf.Float, btf.Enum, btf.Enum64, btf.Struct, btf.Union, btf.Fwd:
			if len(base.Name(t.Name)) > 1 {
				return t
			}
		}
	}
}

// twist changes one thing about a distilled type.
func twist(rng *rand.Rand, k *kit, kind *btf.Kind, name, info, size *uint32, extra *[]uint32) string {
	switch rng.IntN(9) {
	case 0:
		*name = 0
		return "reloc.anonymous"
	case 1:
		*kind, *size, *info, *extra = btf.Typedef, 0, 0, nil
		return "reloc.kind"
	case 2:
		*name = k.str("kpkg_no_such_type")
		return "reloc.unmapped"
	case 3:
		if *kind != btf.Fwd && *size > 0 && *kind != btf.Int {
			*size *= 2
			if *kind == btf.Enum && *size > 8 {
				*size = 1
			}
			if *kind == btf.Float && *size > 16 {
				*size = 2
			}
		}
		return "reloc.size"
	case 4:
		if *kind == btf.Int {
			(*extra)[0] ^= 1 << 24
			(*extra)[0] &= 0x01ffffff
		}
		return "reloc.encoding"
	case 5:
		*kind, *size, *extra, *info = btf.Fwd, 0, nil, uint32(rng.IntN(2))<<31
		return "reloc.fwd"
	case 6:
		if *kind == btf.Struct {
			*kind = btf.Union
		} else if *kind == btf.Union {
			*kind = btf.Struct
		}
		return "reloc.composite"
	case 7:
		k.head = func(b []byte) []byte { clear(b[8:24]); return b[:24] }
		return "H7"
	}
	*info |= 1 << 20
	return "reloc.base"
}

// users adds types that refer to the distilled ones.
func (k *kit) users(count, unused uint32) {
	add := func(kind btf.Kind, name, info, size uint32, words ...uint32) uint32 {
		for _, w := range append([]uint32{name, info | uint32(kind)<<24, size}, words...) {
			k.types = order.AppendUint32(k.types, w)
		}
		k.records = append(k.records, 0)
		return k.first + uint32(len(k.records)) - 1
	}
	for id := uint32(1); id <= count; id++ {
		switch k.rng.IntN(5) {
		case 0:
			add(btf.Ptr, 0, 0, id)
		case 1:
			add(btf.Struct, k.str("kpkg_holder"), 1, 1<<20, k.str("held"), id, 0)
		case 2:
			c := add(btf.Const, 0, 0, id)
			add(btf.Union, 0, 1, 1<<20, k.str("held"), add(btf.Typedef, k.str("kpkg_t"), 0, c), 0)
		case 3:
			a := add(btf.Array, 0, 0, 0, id, id, 3)
			add(btf.Struct, 0, 1, 1<<20, k.str("held"), a, 0)
		case 4:
			add(btf.FuncProto, 0, 1, 0, k.str("arg"), id)
		}
	}
	for range k.rng.IntN(6) { // so that count and id differ less in 6.11
		add(btf.Ptr, 0, 0, 1)
	}
	if k.rng.IntN(12) == 0 {
		add(btf.Typedef, unused, 0, 0)
	}
}
