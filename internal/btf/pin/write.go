package pin

import (
	"encoding/binary"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

// order is the byte order of the new base.
func (p *plan) order() binary.ByteOrder {
	if p.new.raw.BigEndian() {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// write returns the blob: the new base's header and sections, in their order in
// the file, with other types and strings.
func (p *plan) write(ids []btf.ID) ([]byte, error) {
	types, err := p.types(ids)
	if err != nil {
		return nil, err
	}
	raw, h := p.new.raw, p.new.raw.Header()
	in := raw.Bytes()
	sections := []section{{h.TypeOff, types, 12}, {h.StrOff, p.strs, 20}}
	if h.LayoutLen > 0 {
		at := h.Len + h.LayoutOff
		sections = append(sections, section{h.LayoutOff, in[at : at+h.LayoutLen], 28})
	}
	slices.SortStableFunc(sections, func(a, b section) int { return int(int64(a.off) - int64(b.off)) })
	out := slices.Clone(in[:h.Len])
	for _, s := range sections {
		if s.lenAt+4 > len(out) {
			return nil, where.New(where.Unsupported, "BTF header of %d bytes", h.Len).At(4)
		}
		p.order().PutUint32(out[s.lenAt-4:], uint32(len(out))-h.Len)
		p.order().PutUint32(out[s.lenAt:], uint32(len(s.data)))
		out = append(out, s.data...)
	}
	return out, nil
}

// section is one section of a blob: where it was, and where in the header its
// length is, behind its offset.
type section struct {
	off   uint32
	data  []byte
	lenAt int
}

// types writes the records, slot by slot.
func (p *plan) types(ids []btf.ID) ([]byte, error) {
	f := fillers{p: p}
	f.survey(ids)
	if f.err != nil {
		return nil, f.err
	}
	out := make([]byte, 0, int(p.new.raw.Header().TypeLen)+20*len(p.slots)/8)
	var before btf.StrOff // name of the last type that has one
	for id := 1; id < len(p.slots); id++ {
		switch s := p.slots[id]; s.is {
		case aType:
			t, _ := p.new.raw.Record(btf.ID(s.from))
			at := len(out)
			out = append(out, p.new.raw.RecordBytes(&t)...)
			rec := out[at:]
			for pos, off := range t.Names {
				p.order().PutUint32(rec[pos-t.Pos:], uint32(p.offset(off)))
			}
			for pos, ref := range t.Refs {
				p.order().PutUint32(rec[pos-t.Pos:], uint32(ids[ref]))
			}
			before = p.offset(t.Name)
		case aTarget:
			out = p.words(out, uint32(p.reserved), uint32(btf.Struct)<<24, 0)
			before = p.reserved
		default:
			out = f.append(out, uint32(id), before)
		}
	}
	return out, nil
}

func (p *plan) words(out []byte, words ...uint32) []byte {
	var b [4]byte
	for _, w := range words {
		p.order().PutUint32(b[:], w)
		out = append(out, b[:]...)
	}
	return out
}

// fillers writes what stands on ids that nothing has.
type fillers struct {
	p     *plan
	void  uint32 // free layout: the FUNC_PROTO "void (void)"
	proto uint32 // free layout: the slot that becomes it, where the base has none
	first uint32 // sorted: the first id with a name
	int   uint32 // sorted: what the parameter of the nameless ones is of
	on    uint32 // sorted: the reserved STRUCT
	next  map[uint32]btf.StrOff
	err   error
}

// survey finds what fillers refer to.
func (f *fillers) survey(ids []btf.ID) {
	p := f.p
	any := uint32(0)
	for id := 1; id < len(p.slots); id++ {
		switch p.slots[id].is {
		case aFiller:
			if any == 0 {
				any = uint32(id)
			}
		case aTarget:
			f.on = uint32(id)
		}
	}
	for t := range p.new.raw.Types {
		to := uint32(ids[t.ID])
		switch {
		case to == 0:
		case t.Kind == btf.FuncProto && t.Vlen == 0 && t.Ref() == 0 && (f.void == 0 || to < f.void):
			f.void = to
		case t.Kind == btf.Int && (f.int == 0 || to < f.int):
			f.int = to
		}
	}
	if any == 0 {
		return
	}
	if p.sorted {
		f.sortedSurvey(any)
	} else if f.void == 0 {
		if p.proto != 0 && p.slots[p.proto].is == aFiller {
			any = p.proto
		}
		f.void, f.proto = any, any
	}
}

func (f *fillers) sortedSurvey(any uint32) {
	p := f.p
	f.first = uint32(len(p.slots))
	f.next = map[uint32]btf.StrOff{}
	for id := len(p.slots) - 1; id > 0; id-- {
		s := p.slots[id]
		if s.is == aTarget || s.is == aType && p.new.named[s.from] != 0 {
			f.first = uint32(id)
		}
	}
	// A filler between the last type without a name and the first with one has
	// no predecessor: those below first are FUNC_PROTOs, which have no name.
	switch {
	case any < f.first && f.int == 0:
		f.err = where.New(where.Unsupported, "a base without an INT cannot be pinned")
	case f.on == 0 && f.anyNamed():
		f.err = where.New(where.Internal, "no type for the fillers to be on")
	}
}

func (f *fillers) anyNamed() bool {
	return slices.ContainsFunc(f.p.slots[f.first:], func(s slot) bool { return s.is == aFiller })
}

// append writes the filler of one id; before is the name of the type that has
// the id before it.
func (f *fillers) append(out []byte, id uint32, before btf.StrOff) []byte {
	p, name := f.p, uint32(f.p.reserved)
	switch {
	case p.sorted && id < f.first:
		return p.words(out, 0, uint32(btf.FuncProto)<<24|1, 0, name, f.int)
	case p.sorted:
		return p.words(out, uint32(before), uint32(btf.DeclTag)<<24, f.on, ^uint32(0))
	case id == f.proto:
		return p.words(out, 0, uint32(btf.FuncProto)<<24, 0)
	}
	return p.words(out, name, uint32(btf.Func)<<24, f.void)
}
