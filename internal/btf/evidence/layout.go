package evidence

import (
	"math/bits"

	"kpkg-btf/internal/btf"
)

// layout is a struct or union as far as its members have been placed.
type layout struct {
	total    uint64 // bits
	end      uint64 // bits; of the last member, of a union the longest
	last     facts  // of the last member
	bitfield bool   // the last member is one
}

// members judges a struct's layout: members fit, do not overlap, and leave no
// hole that alignment does not explain. The first violation ends it: what
// follows would only repeat it.
func (j *judge) members() {
	t := &j.t
	l := layout{total: 8 * uint64(t.SizeType)}
	for i := range int(t.Vlen) {
		if !j.member(&l, i) {
			return
		}
	}
	if t.Vlen > 0 && !l.padded() && !explained(l.end, l.total) {
		j.hit(ruleHole, t.Pos+8, "its members end at bit %d of %d", l.end, l.total)
	}
}

func (j *judge) member(l *layout, i int) bool {
	t, m := &j.t, j.t.Member(i)
	f := j.ref(m.Type, Kinds)
	if !isType(f.kind) || f.size == noSize {
		j.hit(ruleMemberKind, t.WordPos(3*i+1), "member %s at bit %d is %s", j.str(m.Name), m.BitOff, j.label(m.Type))
		return false
	}
	width, off := 8*uint64(f.size), uint64(m.BitOff)
	if m.BitSize != 0 {
		if f.leaf != btf.Int && f.leaf != btf.Enum && f.leaf != btf.Enum64 || uint64(m.BitSize) > width {
			j.hit(ruleBitfield, t.WordPos(3*i+1), "bitfield %s of %d bits is %s", j.str(m.Name), m.BitSize, j.label(m.Type))
			return false
		}
		width = uint64(m.BitSize)
	}
	if m.Type < j.first {
		j.looked(Sizes)
	}
	ok := j.place(l, i, &m, width)
	l.last, l.bitfield = f, m.BitSize != 0
	l.end = max(l.end, off+width)
	return ok
}

// place judges where a member of width bits lies among the others.
func (j *judge) place(l *layout, i int, m *btf.Member, width uint64) bool {
	t, off := &j.t, uint64(m.BitOff)
	switch {
	case off+width > l.total:
		j.hit(ruleMemberEnd, t.WordPos(3*i+1), "member %s of %d bits at bit %d ends beyond its %d bytes: %s", j.str(m.Name), width, off, t.SizeType, j.label(m.Type))
	case t.Kind == btf.Union:
		return true
	case off < l.end:
		j.hit(ruleOverlap, t.WordPos(3*i+2), "member %s at bit %d overlaps the one before, which ends at %d", j.str(m.Name), off, l.end)
	case !l.padded() && m.BitSize == 0 && !explained(l.end, off):
		j.hit(ruleHole, t.WordPos(3*i+2), "member %s at bit %d follows a hole from bit %d", j.str(m.Name), off, l.end)
	default:
		return true
	}
	return false
}

// padded reports whether an unnamed bitfield may follow the last member, which
// BTF does not show: registers and messages of devices are written that way,
// behind integers.
func (l *layout) padded() bool {
	return l.bitfield || l.last.leaf == btf.Int || l.last.leaf == btf.Enum
}

// explained reports whether alignment can have put what begins (or ends) at bit
// off behind something that ends at bit end: some power of two divides off and
// is more than the hole. Holes under 64 bits are let pass: a device's layout
// may leave one as an unnamed bitfield behind anything (nouveau's
// crcc37d_entry).
func explained(end, off uint64) bool {
	return off < end+64 || off-end < 1<<bits.TrailingZeros64(off)
}
