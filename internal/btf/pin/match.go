package pin

import (
	"cmp"
	"slices"

	"kpkg-btf/internal/btf"
)

// matching says which type of the old base each type of the new one was.
type matching struct {
	old, new *side
	toOld    []uint32 // new id -> old id, 0: none
	toNew    []uint32
	// anchored new ids stand for their old ones by name or by their place,
	// whether or not they changed; the others are equal, reference by reference.
	anchored []bool
}

// rounds is how many references away what two types refer to can tell them
// apart. Real chains of types without a name end after about ten; longer ones
// are found by exact, and lost.
const rounds = 24

// match finds the pairs:
//
//   - kinds that are known by name, by kind and name where each base has one;
//   - all others, and the rest of those, by what they are and what they refer
//     to, where a pair found before counts as one and the same type;
//   - of namesakes that are left, the last of each side, or the one of a size;
//   - types without a name that changed, by the one member or typedef of a pair
//     that holds them.
//
// Types that nothing tells apart are paired in the order of their ids: it makes
// no difference which is which.
func match(old, new *side) *matching {
	m := &matching{old: old, new: new, toOld: make([]uint32, new.n), toNew: make([]uint32, old.n), anchored: make([]bool, new.n)}
	m.anchored[0] = true
	m.byName(func(t *btf.Record) uint32 { return 0 })
	m.byShape()
	m.byName(func(t *btf.Record) uint32 { return 0 })
	m.byName(size)
	m.byShape()
	if m.byHolder() > 0 {
		m.byShape()
	}
	m.exact()
	return m
}

func (m *matching) pair(old, new uint32, anchored bool) {
	m.toOld[new], m.toNew[old], m.anchored[new] = old, new, anchored
}

// open reports whether a type still looks for its like.
func open(s *side, mates []uint32, id uint32) bool { return id != 0 && mates[id] == 0 && !s.filler[id] }

// knownByName is the kind as C knows it apart by name, 0 for the others.
func knownByName(t *btf.Record) uint64 {
	switch t.Kind {
	case btf.Fwd:
		if t.KFlag {
			return uint64(btf.Fwd) | 1<<8
		}
		return uint64(btf.Fwd)
	case btf.Int, btf.Struct, btf.Union, btf.Enum, btf.Enum64, btf.Typedef, btf.Func, btf.Var, btf.Datasec, btf.Float:
		return uint64(t.Kind)
	}
	return 0
}

func size(t *btf.Record) uint32 {
	if t.Kind.Shape().HeadSize {
		return 1 + t.SizeType
	}
	return 0
}

// byName pairs what is alone of its kind, name and by on both sides.
func (m *matching) byName(by func(*btf.Record) uint32) {
	type key struct {
		kind uint64
		name uint32
		by   uint32
	}
	const many = ^uint32(0)
	type both struct{ old, new uint32 }
	found := make(map[key]both, m.new.n/2)
	each := func(s *side, mates []uint32, put func(b *both, id uint32)) {
		for t := range s.raw.Types {
			kind := knownByName(&t)
			if kind == 0 || s.named[t.ID] == 0 || !open(s, mates, uint32(t.ID)) {
				continue
			}
			k := key{kind, s.named[t.ID], by(&t)}
			b := found[k]
			put(&b, uint32(t.ID))
			found[k] = b
		}
	}
	one := func(at *uint32, id uint32) {
		if *at != 0 {
			id = many
		}
		*at = id
	}
	each(m.old, m.toNew, func(b *both, id uint32) { one(&b.old, id) })
	each(m.new, m.toOld, func(b *both, id uint32) { one(&b.new, id) })
	for _, b := range found { // each entry for itself: the order does not matter
		if b.old != 0 && b.new != 0 && b.old != many && b.new != many {
			m.pair(b.old, b.new, true)
		}
	}
}

// hue is the shape of one type that looks for its like.
type hue struct {
	colour uint64
	id     uint32
	isNew  bool
}

