package evidence

import (
	"bytes"
	"cmp"
	"math/bits"
	"slices"

	"kpkg-btf/internal/btf"
)

// Vote says of one id of the base that the type behind it does not suit where
// the module uses it, and that the one By ids further on does.
type Vote struct {
	ID btf.ID
	By int32
	// Why tells one reason from another: the name that is used, or what the
	// operation tables want. The same reason twice is one.
	Why uint32
	// Alone: no other distance close by would suit as well.
	Alone bool
}

// Lean is what a module's use of the base's ids suggests. A single use proves
// nothing, since C lets anybody call anything by any name; that several ids in
// a row are off by one distance, with none between that suits, is what a base
// looks like in which something was moved.
type Lean struct {
	Right []btf.ID // suit where they are used; ascending
	Votes []Vote   // of ids that are not among Right, by By, ID and Why; each once
}

// Shift is a stretch of the base's ids that modules use as if they were By
// further on.
type Shift struct {
	From, To btf.ID // inclusive
	By       int32
	Votes    int // that say so
}

const (
	// reach is how far from an id the suiting one is looked for. What a name
	// or an operation table wants is never far by chance.
	reach = 2
	// alone is how many votes one module must have; measured: no module of the
	// kernels read has two (docs/detection-rates.md).
	alone = 2
	// together is how many votes all modules of a release must have.
	together = 3
)

// idSet is a set of ids of a base.
type idSet []uint64

func (s idSet) reset(n int) idSet {
	words := (n + 63) / 64
	if cap(s) < words {
		return make(idSet, words)
	}
	s = s[:words]
	clear(s)
	return s
}

func (s idSet) add(id btf.ID)      { s[id/64] |= 1 << (id % 64) }
func (s idSet) has(id btf.ID) bool { return s[id/64]>>(id%64)&1 != 0 }

// between reports how many ids of the set lie between two, which do not count.
func (s idSet) between(a, b btf.ID) (n int) {
	for id := a + 1; id < b; {
		if id%64 == 0 && b-id >= 64 {
			n += bits.OnesCount64(s[id/64])
			id += 64
			continue
		}
		if s.has(id) {
			n++
		}
		id++
	}
	return n
}

func (s idSet) list() []btf.ID {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	out := make([]btf.ID, 0, n)
	for i, w := range s {
		for ; w != 0; w &= w - 1 {
			out = append(out, btf.ID(64*i+bits.TrailingZeros64(w)))
		}
	}
	return out
}

// use looks at how one own type uses the base's ids. What is found is held
// until all types have been seen (lean): what suits in one place is not doubted
// in another.
func (j *judge) use() {
	t := &j.t
	switch t.Kind {
	case btf.Struct, btf.Union:
		j.namesakes(t)
		for i := range int(t.Vlen) {
			m := t.Member(i)
			j.named(m.Name, m.Type)
			if m.Type < j.first && m.BitSize == 0 && t.Kind == btf.Struct {
				j.fit(t, i, &m)
			}
		}
	case btf.FuncProto:
		for i := range int(t.Vlen) {
			j.named(t.Param(i))
		}
	}
}

// lean concludes from the uses of all types, and of the functions in objects.
func (j *judge) lean() {
	s := j.scratch
	if j.code != nil {
		j.tables(j.code)
	}
	j.count()
	j.res.Lean = Lean{Right: s.right.list(), Votes: slices.Clone(s.votes)}
	s.votes = slices.DeleteFunc(s.votes, func(v Vote) bool { return !v.Alone })
	// Two votes for one id may be one chance: the parameters and the name of one
	// function (rpcrdma of 7.2.13 has such a pair on its own base).
	if shift := longest(s.votes, s.right, alone); shift != nil && (shift.From != shift.To || shift.Votes > alone) {
		j.res.Shift = shift
	}
}

func compareVotes(a, b Vote) int {
	return cmp.Or(cmp.Compare(a.By, b.By), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Why, b.Why))
}

