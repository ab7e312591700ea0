package meaning

import (
	"sync"

	"kpkg-btf/internal/btf"
)

// classDeep classes all types by everything they reach.
func (c *Classes) classDeep() {
	l := newLocal(&c.g, Deep)
	var first []uint32
	c.deep, first = label(c.g.n, l.hash, l.equal)
	c.counts[Deep] = refine(&c.g, c.deep, len(first))
}

// classCoarse classes the deep classes once more by less: types of one deep
// class are of one class at every depth.
func (c *Classes) classCoarse(d Depth) {
	q, reps := c.quotient(d)
	l := newLocal(&c.g, d)
	target := func(k uint32) uint32 { return 0 }
	if d == ByValue {
		target = func(k uint32) uint32 { return c.pointee(reps[k]) }
	}
	hash := func(k uint32) uint64 { return l.hash(reps[k]) + uint64(target(k))*l.mult }
	equal := func(j, k uint32) bool { return target(j) == target(k) && l.equal(reps[j], reps[k]) }
	class, first := label(q.n, hash, equal)
	c.counts[d] = refine(&q, class, len(first))
	c.coarse[d] = class
}

// pointee is 1 + the class, at Named, of what a pointer points at, 0 for
// what is no pointer.
func (c *Classes) pointee(x uint32) uint32 {
	r, id := c.g.place(x)
	if r == nil || r.Kind(id) != btf.Ptr {
		return 0
	}
	return 1 + c.coarse[Named][c.deep[c.g.refs(x)[0]]]
}

// quotient is the graph of the deep classes with the references that count at
// a depth, and a member of each class.
func (c *Classes) quotient(d Depth) (q graph, reps []uint32) {
	n := c.counts[Deep]
	q = graph{n: n, start: make([]uint32, 1, n+1)}
	reps = make([]uint32, n)
	for x := c.g.n - 1; x >= 0; x-- {
		reps[c.deep[x]] = uint32(x)
	}
	for _, x := range reps {
		if c.follows(d, x) {
			for _, y := range c.g.refs(x) {
				q.to = append(q.to, c.deep[y])
			}
		}
		q.start = append(q.start, uint32(len(q.to)))
	}
	q.turn()
	return q, reps
}

// follows reports whether the references of a type count at a depth.
func (c *Classes) follows(d Depth, x uint32) bool {
	r, id := c.g.place(x)
	if r == nil {
		return false
	}
	t, _ := r.Record(id)
	return !outline(d, &t) && (d != ByValue || t.Kind != btf.Ptr)
}

// byClass lists the old ids of each class.
type byClass struct {
	once  sync.Once
	start []uint32
	ids   []btf.ID
}

// OldIDs returns the ids of the old base that are of the class of one of the new
// base, ascending: where the type has gone. The first call at a depth builds
// an index of 8 bytes a type.
func (c *Classes) OldIDs(d Depth, id btf.ID) []btf.ID {
	m := &c.members[d]
	m.once.Do(func() { c.list(d, m) })
	k := c.Class(d, New, id)
	return m.ids[m.start[k]:m.start[k+1]]
}

func (c *Classes) list(d Depth, m *byClass) {
	m.start = make([]uint32, c.counts[d]+1)
	for id := range btf.ID(c.old.NumTypes()) {
		m.start[c.Class(d, Old, id)+1]++
	}
	for k := range c.counts[d] {
		m.start[k+1] += m.start[k]
	}
	next := append([]uint32(nil), m.start...)
	m.ids = make([]btf.ID, c.old.NumTypes())
	for id := range btf.ID(c.old.NumTypes()) {
		k := c.Class(d, Old, id)
		m.ids[next[k]] = id
		next[k]++
	}
}