// byShape pairs what is equal as far as rounds references tell.
func (m *matching) byShape() {
	old, new := newPalette(m.old, m.toNew, nil), newPalette(m.new, m.toOld, m.toOld)
	for range rounds {
		old.step()
		new.step()
	}
	hues := make([]hue, 0, len(old.ids)+len(new.ids))
	for i, id := range old.ids {
		hues = append(hues, hue{old.colour[i], id, false})
	}
	for i, id := range new.ids {
		hues = append(hues, hue{new.colour[i], id, true})
	}
	slices.SortFunc(hues, func(a, b hue) int {
		return cmp.Or(cmp.Compare(a.colour, b.colour), cmpBool(a.isNew, b.isNew), cmp.Compare(a.id, b.id))
	})
	for len(hues) > 0 {
		n := 1
		for n < len(hues) && hues[n].colour == hues[0].colour {
			n++
		}
		group := hues[:n]
		hues = hues[n:]
		olds, _ := slices.BinarySearchFunc(group, true, func(h hue, isNew bool) int { return cmpBool(h.isNew, isNew) })
		for i := range min(olds, n-olds) {
			o, x := group[i].id, group[olds+i].id
			t, _ := m.new.raw.Record(btf.ID(x))
			m.pair(o, x, m.new.named[x] != 0 && knownByName(&t) != 0)
		}
	}
}

func cmpBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// palette colours the types of a side that look for their like.
type palette struct {
	ids          []uint32
	at           []uint32 // id -> index in ids, of those that are in it
	start        []uint32
	refs         []uint32 // index in ids, or from len(ids) on: fixed colours
	colour, next []uint64 // the fixed ones behind those of ids
}

// newPalette begins with what is local to each type. A reference to a type that
// has its like counts as that pair: pairs are named by their old id, which
// pairOf maps to (nil: the id itself).
func newPalette(s *side, mates, pairOf []uint32) *palette {
	p := &palette{at: make([]uint32, s.n), start: []uint32{0}}
	for id := range s.n {
		if open(s, mates, id) {
			p.at[id] = uint32(len(p.ids))
			p.ids = append(p.ids, id)
		}
	}
	fixed := []uint64{}
	fixedAt := map[uint32]uint32{}
	local := make([]uint64, 0, len(p.ids))
	for _, id := range p.ids {
		t, _ := s.raw.Record(btf.ID(id))
		local = append(local, s.local(&t))
		for _, ref := range t.Refs {
			r := uint32(ref)
			if open(s, mates, r) {
				p.refs = append(p.refs, p.at[r])
				continue
			}
			if pairOf != nil && r != 0 {
				r = pairOf[r]
			}
			if _, ok := fixedAt[r]; !ok {
				fixedAt[r] = uint32(len(p.ids) + len(fixed))
				fixed = append(fixed, mix(0x5fbc97, uint64(r)))
			}
			p.refs = append(p.refs, fixedAt[r])
		}
		p.start = append(p.start, uint32(len(p.refs)))
	}
	p.colour = append(local, fixed...)
	p.next = slices.Clone(p.colour)
	return p
}

// step takes the colours of what is referred to into account.
func (p *palette) step() {
	for i := range p.ids {
		c := p.colour[i]
		for _, r := range p.refs[p.start[i]:p.start[i+1]] {
			c = mix(c, p.colour[r])
		}
		p.next[i] = c
	}
	p.colour, p.next = p.next, p.colour
}

// local is a hash of all of a record but its references.
func (s *side) local(t *btf.Record) uint64 {
	shape := t.Kind.Shape()
	h := mix(uint64(t.Kind)<<32|uint64(t.Vlen), uint64(s.number(t.Name)))
	if t.KFlag {
		h = mix(h, 1)
	}
	if !shape.HeadRef {
		h = mix(h, uint64(t.SizeType))
	}
	words(t, func(v uint32, kind field) bool {
		switch kind {
		case isName:
			v = s.number(btf.StrOff(v))
		case isRef:
			return true
		}
		h = mix(h, uint64(v))
		return true
	})
	return h
}

type field uint8

const (
	isValue field = iota
	isName
	isRef
)

