package verdict

import (
	"fmt"

	"kpkg-btf/internal/btf"
)

// checkInt mirrors btf_int_check_meta.
func (s *parser) checkInt(t *record) bool {
	if !s.noVlen(t) || !s.noKflag(t) {
		return false
	}
	data := s.word(t.extra)
	if data&0xf0000000 != 0 {
		return s.refuseType(t, "data", EINVAL, recordHead, false, "Invalid int_data:%x", data)
	}
	bits := data&0xff + data>>16&0xff
	if bits > 128 {
		return s.bad(t, "bits", recordHead, "nr_bits exceeds 128")
	}
	if (bits+7)/8 > t.size {
		return s.bad(t, "size", recordHead, "nr_bits exceeds type_size")
	}
	if e := data >> 24 & 0xf; e != 0 && e != 1 && e != 2 && e != 4 {
		return s.refuseType(t, "encoding", ENOTSUPP, recordHead, true, "Unsupported encoding")
	}
	return true
}

// checkRef mirrors btf_ref_type_check_meta.
func (s *parser) checkRef(t *record) bool {
	if !s.noVlen(t) {
		return false
	}
	if t.kflag && !(t.kind == btf.TypeTag && s.p.TagKflag) {
		return s.noKflag(t)
	}
	if t.size > maxType {
		return s.bad(t, "type", offSize, "Invalid type_id")
	}
	switch t.kind {
	case btf.Typedef:
		return s.named(t)
	case btf.TypeTag:
		return !s.empty(t.name) || s.bad(t, "name", offName, "Invalid name")
	}
	return s.anonymous(t)
}

// checkArray mirrors btf_array_check_meta.
func (s *parser) checkArray(t *record) bool {
	if !s.anonymous(t) || !s.noVlen(t) || !s.noKflag(t) {
		return false
	}
	switch {
	case t.size != 0:
		return s.bad(t, "size", offSize, "size != 0")
	case !refable(s.word(t.extra)):
		return s.bad(t, "elem", recordHead, "Invalid elem")
	case !refable(s.word(t.extra[4:])):
		return s.bad(t, "index", recordHead+4, "Invalid index")
	}
	return true
}

// member returns the three words of the i-th element of 12 bytes.
func (s *parser) member(t *record, i uint32) (a, b, c uint32) {
	e := t.extra[12*i:][:12]
	return s.word(e), s.word(e[4:]), s.word(e[8:])
}

// checkComposite mirrors btf_struct_check_meta.
func (s *parser) checkComposite(t *record) bool {
	if !s.maybeNamed(t) {
		return false
	}
	last := uint32(0)
	for i := range t.vlen {
		name, ref, off := s.member(t, i)
		if t.kflag {
			off &= 0xffffff
		}
		switch {
		case !s.hasOffset(name):
			return s.refuseMember(t, i, "member.name_offset", 0, "Invalid member name_offset:%d", name)
		case name != 0 && !s.identifier(name):
			return s.refuseMember(t, i, "member.name", 0, "Invalid name")
		case !refable(ref):
			return s.refuseMember(t, i, "member.type", 4, "Invalid type_id")
		case t.kind == btf.Union && off != 0:
			return s.refuseMember(t, i, "member.offset", 8, "Invalid member bits_offset")
		case last > off:
			return s.refuseMember(t, i, "member.order", 8, "Invalid member bits_offset")
		case off/8+min(off%8, 1) > t.size:
			return s.refuseMember(t, i, "member.size", 8, "Member bits_offset exceeds its struct size")
		}
		last = off
	}
	return true
}

// checkEnum mirrors btf_enum_check_meta and btf_enum64_check_meta.
func (s *parser) checkEnum(t *record) bool {
	step := uint32(8)
	if t.kind == btf.Enum64 {
		step = 12
	} else if !s.p.EnumKflag && !s.noKflag(t) {
		return false
	}
	if t.size > 8 || t.size&(t.size-1) != 0 || t.size == 0 {
		return s.bad(t, "size", offSize, "Unexpected size")
	}
	if !s.maybeNamed(t) {
		return false
	}
	for i := range t.vlen {
		name := s.word(t.extra[step*i:])
		if !s.hasOffset(name) {
			s.refuse(ruleOf(t.kind, "enumerator.name_offset"), EINVAL, t.pos+recordHead+step*i, fmt.Sprintf("\tInvalid name_offset:%d", name))
			s.res.TypeID = s.id
			return false
		}
		if name == 0 || !s.identifier(name) {
			return s.bad(t, "enumerator.name", recordHead+step*i, "Invalid name")
		}
	}
	return true
}

