package pin

import (
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

// maxText is how many bytes of names are read at most. Names have no more than
// the blob unless they are tails of one another.
const maxText = 128 << 20

// names numbers strings by content: equal strings of both bases have one
// number, "" has 0.
type names struct {
	no   map[string]uint32
	text int
}

func newNames() *names { return &names{no: map[string]uint32{"": 0}} }

// side is one of the two bases with what the matching asks again and again.
type side struct {
	raw    *btf.Raw
	n      uint32   // ids, void included
	nameNo []uint32 // string offset -> 1 + number; 0: not asked yet
	filler []bool   // by id
	named  []uint32 // by id: number of the name
	fills  int      // fillers that a type can take the place of
	gone   int      // all ids that are not carried over
	proto  uint32   // the FUNC_PROTO that is there for the fillers alone, 0: none
}

// newSide reads a base; every id and string offset in it leads somewhere.
func newSide(r *btf.Raw, all *names) (*side, error) {
	if r.Base() != nil {
		return nil, where.New(where.Unsupported, "this is a module's BTF, not a base")
	}
	s := &side{raw: r, n: r.NumTypes(), nameNo: make([]uint32, r.StrLen())}
	s.filler, s.named = make([]bool, s.n), make([]uint32, s.n)
	for t := range r.Types {
		if err := s.check(&t, all); err != nil {
			return nil, err
		}
		s.named[t.ID] = s.number(t.Name)
	}
	s.findFillers()
	for t := range r.Types {
		for pos, id := range t.Refs {
			if s.filler[id] && !s.filler[t.ID] {
				return nil, where.New(where.Malformed, "BTF type [%d] %s refers to [%d], which is a filler", t.ID, t.Kind, id).At(int64(pos))
			}
		}
	}
	return s, nil
}

func (s *side) check(t *btf.Record, all *names) error {
	for pos, id := range t.Refs {
		if uint32(id) >= s.n {
			return where.New(where.Malformed, "BTF type [%d] %s refers to [%d], there are %d types", t.ID, t.Kind, id, s.n).At(int64(pos))
		}
	}
	for pos, off := range t.Names {
		if uint32(off) >= s.raw.StrLen() {
			return where.New(where.Malformed, "BTF type [%d] %s: name offset %#x, there are %#x bytes of strings", t.ID, t.Kind, uint32(off), s.raw.StrLen()).At(int64(pos))
		}
		if s.nameNo[off] != 0 {
			continue
		}
		str, _ := s.raw.Str(off)
		if all.text += len(str); all.text > maxText {
			return where.New(where.Limit, "names of more than %d bytes", int64(maxText)).At(int64(pos))
		}
		no, ok := all.no[string(str)]
		if !ok {
			no = uint32(len(all.no))
			all.no[string(str)] = no
		}
		s.nameNo[off] = no + 1
	}
	return nil
}

// number is that of a string which a record uses.
func (s *side) number(off btf.StrOff) uint32 { return s.nameNo[off] - 1 }

// findFillers marks what an earlier run reserved.
func (s *side) findFillers() {
	if int(s.raw.StrLen()) < len(Reserved) {
		return
	}
	mark := func(id btf.ID) {
		s.filler[id] = true
		s.fills++
		s.gone++
	}
	proto := btf.ID(0)
	for t := range s.raw.Types {
		switch {
		case IsFiller(s.raw, &t), isReservedProto(s.raw, &t):
			mark(t.ID)
			if t.Kind == btf.Func {
				proto = t.Ref()
			}
		case t.Kind == btf.DeclTag:
			if on, _ := s.raw.Record(t.Ref()); on.Kind == btf.Struct && IsFiller(s.raw, &on) {
				mark(t.ID)
			}
		}
	}
	if proto != 0 && !s.used(proto) {
		s.filler[proto], s.proto = true, uint32(proto)
		s.gone++
	}
}

// used reports whether a type that is no filler refers to another.
func (s *side) used(id btf.ID) bool {
	for t := range s.raw.Types {
		if s.filler[t.ID] {
			continue
		}
		for _, ref := range t.Refs {
			if ref == id {
				return true
			}
		}
	}
	return false
}

// IsFiller reports whether a record holds a place that is reserved and says
// nothing of a kernel: the FUNC or the empty STRUCT of the reserved name.
func IsFiller(r *btf.Raw, t *btf.Record) bool {
	if t.Kind != btf.Func && (t.Kind != btf.Struct || t.Vlen != 0 || t.SizeType != 0) {
		return false
	}
	s, _ := r.Str(t.Name)
	return string(s) == Reserved
}

func isReservedProto(r *btf.Raw, t *btf.Record) bool {
	if t.Kind != btf.FuncProto || t.Vlen != 1 || t.Ref() != 0 {
		return false
	}
	name, _ := t.Param(0)
	s, _ := r.Str(name)
	return string(s) == Reserved
}

// Slack counts the fillers of a base, and the bytes at the end of its strings
// that nothing uses.
type Slack struct {
	Types, Strings int
}

// SlackOf finds what an earlier run has reserved in a base.
func SlackOf(r *btf.Raw) Slack {
	s := &side{raw: r, n: r.NumTypes(), filler: make([]bool, r.NumTypes())}
	s.findFillers()
	strs := r.Strings()
	end := len(strs)
	for end > 1 && strs[end-2] == 0 {
		end--
	}
	return Slack{Types: s.fills, Strings: len(strs) - end}
}

// firstNamed is the id of the first type with a name.
func firstNamed(r *btf.Raw) uint32 {
	for t := range r.Types {
		if s, _ := r.Str(t.Name); len(s) > 0 {
			return uint32(t.ID)
		}
	}
	return r.NumTypes()
}
