package pin

import (
	"slices"
	"sort"

	"kpkg-btf/internal/btf"
)

// placeSorted keeps what can be kept of a base in the order of names. The
// types without a name have the ids below the first name, where any order will
// do. The others are in one order only; which of them can have their old ids
// is decided by weight: a type that modules are known to name weighs more than
// all that none does, once for each module.
func (m *matching) placeSorted(need *needs) ([]slot, error) {
	slots := make([]slot, m.old.n)
	first := firstNamed(m.old.raw)
	if err := m.placeNameless(slots, first, need); err != nil {
		return nil, err
	}
	line := m.lineUp(first)
	k, room := len(line), int(m.old.n-first)
	if k > room {
		return nil, &RoomError{What: "types with a name", Needed: m.freshIn(line), Free: m.freeFrom(first)}
	}
	kept := heaviest(line, int(first), int(m.old.n), func(x placed) int64 { return m.weight(x.old, need, len(line)) })
	m.fillGaps(slots, line, kept, int(first), need)
	return slots, nil
}

func (m *matching) placeNameless(slots []slot, first uint32, need *needs) error {
	var free, fresh []uint32
	for id := uint32(1); id < first; id++ {
		if x := m.toNew[id]; x != 0 && m.new.named[x] == 0 {
			slots[id] = slot{x, aType}
		} else {
			free = append(free, id)
		}
	}
	for _, id := range m.newcomers() {
		if m.new.named[id] == 0 {
			fresh = append(fresh, id)
		}
	}
	if len(fresh) > len(free) {
		return &RoomError{What: "types without a name", Needed: len(fresh), Free: len(free)}
	}
	for i, id := range m.choose(need, free, len(fresh)) {
		slots[id] = slot{fresh[i], aType}
	}
	return nil
}

// placed is one named type of the new base, in the order of the result.
type placed struct {
	slot
	old uint32 // 0: new
}

func (m *matching) freshIn(line []placed) (n int) {
	for _, x := range line {
		if x.old == 0 {
			n++
		}
	}
	return n
}

func (m *matching) freeFrom(first uint32) (n int) {
	for id := first; id < m.old.n; id++ {
		if m.toNew[id] == 0 {
			n++
		}
	}
	return n
}

// lineUp returns the named types in the order of their names. Of one name, those
// that have an old id come in the order of these; new ones go where free ids
// lie between them, the rest behind them, or before them where that has more
// room. The reserved STRUCT is among them where the older base has it or a free
// id is left for it.
func (m *matching) lineUp(first uint32) []placed {
	var line []placed
	for id := uint32(1); id < m.new.n; id++ {
		if m.new.named[id] != 0 && !m.new.filler[id] {
			line = append(line, placed{slot{id, aType}, m.toOld[id]})
		}
	}
	line = m.withTarget(line, first)
	for i := 0; i < len(line); {
		j := i + 1
		for j < len(line) && line[i].is == aType && line[j].is == aType && m.new.named[line[i].from] == m.new.named[line[j].from] {
			j++
		}
		if j-i > 1 {
			m.namesakes(line, i, j, first)
		}
		i = j
	}
	return line
}

// withTarget puts the reserved STRUCT at its place.
func (m *matching) withTarget(line []placed, first uint32) []placed {
	target := placed{slot: slot{is: aTarget}}
	for id := first; id < m.old.n && target.old == 0; id++ {
		if t, _ := m.old.raw.Record(btf.ID(id)); t.Kind == btf.Struct && m.old.filler[id] {
			target.old = id
		}
	}
	if target.old == 0 && len(line) >= int(m.old.n-first) {
		return line // no id is left over, so no filler will be on it
	}
	at := sort.Search(len(line), func(i int) bool {
		t, _ := m.new.raw.Record(btf.ID(line[i].from))
		return m.new.raw.Name(t.Name) >= Reserved
	})
	return slices.Insert(line, at, target)
}

// namesakes orders line[i:j], types of one name.
func (m *matching) namesakes(line []placed, i, j int, first uint32) {
	var held, fresh []placed
	for _, x := range line[i:j] {
		if x.old >= first {
			held = append(held, x)
		} else {
			fresh = append(fresh, x)
		}
	}
	slices.SortFunc(held, func(a, b placed) int { return int(a.old) - int(b.old) })
	if len(held) == 0 || len(fresh) == 0 {
		copy(line[i:], held)
		return
	}
	out := make([]placed, 0, j-i)
	for k, x := range held {
		if k > 0 {
			n := min(len(fresh), int(x.old-held[k-1].old)-1)
			out, fresh = append(out, fresh[:n]...), fresh[n:]
		}
		out = append(out, x)
	}
	behind, before := m.gapBehind(line, j, held[len(held)-1].old), m.gapBefore(line, i, held[0].old, first)
	n := 0
	if len(fresh) > behind {
		n = min(len(fresh)-behind, max(0, before))
	}
	copy(line[i:], slices.Concat(fresh[:n], out, fresh[n:]))
}