// sameVote reports whether two votes are for the same reason.
func sameVote(a, b Vote) bool { return compareVotes(a, b) == 0 }

// longest finds the stretch that most ids speak for and fewest against: an id
// that suits where it is takes two away. nil below least.
func longest(votes []Vote, right idSet, least int) *Shift {
	var best, cur Shift
	score, top := 0, 0
	for i, v := range votes {
		if i == 0 || v.By != votes[i-1].By {
			score = 0
		} else {
			score = max(0, score-2*right.between(votes[i-1].ID, v.ID))
		}
		if score == 0 {
			cur = Shift{From: v.ID, By: v.By}
		}
		score++
		cur.To, cur.Votes = v.ID, cur.Votes+1
		if score > top {
			top, best = score, cur
		}
	}
	if top < least {
		return nil
	}
	return &best
}

// suits notes that the ids through which a type is reached suit.
func (j *judge) suits(id btf.ID) {
	if id < j.first {
		j.scratch.right.add(id)
		return
	}
	j.scratch.ids = j.base.alike.leaves(j.split, id, j.scratch.ids[:0], 0)
	for _, x := range j.scratch.ids {
		j.scratch.right.add(x)
	}
}

// vote notes that a type, of the base or of the module, suits when the ids
// through which it leaves the module are by further on; fits says so, and why.
func (j *judge) vote(id btf.ID, fits func(by int32) (uint32, bool)) {
	s := j.scratch
	from := len(s.votes)
	for by := int32(-reach); by <= reach; by++ {
		if by == 0 {
			continue
		}
		if why, ok := fits(by); ok {
			s.votes = append(s.votes, Vote{id, by, why, true})
		}
	}
	if len(s.votes)-from > 1 {
		for i := range s.votes[from:] {
			s.votes[from+i].Alone = false
		}
	}
}

// count turns what was noted into votes: for the one id that is not known to
// suit, of those through which the type leaves the module.
func (j *judge) count() {
	s := j.scratch
	kept := s.votes[:0]
	for _, v := range s.votes {
		s.ids = j.base.alike.leaves(j.split, v.ID, s.ids[:0], 0)
		slices.Sort(s.ids)
		s.ids = slices.DeleteFunc(slices.Compact(s.ids), s.right.has)
		if len(s.ids) == 1 && !j.related(s.ids[0], v.By) {
			v.ID = s.ids[0]
			kept = append(kept, v)
		}
	}
	slices.SortFunc(kept, compareVotes)
	s.votes = slices.CompactFunc(kept, sameVote)
}

// related reports whether one of two types is a pointer to the other, or both
// are of one name: encoders write such types side by side, and people confuse
// a thing and the pointer to it when they name variables.
func (j *judge) related(id btf.ID, by int32) bool {
	a, b := j.core(id), j.core(btf.ID(int64(id)+int64(by)))
	return a.ID == b.ID && a.ID != 0 || a.Name != 0 && a.Name == b.Name
}

// core is the type of the base behind pointers and qualifiers.
func (j *judge) core(id btf.ID) btf.Record {
	for range chainMax {
		t, ok := j.base.raw.Record(id)
		if !ok || t.Kind != btf.Ptr && (!t.Kind.Modifier() || t.Kind == btf.Typedef) {
			return t
		}
		id = t.Ref()
	}
	return btf.Record{}
}

// named compares the type of a member or parameter with what goes by its name
// in the base.
func (j *judge) named(name btf.StrOff, id btf.ID) {
	b := j.base
	if name == 0 || uint32(name) >= b.strs.n || id == 0 || !b.strs.isStart(uint32(name)) {
		return
	}
	no := b.usual.number(&b.strs, uint32(name))
	most := b.usual.most[no]
	if most == alikeNone {
		return
	}
	h, rich := b.alike.of(j.split, id, 0, 0)
	if h == most {
		j.looked(Names)
		if rich {
			j.suits(id)
		}
		return
	}
	if n := b.usual.of(no, h); n > 0 {
		if rich && 20*n >= b.usual.total[no] {
			j.suits(id)
		}
		return
	}
	if !j.speaks(name, id) {
		j.vote(id, func(by int32) (uint32, bool) {
			x, rich := b.alike.of(j.split, id, by, 0)
			return no, rich && x == most
		})
	}
}

