package verdict

import "kpkg-btf/internal/btf"

// member mirrors check_member and check_kflag_member of the member's kind:
// it lies within its struct.
func (r *resolver) member(t *record, i, ref uint32, m *record) bool {
	if m.kind.Modifier() {
		at, _, ok := r.size(ref)
		if !ok {
			return r.badMember(t, i, "member", "Invalid member")
		}
		ref = at
		*m, _ = r.typ(at)
	}
	_, _, off := r.s.member(t, i)
	bits := uint32(0)
	if t.kflag {
		off, bits = off&0xffffff, off>>24
	}
	switch m.kind {
	case btf.Int:
		return r.intMember(t, i, m, off, bits)
	case btf.Enum, btf.Enum64:
		if t.kflag {
			return r.enumBits(t, i, off, bits)
		}
	}
	if bits != 0 {
		return r.badMember(t, i, "member.bits", "Invalid member bitfield_size")
	}
	switch m.kind {
	case btf.Ptr:
		return r.aligned(t, i, off) && r.fits(t, i, off/8, r.ptr)
	case btf.Array:
		return r.aligned(t, i, off) && r.fits(t, i, off/8, r.arraySize(ref))
	case btf.Struct, btf.Union, btf.Enum, btf.Enum64:
		return r.aligned(t, i, off) && r.fits(t, i, off/8, m.size)
	case btf.Float:
		if off%(8*min(r.ptr, m.size)) != 0 {
			return r.badMember(t, i, "member.align", "Member is not properly aligned")
		}
		return r.fits(t, i, off/8, m.size)
	}
	return r.badMember(t, i, "member.kind", "Unsupported check_member")
}

func (r *resolver) badMember(t *record, i uint32, rule, text string) bool {
	r.badElement(t, i, rule, 8, text)
	return false
}

func (r *resolver) aligned(t *record, i, off uint32) bool {
	return off%8 == 0 || r.badMember(t, i, "member.align", "Member is not byte aligned")
}

// fits: the first pass has seen that the offset is not beyond the struct.
func (r *resolver) fits(t *record, i, at, size uint32) bool {
	return uint64(at)+uint64(size) <= uint64(t.size) || r.badMember(t, i, "member.exceeds", "Member exceeds struct_size")
}

// intMember mirrors btf_int_check_member and btf_int_check_kflag_member.
func (r *resolver) intMember(t *record, i uint32, m *record, off, bits uint32) bool {
	d := r.s.word(m.extra)
	intBits, intOff := d&0xff, d>>16&0xff
	if !t.kflag {
		if off > ^uint32(0)-intOff {
			return r.badMember(t, i, "member.offset", "bits_offset exceeds U32_MAX")
		}
		off, bits = off+intOff, intBits
	} else {
		if !r.regular(d) {
			return r.badMember(t, i, "member.int", "Invalid member base type")
		}
		switch {
		case bits == 0 && off%8 != 0:
			return r.badMember(t, i, "member.align", "Invalid member offset")
		case bits == 0:
			bits = intBits
		case bits > intBits:
			return r.badMember(t, i, "member.bits", "Invalid member bitfield_size")
		}
	}
	copied := bits + off%8
	if copied > 128 {
		return r.badMember(t, i, "member.copy", "nr_copy_bits exceeds 128")
	}
	return r.fits(t, i, off/8, (copied+7)/8)
}

// regular is btf_type_int_is_regular of an INT's data.
func (r *resolver) regular(d uint32) bool {
	switch d & 0xff {
	case 8, 16, 32, 64, 128:
		return d>>16&0xff == 0
	}
	return false
}

// enumBits mirrors btf_enum_check_kflag_member: whatever the enum's size, an
// int is meant.
func (r *resolver) enumBits(t *record, i, off, bits uint32) bool {
	switch {
	case bits == 0 && !r.aligned(t, i, off):
		return false
	case bits == 0:
		bits = 32
	case bits > 32:
		return r.badMember(t, i, "member.bits", "Invalid member bitfield_size")
	}
	return uint64(off)+uint64(bits) <= 8*uint64(t.size) || r.badMember(t, i, "member.exceeds", "Member exceeds struct_size")
}
