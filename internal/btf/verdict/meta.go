package verdict

import (
	"fmt"

	"kpkg-btf/internal/btf"
)

// record is one type record with its elements, as the first pass sees it.
type record struct {
	extra []byte // all that is left of the type section, then cut to need
	pos   uint32 // offset in the blob
	name  uint32
	size  uint32 // size or type id
	vlen  uint32
	kind  btf.Kind
	kflag bool
}

// metas mirrors btf_check_all_metas.
func (s *parser) metas() bool {
	s.id = s.first
	for off := 0; off < len(s.types); s.id++ {
		n := s.meta(off)
		if n < 0 {
			return false
		}
		s.index = append(s.index, uint32(off))
		off += n
	}
	return true
}

// meta mirrors btf_check_meta and gives the length of the record, or -1.
func (s *parser) meta(off int) int {
	left := s.types[off:]
	pos := s.typesPos + uint32(off)
	if len(left) < recordHead {
		s.refuse("M1", EINVAL, pos, fmt.Sprintf("[%d] meta_left:%d meta_needed:%d", s.id, len(left), recordHead))
		return s.fail()
	}
	info := s.word(left[4:])
	if mask := s.p.InfoMask; mask != 0 && info&^mask != 0 {
		s.refuse("M2", EINVAL, pos+4, fmt.Sprintf("[%d] Invalid btf_info:%x", s.id, info))
		return s.fail()
	}
	t := record{
		extra: left[recordHead:], pos: pos, name: s.word(left), size: s.word(left[8:]),
		vlen: info & s.p.Masks.Vlen, kind: btf.Kind(info >> 24 & s.p.Masks.Kind), kflag: info>>31 != 0,
	}
	if t.kind == btf.Void || t.kind > s.p.KindMax {
		s.refuse("M3", EINVAL, pos+4, fmt.Sprintf("[%d] Invalid kind:%d", s.id, uint8(t.kind)))
		return s.fail()
	}
	if !s.hasOffset(t.name) {
		s.refuse("M4", EINVAL, pos, fmt.Sprintf("[%d] Invalid name_offset:%d", s.id, t.name))
		return s.fail()
	}
	shape := t.kind.Shape()
	need := uint64(shape.Fixed) + uint64(shape.Elem)*uint64(t.vlen)
	if need > uint64(len(t.extra)) {
		s.refuseType(&t, "left", EINVAL, 0, false, "meta_left:%d meta_needed:%d", len(t.extra), need)
		return -1
	}
	t.extra = t.extra[:need]
	if !s.check(&t) {
		return -1
	}
	return recordHead + int(need)
}

func (s *parser) fail() int {
	s.res.TypeID = s.id
	return -1
}

// check runs a kind's own checks (check_meta of its btf_kind_operations).
func (s *parser) check(t *record) bool {
	switch t.kind {
	case btf.Int:
		return s.checkInt(t)
	case btf.Ptr, btf.Typedef, btf.Volatile, btf.Const, btf.Restrict, btf.TypeTag:
		return s.checkRef(t)
	case btf.Array:
		return s.checkArray(t)
	case btf.Struct, btf.Union:
		return s.checkComposite(t)
	case btf.Enum, btf.Enum64:
		return s.checkEnum(t)
	case btf.Fwd:
		return s.checkFwd(t)
	case btf.FuncProto:
		return s.checkProto(t)
	case btf.Func:
		return s.checkFunc(t)
	case btf.Var:
		return s.checkVar(t)
	case btf.Datasec:
		return s.checkDatasec(t)
	case btf.Float:
		return s.checkFloat(t)
	}
	return s.checkDeclTag(t)
}

// bad refuses with -EINVAL and the type's details; off counts from the record.
func (s *parser) bad(t *record, rule string, off uint32, text string) bool {
	return s.refuseType(t, rule, EINVAL, off, true, "%s", text)
}

const (
	offName = 0
	offInfo = 4
	offSize = 8
)

func (s *parser) noVlen(t *record) bool {
	return t.vlen == 0 || s.bad(t, "vlen", offInfo, "vlen != 0")
}

func (s *parser) noKflag(t *record) bool {
	return !t.kflag || s.bad(t, "kflag", offInfo, "Invalid btf_info kind_flag")
}

// named asks for a name that is there and an identifier.
func (s *parser) named(t *record) bool {
	return t.name != 0 && s.identifier(t.name) || s.bad(t, "name", offName, "Invalid name")
}

// maybeNamed asks for an identifier where there is a name.
func (s *parser) maybeNamed(t *record) bool {
	return t.name == 0 || s.identifier(t.name) || s.bad(t, "name", offName, "Invalid name")
}

func (s *parser) anonymous(t *record) bool {
	return t.name == 0 || s.bad(t, "name", offName, "Invalid name")
}

// refable reports whether an id may be a type other than void.
func refable(id uint32) bool { return id != 0 && id <= maxType }
