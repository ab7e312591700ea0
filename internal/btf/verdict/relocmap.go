package verdict

import (
	"slices"

	"kpkg-btf/internal/btf"
)

// ambiguous is the first base type, by id, that the kernel stumbles over.
type ambiguous struct {
	at      uint32 // id in the base
	dist    uint32
	size    uint32
	earlier uint32
	name    string
}

// maxEffort is how many bytes the names of a distilled base may have together.
// They have no more than the blob unless they are tails of one another; the
// kernel sorts and looks up by strcmp, and would be at it for minutes.
const maxEffort = 64 << 20

// mapTypes mirrors btf_relocate_map_distilled_base. The kernel walks its base
// and looks names up in the distilled one; here it is the other way round,
// with the same matches, and the error with the lowest base id wins.
func (m *relocation) mapTypes() bool {
	m.ids = make([]uint32, m.n)
	m.strs, m.strIDs = make([]uint32, len(m.dist.strs)), make([]uint32, len(m.dist.strs))
	nBase := m.b.area.first
	for id := m.nDist; id < m.n; id++ {
		m.ids[id] = id + nBase - m.nDist
	}
	var worst ambiguous
	effort := 0
	for id := uint32(1); id < m.nDist; id++ {
		name, _ := m.dist.str(m.dist.at(id).name)
		if effort += len(name); effort > maxEffort {
			return m.undefined("effort", id, m.dist.at(id).pos)
		}
		if a := m.mapType(id); a.at != 0 && (worst.at == 0 || a.at < worst.at) {
			worst = a
		}
	}
	if e := m.b.emptyNamed; len(e) != 0 && m.nDist != 0 {
		for _, t := range e {
			if t.SizeType&sizeMask == 0 && (worst.at == 0 || uint32(t.ID) <= worst.at) {
				return m.refuse("invalid", EINVAL, Own, uint32(t.ID), t.Pos,
					"base BTF id [%d] maps to invalid distilled base BTF id [%d]", t.ID, 0)
			}
		}
	}
	if worst.at != 0 {
		return m.refuse("ambiguous", EINVAL, Distilled, worst.dist, m.dist.at(worst.dist).pos,
			"distilled base BTF type '%s' [%d], size %d has multiple candidates of the same size (ids [%d, %d]) in base BTF",
			worst.name, worst.dist, worst.size, worst.at, worst.earlier)
	}
	for id := uint32(1); id < m.nDist; id++ {
		if m.ids[id] == 0 {
			t := m.dist.at(id)
			return m.refuse("unmapped", EINVAL, Distilled, id, t.pos,
				"distilled base BTF type '%s' [%d] is not mapped to base BTF id", m.dist.printName(t.name), id)
		}
	}
	return true
}

// mapType finds the base type of one distilled type and, when there are two,
// the second.
func (m *relocation) mapType(id uint32) ambiguous {
	d := m.dist.at(id)
	name, _ := m.dist.str(d.name)
	match := m.match(id, &d, string(name))
	if match.first.ID == 0 {
		return ambiguous{}
	}
	m.ids[id] = uint32(match.first.ID)
	// The kernel walks its base: of two types of one name the later one's
	// offset stays.
	if m.strIDs[d.name] < m.ids[id] {
		m.strs[d.name], m.strIDs[d.name] = uint32(match.first.Name), m.ids[id]
	}
	if match.second.ID == 0 {
		return ambiguous{}
	}
	return ambiguous{at: uint32(match.second.ID), dist: id, size: match.second.SizeType, earlier: uint32(match.first.ID), name: string(name)}
}

// match are the first two base types that stand for a distilled one.
type match struct{ first, second btf.Record }

func (x *match) add(t btf.Record) (more bool) {
	if x.first.ID == 0 {
		x.first = t
		return true
	}
	x.second = t
	return false
}

// few is how many types of one name are looked through for each distilled type
// that has it. More than that are sorted first: in a base made to be slow all
// types may have one name.
const few = 8

func (m *relocation) match(id uint32, d *record, name string) (out match) {
	n := 0
	for range m.b.candidates(name) {
		if n++; n > few {
			return m.namesakes(name).match(d, m.embedded[id])
		}
	}
	for t := range m.b.candidates(name) {
		if matches(d, &t, m.embedded[id], m.dist.encoding(d), func() bool { return m.b.namesake(&t) }) && !out.add(t) {
			break
		}
	}
	return out
}

func (m *relocation) namesakes(name string) *namesakes {
	if m.crowds == nil {
		m.crowds = map[string]*namesakes{}
	}
	if m.crowds[name] == nil {
		m.crowds[name] = newNamesakes(m.b, m.dist, name)
	}
	return m.crowds[name]
}

// candidates yields the base's types of a name in id order.
func (b *Base) candidates(name string) func(yield func(btf.Record) bool) {
	if name != "" {
		return b.raw.Named(name)
	}
	return slices.Values(b.emptyNamed)
}

// encoding is that of a distilled INT, 0 of all else.
func (s *parser) encoding(d *record) uint32 {
	if d.kind != btf.Int {
		return 0
	}
	return s.word(d.extra) >> 24 & 0xf
}

// sized reports whether sizes are compared for a kind whatever its name.
func sized(k btf.Kind) bool {
	return k == btf.Int || k == btf.Float || k == btf.Enum || k == btf.Enum64
}

// matches reports whether a base type of the same name stands for a distilled
// type; namesake is asked of a struct or union of another size.
func matches(d *record, t *btf.Record, embedded bool, encoding uint32, namesake func() bool) bool {
	switch {
	case sized(t.Kind):
		if !sameSize(d, t) {
			return false
		}
	case t.Kind.Composite():
		if !sameSize(d, t) && namesake() {
			return false
		}
	case t.Kind != btf.Fwd:
		return false
	}
	switch d.kind {
	case btf.Fwd:
		switch t.Kind {
		case btf.Fwd:
			return d.kflag == t.KFlag
		case btf.Struct:
			return !t.KFlag
		case btf.Union:
			return t.KFlag
		}
		return false
	case btf.Int:
		return t.Kind == btf.Int && t.Word(0)>>24&0xf == encoding
	case btf.Float:
		return t.Kind == btf.Float
	case btf.Enum:
		return t.Kind == btf.Enum || t.Kind == btf.Enum64
	}
	return !embedded || t.SizeType == d.size // STRUCT, UNION: whatever the base's kind is
}

func sameSize(d *record, t *btf.Record) bool { return (d.size^t.SizeType)&sizeMask == 0 }

// namesake reports whether another struct or union of the base has the same
// name; the kernel counts them by the offset of the name.
func (b *Base) namesake(t *btf.Record) bool {
	name, _ := b.raw.Str(t.Name)
	for o := range b.raw.Named(string(name)) {
		if o.ID != t.ID && o.Kind.Composite() && o.Name == t.Name {
			return true
		}
	}
	return false
}