// gapBehind is how many ids are free behind one, that the new types after
// line[j] do not need.
func (m *matching) gapBehind(line []placed, j int, after uint32) int {
	fresh := 0
	for ; j < len(line) && line[j].old == 0; j++ {
		fresh++
	}
	end := m.old.n
	if j < len(line) {
		end = line[j].old
	}
	return int(end) - int(after) - 1 - fresh
}

func (m *matching) gapBefore(line []placed, i int, before, first uint32) int {
	fresh := 0
	for i--; i >= 0 && line[i].old == 0; i-- {
		fresh++
	}
	begin := first - 1
	if i >= 0 {
		begin = line[i].old
	}
	return int(before) - int(begin) - 1 - fresh
}

// nameable is how many types that modules never name one of a kind that they do
// name is worth, where nobody recorded what they use. No module of Debian's 6.1,
// 6.12, 7.2 and 7.3 names a FUNC, VAR, DATASEC, DECL_TAG or FWD of its base.
const nameable = 64

// weight is what keeping one type's id is worth among n: a module that is known
// to name it weighs more than all that none does.
func (m *matching) weight(old uint32, need *needs, n int) int64 {
	w := int64(1)
	switch m.old.raw.Kind(btf.ID(old)) {
	case btf.Func, btf.Var, btf.Datasec, btf.DeclTag, btf.Fwd:
	default:
		w = nameable
	}
	return w + nameable*int64(n+1)*int64(need.modules[old])
}

// heaviest chooses which types of a line keep their ids: a type at place i of
// the line can have id p when i ids fit below it and the rest above, and of two
// that keep theirs, the ids must leave room for what is between: p-i never
// falls. Of all such choices the heaviest, in time n log n.
func heaviest(line []placed, first, end int, weight func(placed) int64) []int {
	k := len(line)
	room := end - first
	type candidate struct{ at, d int }
	var cands []candidate
	var ds []int
	for i, x := range line {
		if d := int(x.old) - first - i; int(x.old) >= first && x.old != 0 && d >= 0 && d <= room-k {
			cands = append(cands, candidate{i, d})
			ds = append(ds, d)
		}
	}
	slices.Sort(ds)
	ds = slices.Compact(ds)
	best := make([]int, len(ds)+1)     // Fenwick tree: 1 + index of the heaviest run that ends at a d or below
	total := make([]int64, len(cands)) // weight of the heaviest run that ends here
	before := make([]int, len(cands))
	at := func(i int) int64 {
		if i == 0 {
			return 0
		}
		return total[i-1]
	}
	top := 0
	for c, x := range cands {
		d, _ := slices.BinarySearch(ds, x.d)
		run := 0
		for i := d + 1; i > 0; i -= i & -i {
			if at(best[i]) > at(run) {
				run = best[i]
			}
		}
		before[c] = run
		total[c] = at(run) + weight(line[x.at])
		for i := d + 1; i < len(best); i += i & -i {
			if total[c] > at(best[i]) {
				best[i] = c + 1
			}
		}
		if total[c] > at(top) {
			top = c + 1
		}
	}
	var kept []int
	for ; top != 0; top = before[top-1] {
		kept = append(kept, cands[top-1].at)
	}
	slices.Reverse(kept)
	return kept
}

// fillGaps returns the types between two that keep their ids the free ids there.
func (m *matching) fillGaps(slots []slot, line []placed, kept []int, first int, need *needs) {
	for _, i := range kept {
		slots[line[i].old] = line[i].slot
	}
	gap := func(from, to int, some []placed) {
		free := make([]uint32, 0, max(0, to-from))
		for id := from; id < to; id++ {
			free = append(free, uint32(id))
		}
		for i, id := range m.choose(need, free, len(some)) {
			slots[id] = some[i].slot
		}
	}
	at, done := first, 0
	for _, i := range kept {
		gap(at, int(line[i].old), line[done:i])
		at, done = int(line[i].old)+1, i+1
	}
	gap(at, len(slots), line[done:])
}
