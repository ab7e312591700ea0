package verdict

import "kpkg-btf/internal/btf"

// ambiguous is the first base type, by id, that the kernel stumbles over.
type ambiguous struct {
	at      uint32 // id in the base
	dist    uint32
	size    uint32
	earlier uint32
	name    string
}

// mapTypes mirrors btf_relocate_map_distilled_base. The kernel walks its base
// and looks names up in the distilled one; here it is the other way round,
// with the same matches, and the error with the lowest base id wins.
func (m *relocation) mapTypes() bool {
	m.ids = make([]uint32, m.n)
	m.strs = make([]uint32, len(m.dist.strs))
	nBase := m.b.area.first
	for id := m.nDist; id < m.n; id++ {
		m.ids[id] = id + nBase - m.nDist
	}
	var worst ambiguous
	for id := uint32(1); id < m.nDist; id++ {
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
	var found ambiguous
	m.b.candidates(string(name), func(t btf.Record) bool {
		if !m.matches(id, &d, &t) {
			return true
		}
		if m.ids[id] != 0 {
			found = ambiguous{at: uint32(t.ID), dist: id, size: t.SizeType, earlier: m.ids[id], name: string(name)}
			return false
		}
		m.ids[id], m.strs[d.name] = uint32(t.ID), uint32(t.Name)
		return true
	})
	return found
}

// candidates yields the base's types of a name in id order.
func (b *Base) candidates(name string, yield func(btf.Record) bool) {
	if name != "" {
		b.raw.Named(name)(yield)
		return
	}
	for _, t := range b.emptyNamed {
		if !yield(t) {
			return
		}
	}
}

// matches tells whether a base type of the same name stands for a distilled
// type.
func (m *relocation) matches(id uint32, d *record, t *btf.Record) bool {
	switch t.Kind {
	case btf.Int, btf.Float, btf.Enum, btf.Enum64:
		if !sameSize(d, t) {
			return false
		}
	case btf.Struct, btf.Union:
		if !sameSize(d, t) && m.b.namesake(t) {
			return false
		}
	case btf.Fwd:
	default:
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
		return t.Kind == btf.Int && t.Word(0)>>24&0xf == m.dist.word(d.extra)>>24&0xf
	case btf.Float:
		return t.Kind == btf.Float
	case btf.Enum:
		return t.Kind == btf.Enum || t.Kind == btf.Enum64
	}
	return !m.embedded[id] || t.SizeType == d.size // STRUCT, UNION: whatever the base's kind is
}

func sameSize(d *record, t *btf.Record) bool { return (d.size^t.SizeType)&sizeMask == 0 }

// namesake tells whether another struct or union of the base has the same
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