// speaks reports whether the name of a type has a word in common with the name
// it is used by: a struct i2c_adapter called i2c.
func (j *judge) speaks(name btf.StrOff, id btf.ID) bool {
	for range depthMax {
		t, ok := j.split.Record(id)
		if !ok {
			return false
		}
		if t.Name != 0 {
			a, _ := j.split.Str(name)
			b, _ := j.split.Str(t.Name)
			return wordInCommon(a, b)
		}
		switch {
		case t.Kind == btf.Ptr || t.Kind.Modifier():
			id = t.Ref()
		case t.Kind == btf.Array:
			id, _, _ = t.Array()
		default:
			return false
		}
	}
	return false
}

// wordInCommon reports whether one word of a, between underscores, begins one
// of b or the other way round.
func wordInCommon(a, b []byte) bool {
	for x := range bytes.SplitSeq(a, []byte("_")) {
		for y := range bytes.SplitSeq(b, []byte("_")) {
			if len(x) >= 2 && len(y) >= 2 && (bytes.HasPrefix(x, y) || bytes.HasPrefix(y, x)) {
				return true
			}
		}
	}
	return false
}

// namesakes compares a struct of the module with the one struct of that name
// in the base, from which it differs in some way (or they would be one): a
// member of the same name at the same place mostly has the same type.
func (j *judge) namesakes(t *btf.Record) {
	b := j.base
	if t.Name == 0 || uint32(t.Name) >= b.strs.n || !b.strs.isStart(uint32(t.Name)) {
		return
	}
	id := b.usual.tag[b.usual.number(&b.strs, uint32(t.Name))]
	if id == 0 || id == manyTags {
		return
	}
	of, _ := b.raw.Record(id)
	if of.Kind != t.Kind {
		return
	}
	for i := range int(min(t.Vlen, of.Vlen)) {
		m, n := t.Member(i), of.Member(i)
		switch {
		case m.Name != n.Name || m.BitOff != n.BitOff || m.BitSize != n.BitSize:
			return
		case m.Type == 0 || m.Type >= j.first:
		case m.Type == n.Type:
			j.looked(Names)
			j.suits(m.Type)
		case b.alike.hash[m.Type] != b.alike.hash[n.Type]:
			j.scratch.votes = append(j.scratch.votes, Vote{m.Type, int32(n.Type) - int32(m.Type), uint32(m.Name), true})
		}
	}
}

// fit compares the size of a member's type with the room it has.
func (j *judge) fit(t *btf.Record, i int, m *btf.Member) {
	next := 8 * uint64(t.SizeType)
	if i+1 < int(t.Vlen) {
		n := t.Member(i + 1)
		if n.BitSize != 0 {
			return
		}
		next = uint64(n.BitOff)
	}
	f := j.base.types[m.Type]
	end := uint64(m.BitOff) + 8*uint64(f.size)
	switch {
	case f.size == noSize || end > next:
		return
	case end == next && f.size > 8 && f.size&(f.size-1) != 0:
		j.scratch.right.add(m.Type)
		return
	case next-end < 64 || explained(end, next):
		return
	}
	// Room that something else would fill is left often enough to mean nothing
	// in one module.
	from, room := len(j.scratch.votes), uint32(next-uint64(m.BitOff))
	j.vote(m.Type, func(by int32) (uint32, bool) {
		n := int64(m.Type) + int64(by)
		if n <= 0 || n >= int64(j.first) {
			return 0, false
		}
		x := j.base.types[n]
		return room, isType(x.kind) && x.size != noSize && 8*x.size == room
	})
	for i := range j.scratch.votes[from:] {
		j.scratch.votes[from+i].Alone = false
	}
}
