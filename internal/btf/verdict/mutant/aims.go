package mutant

import "kpkg-btf/internal/btf"

type aim struct {
	name string
	do   func(k *kit)
}

const (
	tooBig  = 0x100000 // above BTF_MAX_TYPE
	missing = 0xfffff  // an id that no kernel has
	beyond  = 0xffffff // a string offset that no kernel has
)

func header(at int, v byte) func(*kit) {
	return func(k *kit) { k.head = func(b []byte) []byte { b[at] = v; return b } }
}

// ins is a record with every word as it is given.
func ins(kind btf.Kind, name func(*kit) uint32, info, size uint32, words ...uint32) func(*kit) {
	return func(k *kit) { k.insert(kind, name(k), info, size, words...) }
}

func good(k *kit) uint32  { return k.good }
func bad(k *kit) uint32   { return k.bad }
func empty(k *kit) uint32 { return k.empty }
func none(*kit) uint32    { return 0 }
func far(*kit) uint32     { return beyond }

// member puts a struct with one bad member somewhere.
func member(kind btf.Kind, name func(*kit) uint32, ref, off uint32) func(*kit) {
	return func(k *kit) { k.insert(kind, k.good, 2, 8, k.good, k.id(), 0, name(k), ref, off) }
}

func value(kind btf.Kind, name func(*kit) uint32) func(*kit) {
	return func(k *kit) {
		if kind == btf.Enum64 {
			k.insert(kind, k.good, 2, 8, k.good, 1, 0, name(k), 2, 0)
		} else {
			k.insert(kind, k.good, 2, 4, k.good, 1, name(k), 2)
		}
	}
}

// last puts a record at the end whose elements are cut off.
func last(kind btf.Kind, info, size uint32) func(*kit) {
	return func(k *kit) {
		for _, w := range []uint32{0, uint32(kind)<<24 | info, size} {
			k.types = order.AppendUint32(k.types, w)
		}
	}
}

// chain puts n modifiers at the end, each of the next.
func chain(n int, end uint32) func(*kit) {
	return func(k *kit) {
		id := k.first + uint32(len(k.records))
		for i := range n {
			ref := id + uint32(i) + 1
			if i == n-1 {
				ref = end
			}
			for _, w := range []uint32{0, uint32(btf.Const) << 24, ref} {
				k.types = order.AppendUint32(k.types, w)
			}
		}
	}
}