// words yields what follows a record's head, word by word.
func words(t *btf.Record, yield func(v uint32, kind field) bool) {
	s := t.Kind.Shape()
	fixed := int(s.Fixed) / 4
	for i := range len(t.Extra) / 4 {
		kind := isValue
		switch {
		case i < fixed:
			if s.FixedRefs>>i&1 != 0 {
				kind = isRef
			}
		default:
			w := (i - fixed) % (int(s.Elem) / 4)
			if s.ElemRefs>>w&1 != 0 {
				kind = isRef
			} else if s.ElemStrs>>w&1 != 0 {
				kind = isName
			}
		}
		if !yield(t.Word(i), kind) {
			return
		}
	}
}

func mix(a, b uint64) uint64 {
	h := (a ^ b*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	return h ^ h>>32
}

// byHolder pairs types without a name that changed: what a typedef, or the
// member of one name, of a pair holds in each base, where no other pair says
// otherwise.
func (m *matching) byHolder() (found int) {
	toOld, toNew := map[uint32]uint32{}, map[uint32]uint32{}
	const torn = ^uint32(0)
	claim := func(from, to uint32, in map[uint32]uint32) {
		if was, ok := in[from]; ok && was != to {
			to = torn
		}
		in[from] = to
	}
	for t := range m.new.raw.Types {
		o := m.toOld[t.ID]
		if o == 0 {
			continue
		}
		was, _ := m.old.raw.Record(btf.ID(o))
		m.held(&was, &t, func(old, new uint32) {
			claim(new, old, toOld)
			claim(old, new, toNew)
		})
	}
	for id := range m.new.n {
		o, ok := toOld[id]
		if ok && o != torn && toNew[o] == id {
			m.pair(o, id, true)
			found++
		}
	}
	return found
}

// held yields the types without a name that both hold in one place.
func (m *matching) held(was, is *btf.Record, yield func(old, new uint32)) {
	offer := func(a, b btf.ID) {
		x, _ := m.old.raw.Record(a)
		y, _ := m.new.raw.Record(b)
		nameless := m.old.named[a] == 0 && m.new.named[b] == 0
		composite := x.Kind.Composite() || x.Kind == btf.Enum || x.Kind == btf.Enum64
		if nameless && composite && x.Kind == y.Kind && open(m.old, m.toNew, uint32(a)) && open(m.new, m.toOld, uint32(b)) {
			yield(uint32(a), uint32(b))
		}
	}
	switch {
	case was.Kind != is.Kind:
	case is.Kind == btf.Typedef:
		offer(was.Ref(), is.Ref())
	case is.Kind.Composite():
		places := make(map[uint32]btf.ID, was.Vlen)
		for i := range int(was.Vlen) {
			f := was.Member(i)
			if no := m.old.number(f.Name); no != 0 {
				places[no] = f.Type
			}
		}
		for i := range int(is.Vlen) {
			f := is.Member(i)
			if from, ok := places[m.new.number(f.Name)]; ok {
				offer(from, f.Type)
			}
		}
	}
}

// exactPasses bounds what a chain of types made for it may cost.
const exactPasses = 64

// exact takes back every pair that is neither anchored nor equal, and what
// rested on it.
func (m *matching) exact() {
	for pass := range exactPasses {
		again := false
		for t := range m.new.raw.Types {
			o := m.toOld[t.ID]
			if o == 0 || m.anchored[t.ID] {
				continue
			}
			if was, _ := m.old.raw.Record(btf.ID(o)); pass == exactPasses-1 || !m.equal(&was, &t) {
				m.toOld[t.ID], m.toNew[o] = 0, 0
				again = true
			}
		}
		if !again {
			return
		}
	}
}

// equal reports whether two records say the same, references being equal when
// they lead to one pair.
func (m *matching) equal(was, is *btf.Record) bool {
	if was.Info() != is.Info() || len(was.Extra) != len(is.Extra) || m.old.number(was.Name) != m.new.number(is.Name) {
		return false
	}
	if is.Kind.Shape().HeadRef {
		if m.toOld[is.SizeType] != was.SizeType {
			return false
		}
	} else if was.SizeType != is.SizeType {
		return false
	}
	i, ok := 0, true
	words(is, func(v uint32, kind field) bool {
		w := was.Word(i)
		i++
		switch kind {
		case isName:
			ok = m.old.number(btf.StrOff(w)) == m.new.number(btf.StrOff(v))
		case isRef:
			ok = m.toOld[v] == w
		default:
			ok = v == w
		}
		return ok
	})
	return ok
}