// checkFwd mirrors btf_fwd_check_meta.
func (s *parser) checkFwd(t *record) bool {
	if !s.noVlen(t) {
		return false
	}
	if t.size != 0 {
		return s.bad(t, "type", offSize, "type != 0")
	}
	return s.named(t)
}

// checkProto mirrors btf_func_proto_check_meta: parameters are not looked at.
func (s *parser) checkProto(t *record) bool { return s.anonymous(t) && s.noKflag(t) }

// checkFunc mirrors btf_func_check_meta: the prototype is not looked at.
func (s *parser) checkFunc(t *record) bool {
	if !s.named(t) {
		return false
	}
	if t.vlen > 1 { // static or global: extern is for programs alone
		return s.bad(t, "linkage", offInfo, "Invalid func linkage")
	}
	return s.noKflag(t)
}

// checkVar mirrors btf_var_check_meta.
func (s *parser) checkVar(t *record) bool {
	if !s.noVlen(t) || !s.noKflag(t) {
		return false
	}
	switch {
	case t.name == 0 || !s.variable(t.name):
		return s.bad(t, "name", offName, "Invalid name")
	case !refable(t.size):
		return s.bad(t, "type", offSize, "Invalid type_id")
	case s.word(t.extra) > 1:
		return s.bad(t, "linkage", recordHead, "Linkage not supported")
	}
	return true
}

// checkDatasec mirrors btf_datasec_check_meta.
func (s *parser) checkDatasec(t *record) bool {
	switch {
	case t.vlen == 0 && !s.p.EmptyDatasec:
		return s.bad(t, "vlen", offInfo, "vlen == 0")
	case t.size == 0:
		return s.bad(t, "size", offSize, "size == 0")
	case !s.noKflag(t):
		return false
	case t.name == 0 || !s.section(t.name):
		return s.bad(t, "name", offName, "Invalid name")
	}
	end, sum := uint64(0), uint64(0)
	for i := range t.vlen {
		ref, off, size := s.member(t, i)
		switch {
		case !refable(ref):
			return s.refuseEntry(t, i, "entry.type", 0, "Invalid type_id")
		case uint64(off) < end || off >= t.size:
			return s.refuseEntry(t, i, "entry.offset", 4, "Invalid offset")
		case size == 0 || size > t.size:
			return s.refuseEntry(t, i, "entry.size", 8, "Invalid size")
		}
		// The kernel adds two u32 before it widens the sum.
		if end = uint64(off + size); end > uint64(t.size) {
			return s.refuseEntry(t, i, "entry.end", 8, "Invalid offset+size")
		}
		sum += uint64(size)
	}
	if uint64(t.size) < sum {
		return s.bad(t, "sum", offSize, "Invalid btf_info size")
	}
	return true
}

// checkFloat mirrors btf_float_check_meta.
func (s *parser) checkFloat(t *record) bool {
	if !s.noVlen(t) || !s.noKflag(t) {
		return false
	}
	switch t.size {
	case 2, 4, 8, 12, 16:
		return true
	}
	return s.bad(t, "size", offSize, "Invalid type_size")
}

// checkDeclTag mirrors btf_decl_tag_check_meta.
func (s *parser) checkDeclTag(t *record) bool {
	if s.empty(t.name) {
		return s.bad(t, "value", offName, "Invalid value")
	}
	if !s.noVlen(t) || !s.p.TagKflag && !s.noKflag(t) {
		return false
	}
	if int32(s.word(t.extra)) < -1 {
		return s.bad(t, "component", recordHead, "Invalid component_idx")
	}
	return true
}
