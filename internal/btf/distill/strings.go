package distill

import (
	"hash/maphash"
	"math/bits"
	"math/rand/v2"

	"kpkg-btf/internal/btf"
)

// stringTable interns strings into the new base's section, then into the new
// split's. Neither the seed nor the multiplier, which are there so that no
// input can choose its collisions, influences the result.
type stringTable struct {
	base, split []byte
	toSplit     bool

	seed  maphash.Seed
	slots []uint32 // open addressing: 1 + number of entry
	texts []text

	mult uint64
	offs []moved // open addressing by old offset
	used int
}

// text is an interned string: its hash and where it begins.
type text struct{ hash, off uint32 }

// moved is an old offset, never 0, and the new one.
type moved struct{ old, new uint32 }

const smallTable = 1 << 8

func (s *stringTable) reset() {
	if s.mult == 0 {
		s.seed, s.mult = maphash.MakeSeed(), rand.Uint64()|1
		s.slots, s.offs = make([]uint32, smallTable), make([]moved, smallTable)
	}
	s.slots, s.offs = s.slots[:smallTable], s.offs[:smallTable]
	clear(s.slots)
	clear(s.offs)
	s.base, s.split, s.texts = append(s.base[:0], 0), s.split[:0], s.texts[:0]
	s.toSplit, s.used = false, 0
}

// move returns the new offset of an old one, 0 for that of the empty string. It
// is false when there is no string or when the offset is inside one.
func (s *stringTable) move(from *btf.Raw, old btf.StrOff) (uint32, bool) {
	switch {
	case old == 0:
		return 0, true
	case uint64(old) >= from.StrEnd():
		return 0, false
	}
	i := s.slotOf(uint32(old))
	if s.offs[i].old != 0 {
		return s.offs[i].new, true
	}
	if !from.StrStart(old) {
		return 0, false
	}
	text, _ := from.Str(old)
	off := s.intern(text)
	s.offs[i] = moved{uint32(old), off}
	if s.used++; 2*s.used > len(s.offs) {
		s.growOffs()
	}
	return off, true
}

// slotOf finds the slot of an old offset, or the empty one for it.
func (s *stringTable) slotOf(old uint32) int {
	i := int(uint64(old) * s.mult >> (64 - bits.TrailingZeros(uint(len(s.offs)))))
	for s.offs[i].old != 0 && s.offs[i].old != old {
		i = (i + 1) & (len(s.offs) - 1)
	}
	return i
}

func (s *stringTable) growOffs() {
	before := append([]moved(nil), s.offs...)
	s.offs = doubled(s.offs)
	for _, m := range before {
		if m.old != 0 {
			s.offs[s.slotOf(m.old)] = m
		}
	}
}

// doubled returns a cleared table twice as large, in the same memory where that
// suffices.
func doubled[T any](t []T) []T {
	n := 2 * len(t)
	if cap(t) < n {
		return make([]T, n)
	}
	t = t[:n]
	clear(t)
	return t
}

// intern returns the new offset of a string by its content.
func (s *stringTable) intern(b []byte) uint32 {
	if len(b) == 0 {
		return 0
	}
	hash := uint32(maphash.Bytes(s.seed, b))
	mask := uint32(len(s.slots) - 1)
	i := hash & mask
	for ; s.slots[i] != 0; i = (i + 1) & mask {
		if t := s.texts[s.slots[i]-1]; t.hash == hash && s.is(t.off, b) {
			return t.off
		}
	}
	off := uint32(len(s.base))
	if s.toSplit {
		off += uint32(len(s.split))
		s.split = append(append(s.split, b...), 0)
	} else {
		s.base = append(append(s.base, b...), 0)
	}
	s.texts = append(s.texts, text{hash, off})
	s.slots[i] = uint32(len(s.texts))
	if 2*len(s.texts) > len(s.slots) {
		s.growSlots()
	}
	return off
}

// is reports whether the string at a new offset is b, which has no NUL.
func (s *stringTable) is(off uint32, b []byte) bool {
	at := s.base
	if off >= uint32(len(at)) {
		off, at = off-uint32(len(at)), s.split
	}
	at = at[off:]
	return len(at) > len(b) && at[len(b)] == 0 && string(at[:len(b)]) == string(b)
}

func (s *stringTable) growSlots() {
	s.slots = doubled(s.slots)
	mask := uint32(len(s.slots) - 1)
	for n, t := range s.texts {
		i := t.hash & mask
		for s.slots[i] != 0 {
			i = (i + 1) & mask
		}
		s.slots[i] = uint32(n + 1)
	}
}