// aims are one change for each rule of the first pass and the chains.
var aims = []aim{
	{"H1", func(k *kit) { k.head = func(b []byte) []byte { return b[:1+k.rng.IntN(7)] } }},
	{"H2", header(7, 0x10)},
	{"H3", func(k *kit) {
		k.head = func(b []byte) []byte { b[4], b[32] = 40, 1; b[33] = 1; return b }
	}},
	{"H4", header(1, 0xea)},
	{"H5", header(2, 2)},
	{"H6", header(3, 1)},
	{"S1", header(19, 0x10)},
	{"S2", func(k *kit) { k.gap = make([]byte, 4) }},
	{"S3", func(k *kit) {
		n := uint32(len(k.types))
		k.hdr = []uint32{0, n, n - 4, uint32(len(k.strs))}
	}},
	{"S4", func(k *kit) {
		k.strs = k.strs[:len(k.strs)-1]
		k.hdr = []uint32{0, uint32(len(k.types)), uint32(len(k.types)), uint32(len(k.strs)) + 1}
	}},
	{"S5", func(k *kit) { k.tail = []byte{0} }},
	{"T1", func(k *kit) {
		n := uint32(len(k.types))
		k.hdr = []uint32{uint32(len(k.strs)), n, 0, uint32(len(k.strs))}
	}},
	{"T2", func(k *kit) { k.strs[len(k.strs)-1] = 'x' }},
	{"M1", func(k *kit) { k.types = append(k.types, 1, 2, 3, 4) }},
	{"M2", ins(btf.Int, good, 1<<20, 4, 32)},
	{"M3", func(k *kit) { k.insert(btf.Kind(20+k.rng.IntN(12)), k.good, 0, 4) }},
	{"M3.0", ins(btf.Void, good, 0, 4)},
	{"M4", ins(btf.Int, far, 0, 4, 32)},
	{"int.left", last(btf.Int, 0, 4)},
	{"int.vlen", ins(btf.Int, good, 3, 4, 32)},
	{"int.kflag", ins(btf.Int, good, kflag, 4, 32)},
	{"int.data", ins(btf.Int, good, 0, 4, 0x40000020)},
	{"int.bits", ins(btf.Int, good, 0, 32, 0x00080079)},
	{"int.size", ins(btf.Int, good, 0, 1, 9)},
	{"int.encoding", ins(btf.Int, good, 0, 4, 0x05000020)},
	{"ref.vlen", ins(btf.Ptr, none, 1, 1)},
	{"ref.kflag", ins(btf.Const, none, kflag, 1)},
	{"ref.type", ins(btf.Volatile, none, 0, tooBig)},
	{"ref.name", ins(btf.Restrict, good, 0, 1)},
	{"typedef.name", ins(btf.Typedef, bad, 0, 1)},
	{"typedef.none", ins(btf.Typedef, none, 0, 1)},
	{"type_tag.name", ins(btf.TypeTag, empty, 0, 1)},
	{"type_tag.kflag", ins(btf.TypeTag, good, kflag, 0)},
	{"array.left", last(btf.Array, 0, 0)},
	{"array.name", ins(btf.Array, good, 0, 0, 1, 1, 1)},
	{"array.vlen", ins(btf.Array, none, 1, 0, 1, 1, 1)},
	{"array.kflag", ins(btf.Array, none, kflag, 0, 1, 1, 1)},
	{"array.size", ins(btf.Array, none, 0, 1, 1, 1, 1)},
	{"array.elem", ins(btf.Array, none, 0, 0, 0, 1, 1)},
	{"array.index", ins(btf.Array, none, 0, 0, 1, tooBig, 1)},
	{"struct.left", last(btf.Struct, 1, 4)},
	{"struct.name", ins(btf.Struct, bad, 0, 4)},
	{"union.name", ins(btf.Union, empty, 0, 4)},
	{"member.name_offset", member(btf.Struct, far, 1, 0)},
	{"member.name", member(btf.Struct, bad, 1, 0)},
	{"member.type", member(btf.Struct, good, 0, 0)},
	{"member.kflag.name", func(k *kit) { k.insert(btf.Struct, k.good, 1|kflag, 8, k.bad, k.id(), 0x03000005) }},
	{"member.offset", member(btf.Union, good, 1, 1)},
	{"member.order", func(k *kit) { k.insert(btf.Struct, 0, 2, 8, k.good, k.id(), 32, k.good, k.id(), 31) }},
	{"member.size", member(btf.Struct, good, 1, 65)},
	{"enum.left", last(btf.Enum, 2, 4)},
	{"enum.kflag", ins(btf.Enum, good, kflag, 4)},
	{"enum.size", ins(btf.Enum, good, 0, 5)},
	{"enum.name", ins(btf.Enum, bad, 0, 4)},
	{"enumerator.name_offset", value(btf.Enum, far)},
	{"enumerator.name", value(btf.Enum, none)},
	{"enum64.left", last(btf.Enum64, 2, 4)},
	{"enum64.size", ins(btf.Enum64, good, 0, 0)},
	{"enum64.name", ins(btf.Enum64, bad, 0, 8)},
	{"enumerator64.name_offset", value(btf.Enum64, far)},
	{"enumerator64.name", value(btf.Enum64, bad)},
	{"fwd.vlen", ins(btf.Fwd, good, 1, 0)},
	{"fwd.type", ins(btf.Fwd, good, 0, 1)},
	{"fwd.name", ins(btf.Fwd, none, 0, 0)},
	{"func_proto.left", last(btf.FuncProto, 1, 0)},
	{"func_proto.name", func(k *kit) {
		k.insert(btf.FuncProto, k.good, 3, k.id(), k.good, k.id(), 0, k.id(), 0, k.rng.Uint32N(2))
	}},
	{"func_proto.kflag", ins(btf.FuncProto, none, kflag, 0)},
	{"func.name", ins(btf.Func, bad, 0, 1)},
	{"func.long", func(k *kit) { k.insert(btf.Func, k.long, 0, 1) }},
	{"func.linkage", ins(btf.Func, good, 3, 1)},
	{"func.kflag", ins(btf.Func, good, kflag, 1)},
	{"var.left", last(btf.Var, 0, 1)},
	{"var.vlen", ins(btf.Var, good, 1, 1, 0)},
	{"var.kflag", ins(btf.Var, good, kflag, 1, 0)},
	{"var.name", ins(btf.Var, bad, 0, 1, 0)},
	{"var.type", ins(btf.Var, good, 0, 0, 0)},
	{"var.linkage", ins(btf.Var, good, 0, 1, 2)},
	{"datasec.left", last(btf.Datasec, 1, 4)},
	{"datasec.size", ins(btf.Datasec, good, 0, 0)},
	{"datasec.kflag", ins(btf.Datasec, good, kflag, 4)},
	{"datasec.name", ins(btf.Datasec, empty, 0, 4)},
	{"entry.type", ins(btf.Datasec, good, 1, 4, 0, 0, 4)},
	{"entry.offset", ins(btf.Datasec, good, 2, 8, 1, 0, 4, 1, 3, 4)},
	{"entry.size", ins(btf.Datasec, good, 1, 8, 1, 0, 9)},
	{"entry.end", ins(btf.Datasec, good, 1, 8, 1, 5, 4)},
	{"datasec.sum", ins(btf.Datasec, good, 2, ^uint32(0), 1, 2, ^uint32(1), 1, 4, ^uint32(1))},
	{"float.vlen", ins(btf.Float, good, 1, 4)},
	{"float.kflag", ins(btf.Float, good, kflag, 4)},
	{"float.size", ins(btf.Float, good, 0, 3)},
	{"decl_tag.left", last(btf.DeclTag, 0, 1)},
	{"decl_tag.value", ins(btf.DeclTag, empty, 0, 1, ^uint32(0))},
	{"decl_tag.vlen", ins(btf.DeclTag, good, 1, 1, ^uint32(0))},
	{"decl_tag.kflag", ins(btf.DeclTag, good, kflag, 1, ^uint32(0))},
	{"decl_tag.component", ins(btf.DeclTag, good, 0, 1, ^uint32(1))},
	{"chain.eloop", chain(33, 0)},
	{"chain.32", chain(32, 0)},
	{"chain.dangling", ins(btf.Typedef, good, 0, missing)},
	{"chain.order", func(k *kit) {
		id := k.first + uint32(len(k.records))
		chain(1, id+1)(k)
		for _, w := range []uint32{k.good, uint32(btf.TypeTag) << 24, 0} {
			k.types = order.AppendUint32(k.types, w)
		}
	}},
	{"noise", func(k *kit) {
		for range 1 + k.rng.IntN(3) {
			k.types[k.rng.IntN(len(k.types))] = byte(k.rng.Uint32())
		}
	}},
	{"strings", func(k *kit) { k.strs[k.rng.IntN(len(k.strs))] = byte(k.rng.Uint32()) }},
}

// Aims are the names of all aims.
func Aims() []string {
	var out []string
	for _, a := range aims {
		out = append(out, a.name)
	}
	return out
}
