package meaning

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"math/rand/v2"

	"kpkg-btf/internal/btf"
)

// local compares records by what they are without their references. Its hash
// finds candidates, equal decides.
type local struct {
	g     *graph
	depth Depth
	seed  maphash.Seed
	mult  uint64
}

func newLocal(g *graph, d Depth) *local {
	return &local{g: g, depth: d, seed: maphash.MakeSeed(), mult: rand.Uint64() | 1}
}

// outline reports whether a depth does not look into a record: of what has a
// name kind, name and size say enough.
func outline(d Depth, t *btf.Record) bool {
	switch t.Kind {
	case btf.Struct, btf.Union, btf.Fwd:
		return d <= Identity && t.Name != 0
	case btf.Enum, btf.Enum64:
		return d <= ByValue && t.Name != 0
	}
	return false
}

// What a word of a record is.
type role uint8

const (
	plain role = iota
	name
	reference
)

// roleOf says what the i-th word after the head is.
func roleOf(s *btf.Shape, i int) role {
	refs, strs := s.FixedRefs, uint8(0)
	if fixed := int(s.Fixed / 4); i >= fixed {
		refs, strs = s.ElemRefs, s.ElemStrs
		i = (i - fixed) % int(s.Elem/4)
	}
	switch {
	case refs>>i&1 != 0:
		return reference
	case strs>>i&1 != 0:
		return name
	}
	return plain
}

// record returns the record of a node; r is nil for the nodes that stand for
// ids beyond the last.
func (l *local) record(x uint32) (r *btf.Raw, t btf.Record) {
	r, id := l.g.place(x)
	if r != nil {
		t, _ = r.Record(id)
	}
	return r, t
}

// head returns what counts of info word and size, and whether it is all that
// counts beside the name.
func (l *local) head(t *btf.Record) (info, size uint32, bare bool) {
	info, size = t.Info(), t.SizeType
	if t.Kind.Shape().HeadRef {
		size = 0
	}
	if !outline(l.depth, t) {
		return info, size, false
	}
	kind := t.Kind
	if l.depth == Named {
		kind, size = declared(t), 0
	}
	if kind != btf.Fwd {
		info = uint32(kind) << 24
	}
	return info, size, true
}

// declared is the kind that a name stands for, whether declared or defined.
func declared(t *btf.Record) btf.Kind {
	switch {
	case t.Kind == btf.Enum64:
		return btf.Enum
	case t.Kind == btf.Fwd && t.KFlag:
		return btf.Union
	case t.Kind == btf.Fwd:
		return btf.Struct
	}
	return t.Kind
}

// hash is of everything that equal compares. What equals nothing, a record
// with a name beyond the strings, gets a hash of its own.
func (l *local) hash(x uint32) uint64 {
	r, t := l.record(x)
	if r == nil {
		return mix(l.mult, uint64(x), l.mult)
	}
	info, size, bare := l.head(&t)
	h, s := mix(uint64(info)<<32|uint64(size), l.mult, l.mult), t.Kind.Shape()
	str := func(off btf.StrOff) {
		v, ok := r.Str(off)
		if h = mix(h, maphash.Bytes(l.seed, v), l.mult); !ok {
			h = mix(h, uint64(x), l.mult)
		}
	}
	str(t.Name)
	if !bare {
		for i := range len(t.Extra) / 4 {
			switch v := t.Word(i); roleOf(s, i) {
			case plain:
				h = mix(h, uint64(v), l.mult)
			case name:
				str(btf.StrOff(v))
			}
		}
	}
	return h ^ h>>32
}

// equal reports whether two nodes are the same but for what they refer to.
func (l *local) equal(x, y uint32) bool {
	if x == y {
		return true
	}
	r1, a := l.record(x)
	r2, b := l.record(y)
	if r1 == nil || r2 == nil {
		return false
	}
	i1, n1, bare := l.head(&a)
	i2, n2, _ := l.head(&b)
	s := a.Kind.Shape()
	if i1 != i2 || n1 != n2 || !sameName(r1, r2, a.Name, b.Name) {
		return false
	}
	if bare {
		return true
	}
	for i := range len(a.Extra) / 4 {
		v, w := a.Word(i), b.Word(i)
		switch roleOf(s, i) {
		case plain:
			if v != w {
				return false
			}
		case name:
			if !sameName(r1, r2, btf.StrOff(v), btf.StrOff(w)) {
				return false
			}
		}
	}
	return true
}

// sameName compares two names; one beyond the strings equals none.
func sameName(r1, r2 *btf.Raw, a, b btf.StrOff) bool {
	s, ok1 := r1.Str(a)
	t, ok2 := r2.Str(b)
	return ok1 && ok2 && bytes.Equal(s, t)
}

// mix folds a word into a hash; m is odd and random, so that no input can
// choose its collisions.
func mix(h, v, m uint64) uint64 {
	hi, lo := bits.Mul64(h^v, m)
	return bits.RotateLeft64(hi^lo, 23) + v
}

// label numbers n things by equality, in the order in which each first comes;
// of each number it gives the first.
func label(n int, hash func(i uint32) uint64, equal func(i, j uint32) bool) (number, first []uint32) {
	size := 1 << bits.Len(uint(n+n/2))
	slots := make([]uint32, size) // 1 + number
	number = make([]uint32, n)
	for i := range uint32(n) {
		k := hash(i) & uint64(size-1)
		for slots[k] != 0 && !equal(first[slots[k]-1], i) {
			k = (k + 1) & uint64(size-1)
		}
		if slots[k] == 0 {
			first = append(first, i)
			slots[k] = uint32(len(first))
		}
		number[i] = slots[k] - 1
	}
	return number, first
}
