package diff

import (
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
)

// Root is something outside that uses types of a base: an exported symbol, a
// module.
type Root struct {
	Name string
	// ByValue are the base ids it holds by value; Any those it refers to at all.
	ByValue, Any []btf.ID
}

// Reach finds the roots that reach a type: by value, through members, arrays
// and parameters, or with a pointer in between. A prototype holds its
// parameters and what it returns by value.
type Reach struct {
	r *btf.Raw
	// The types that refer to id are preds[start[id]:start[id+1]].
	start []uint32
	preds []btf.ID
	roots []Root
	// The roots that hold id, and those that refer to it.
	byValue, any lists

	seen []uint32 // node -> number of the last question that met it, even by value
	hit  []uint32 // root -> the same
	turn uint32
	// embeds are the seen nodes by value, in the order they were met.
	queue []btf.ID
}

// lists is a list of roots for every id.
type lists struct {
	start, root []uint32
}

func (l *lists) of(id btf.ID) []uint32 { return l.root[l.start[id]:l.start[id+1]] }

// NewReach prepares the answers for a base and its roots.
func NewReach(r *btf.Raw, roots []Root) *Reach {
	n := int(r.NumTypes())
	x := &Reach{r: r, roots: roots, start: make([]uint32, n+1), seen: make([]uint32, n), hit: make([]uint32, len(roots))}
	x.turnEdges()
	x.byValue = invert(n, roots, func(q *Root) []btf.ID { return q.ByValue })
	x.any = invert(n, roots, func(q *Root) []btf.ID { return q.Any })
	return x
}

// uses yields the references that make one type part of another: not those
// of tags and sections.
func uses(t *btf.Record, n int, yield func(btf.ID)) {
	if t.Kind == btf.DeclTag || t.Kind == btf.Datasec {
		return
	}
	index := btf.ID(0)
	if t.Kind == btf.Array {
		_, index, _ = t.Array()
	}
	for pos, id := range t.Refs {
		if id == 0 || int(id) >= n || id == index && pos != t.WordPos(0) {
			continue
		}
		yield(id)
	}
}

func (x *Reach) turnEdges() {
	n := int(x.r.NumTypes())
	for t := range x.r.Types {
		uses(&t, n, func(id btf.ID) { x.start[id+1]++ })
	}
	for i := range n {
		x.start[i+1] += x.start[i]
	}
	x.preds = make([]btf.ID, x.start[n])
	next := slices.Clone(x.start)
	for t := range x.r.Types {
		uses(&t, n, func(id btf.ID) {
			x.preds[next[id]] = t.ID
			next[id]++
		})
	}
}

func invert(n int, roots []Root, ids func(*Root) []btf.ID) lists {
	l := lists{start: make([]uint32, n+1)}
	for i := range roots {
		for _, id := range ids(&roots[i]) {
			if int(id) < n {
				l.start[id+1]++
			}
		}
	}
	for i := range n {
		l.start[i+1] += l.start[i]
	}
	l.root = make([]uint32, l.start[n])
	next := slices.Clone(l.start)
	for i := range roots {
		for _, id := range ids(&roots[i]) {
			if int(id) < n {
				l.root[next[id]] = uint32(i)
				next[id]++
			}
		}
	}
	return l
}

// Users are roots by their number in what NewReach was given, those that are
// the fewest steps away first.
type Users struct {
	ByValue []int // hold the type by value
	Pointer []int // reach it only behind a pointer
}

// Of finds the roots that reach one of the types.
func (x *Reach) Of(ids ...btf.ID) Users {
	x.begin(ids)
	h := Users{ByValue: x.embeds()}
	for at := 0; at < len(x.queue); at++ {
		for _, r := range x.any.of(x.queue[at]) {
			if x.hit[r] != x.turn {
				x.hit[r] = x.turn
				h.Pointer = append(h.Pointer, int(r))
			}
		}
		for _, p := range x.preds[x.start[x.queue[at]]:x.start[x.queue[at]+1]] {
			x.meet(p)
		}
	}
	return h
}

// Types tells of every type of the base whether it reaches one of the types.
func (x *Reach) Types(ids ...btf.ID) []bool {
	x.Of(ids...)
	out := make([]bool, len(x.seen))
	for id, turn := range x.seen {
		out[id] = turn == x.turn
	}
	return out
}

func (x *Reach) begin(ids []btf.ID) {
	x.turn++
	x.queue = x.queue[:0]
	for _, id := range ids {
		if int(id) < len(x.seen) {
			x.meet(id)
		}
	}
}

func (x *Reach) meet(id btf.ID) {
	if x.seen[id] != x.turn {
		x.seen[id] = x.turn
		x.queue = append(x.queue, id)
	}
}

// embeds goes through what holds the queued types by value and gives the
// roots among it. The queue then holds all of it.
func (x *Reach) embeds() (roots []int) {
	for at := 0; at < len(x.queue); at++ {
		for _, r := range x.byValue.of(x.queue[at]) {
			if x.hit[r] != x.turn {
				x.hit[r] = x.turn
				roots = append(roots, int(r))
			}
		}
		for _, p := range x.preds[x.start[x.queue[at]]:x.start[x.queue[at]+1]] {
			if x.r.Kind(p) != btf.Ptr {
				x.meet(p)
			}
		}
	}
	return roots
}

// ModuleRoot returns what a module's split BTF uses of its base.
func ModuleRoot(name string, split *btf.Raw) Root {
	base := split.FirstID()
	byValue, any := map[btf.ID]bool{}, map[btf.ID]bool{}
	for _, id := range meaning.Embedded(split) {
		byValue[id] = true
	}
	for t := range split.Types {
		for _, id := range t.Refs {
			if id != 0 && id < base {
				any[id] = true
			}
		}
	}
	return Root{Name: name, ByValue: sortedIDs(byValue), Any: sortedIDs(any)}
}

func sortedIDs(set map[btf.ID]bool) []btf.ID {
	out := make([]btf.ID, 0, len(set))
	for id := range set {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
