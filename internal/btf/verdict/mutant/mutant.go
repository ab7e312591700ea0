// Package mutant makes wrong BTF out of right BTF, the same for the same
// seed: one change to a real module's blob, aimed at one rule of the kernel,
// or at none. It is for tests only.
package mutant

import (
	"encoding/binary"
	"math/rand/v2"

	"kpkg-btf/internal/btf"
)

var order = binary.LittleEndian

// Mutant is one changed blob.
type Mutant struct {
	Aim   string
	Split []byte
	Base  []byte // .BTF.base; nil for none
}

// kit is a blob taken apart, with strings of its own added to it.
type kit struct {
	rng      *rand.Rand
	hdr      []uint32 // type_off, type_len, str_off, str_len as they will be written; nil computes them
	types    []byte
	strs     []byte
	records  []int // offsets in types
	first    uint32
	firstStr uint32
	good     uint32 // offset of a valid name
	bad      uint32 // of one with a blank
	empty    uint32 // of an empty string
	long     uint32 // of one of 600 characters
	head     func([]byte) []byte
	tail     []byte
	gap      []byte
}

func take(rng *rand.Rand, blob []byte, base *btf.Raw) *kit {
	r, err := btf.ParseSplit(blob, base)
	if err != nil {
		panic(err) // the caller gives real modules
	}
	k := &kit{rng: rng, strs: append([]byte(nil), r.Strings()...), first: base.NumTypes(), firstStr: base.StrLen()}
	h := r.Header()
	k.types = append(k.types, blob[h.Len+h.TypeOff:][:h.TypeLen]...)
	for t := range r.Types {
		k.records = append(k.records, int(t.Pos-h.Len-h.TypeOff))
	}
	k.good, k.bad, k.empty = k.str("kpkg_good"), k.str("kpkg bad"), k.str("")
	long := make([]byte, 600)
	for i := range long {
		long[i] = 'a' + byte(i%26)
	}
	k.long = k.str(string(long))
	return k
}

func (k *kit) str(s string) uint32 {
	off := k.firstStr + uint32(len(k.strs))
	k.strs = append(append(k.strs, s...), 0)
	return off
}

// insert puts a record somewhere between the others.
func (k *kit) insert(kind btf.Kind, name, info, size uint32, words ...uint32) {
	at := 0
	if n := len(k.records); n > 0 {
		at = k.records[k.rng.IntN(n)]
	}
	var rec []byte
	for _, w := range append([]uint32{name, info | uint32(kind)<<24, size}, words...) {
		rec = order.AppendUint32(rec, w)
	}
	k.types = append(k.types[:at:at], append(rec, k.types[at:]...)...)
}

// id is the id of a type that exists.
func (k *kit) id() uint32 { return 1 + uint32(k.rng.IntN(int(k.first-1))) }

func (k *kit) bytes() []byte {
	h := k.hdr
	if h == nil {
		n := uint32(len(k.types))
		h = []uint32{0, n, n + uint32(len(k.gap)), uint32(len(k.strs))}
	}
	out := order.AppendUint16(nil, 0xeb9f)
	out = append(out, 1, 0)
	out = order.AppendUint32(out, 24)
	for _, w := range h {
		out = order.AppendUint32(out, w)
	}
	for _, part := range [][]byte{k.types, k.gap, k.strs, k.tail} {
		out = append(out, part...)
	}
	if k.head != nil {
		out = k.head(out)
	}
	return out
}

const kflag = 1 << 31

// Make changes one of the blobs, which are modules on the base, with the n-th
// aim. Every fifth mutant is aimed at nothing that any kernel checks.
func Make(seed uint64, n int, blobs [][]byte, base *btf.Raw) Mutant {
	rng := rand.New(rand.NewPCG(seed, uint64(n)))
	k := take(rng, blobs[rng.IntN(len(blobs))], base)
	if n%5 == 4 {
		harmless[n/5%len(harmless)](k)
		return Mutant{Aim: "none", Split: k.bytes()}
	}
	a := &aims[(n-n/5)%len(aims)]
	a.do(k)
	return Mutant{Aim: a.name, Split: k.bytes()}
}

// harmless are changes that a module's kernel does not look at.
var harmless = []func(k *kit){
	func(k *kit) {},
	func(k *kit) { k.insert(btf.Ptr, 0, 0, uint32(k.rng.IntN(0x100000))) },
	func(k *kit) {
		k.insert(btf.FuncProto, 0, 2, k.rng.Uint32(), k.rng.Uint32(), k.rng.Uint32(), k.rng.Uint32(), k.rng.Uint32())
	},
	func(k *kit) { k.insert(btf.Func, k.good, k.rng.Uint32N(2), k.rng.Uint32()) },
	func(k *kit) { k.insert(btf.Array, 0, 0, 0, k.id(), k.id(), k.rng.Uint32()) },
	func(k *kit) { k.insert(btf.Int, k.bad, 0, 16, k.rng.Uint32N(5)&4<<24|k.rng.Uint32N(65)) },
	func(k *kit) { k.insert(btf.Struct, k.good, 1, 4, 0, k.id(), 32) },
	func(k *kit) { k.insert(btf.Union, 0, 1|kflag, 4, k.good, k.id(), 0x07000000) },
	func(k *kit) { k.insert(btf.Const, 0, 0, 0) },
	func(k *kit) { k.insert(btf.Fwd, k.good, kflag, 0) },
	func(k *kit) { k.insert(btf.Var, k.good, 0, k.id(), k.rng.Uint32N(2)) },
	func(k *kit) { k.insert(btf.Datasec, k.good, 1, 8, k.id(), k.rng.Uint32N(5), 1+k.rng.Uint32N(4)) },
	func(k *kit) { k.insert(btf.Enum, 0, 1, 1<<k.rng.Uint32N(4), k.good, k.rng.Uint32()) },
}
