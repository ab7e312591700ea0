package meaning

import (
	"math/bits"
	"math/rand/v2"
)

// partition splits classes until every class is stable: all its members refer
// to the same classes in the same order.
//
// It goes by rounds. A round looks at the members one of whose references came
// to be in a class that is new, and groups them, class by class, by the classes
// they refer to; members not looked at refer to what they referred to before,
// which those looked at do not, so they are a group of their own. The largest
// group keeps the number of the class and the others get new ones: a node gets
// a new number at most log2(n) times, so that the whole takes no more than
// edges times log2(n) steps, whatever the graph.
type partition struct {
	g     *graph
	class []uint32 // node -> class at the beginning of the round

	// The members of class c are elems[first[c]:first[c]+size[c]]; loc is
	// where each node is.
	elems, loc, first, size []uint32

	dirty   []uint32
	isDirty []bool

	groups  []group
	groupOf []uint32 // of the nodes in dirty, by position
	chain   []uint32 // class -> 1 + its last group of this round
	touched []uint32 // classes with dirty members
	slots   []uint32 // open addressing: 1 + group
	mult    uint64
}

// group is some dirty members of one class that refer to the same classes.
type group struct {
	node  uint32 // one of them
	class uint32
	count uint32
	next  uint32 // 1 + the group of the class before it
	at    uint32 // where its next member goes in elems
}

// refine returns the coarsest stable partition that is finer than class, which
// numbers classes from 0 to n-1; it is overwritten. The numbers depend on
// nothing but the graph and class.
func refine(g *graph, class []uint32, n int) (classes int) {
	p := &partition{g: g, class: class, isDirty: make([]bool, g.n), mult: rand.Uint64() | 1}
	p.arrange(n)
	for x := range uint32(g.n) {
		p.mark(x)
	}
	for len(p.dirty) != 0 {
		p.group()
		p.split()
	}
	return len(p.first)
}

// arrange sorts the nodes by class.
func (p *partition) arrange(n int) {
	p.first, p.size, p.chain = make([]uint32, n), make([]uint32, n), make([]uint32, n)
	for _, c := range p.class {
		p.size[c]++
	}
	at := uint32(0)
	for c, k := range p.size {
		p.first[c] = at
		at += k
	}
	next := append([]uint32(nil), p.first...)
	p.elems, p.loc = make([]uint32, p.g.n), make([]uint32, p.g.n)
	for x, c := range p.class {
		p.elems[next[c]], p.loc[x] = uint32(x), next[c]
		next[c]++
	}
}

// mark puts a node on the list of the next round. One that is alone in its
// class cannot be told from anything.
func (p *partition) mark(x uint32) {
	if !p.isDirty[x] && p.size[p.class[x]] > 1 {
		p.isDirty[x] = true
		p.dirty = append(p.dirty, x)
	}
}

// group sorts the dirty nodes into groups.
func (p *partition) group() {
	p.groups, p.groupOf, p.touched = p.groups[:0], p.groupOf[:0], p.touched[:0]
	p.clearSlots()
	mask := uint64(len(p.slots) - 1)
	for _, x := range p.dirty {
		p.isDirty[x] = false
		i := p.hash(x) & mask
		for p.slots[i] != 0 && !p.alike(x, p.groups[p.slots[i]-1].node) {
			i = (i + 1) & mask
		}
		if p.slots[i] == 0 {
			p.slots[i] = p.open(x)
		}
		k := p.slots[i] - 1
		p.groups[k].count++
		p.groupOf = append(p.groupOf, k)
	}
}

func (p *partition) clearSlots() {
	n := 1 << bits.Len(uint(2*len(p.dirty)))
	if n > cap(p.slots) {
		p.slots = make([]uint32, n)
		return
	}
	p.slots = p.slots[:n]
	clear(p.slots)
}

// open begins a group with a node and gives 1 + its number.
func (p *partition) open(x uint32) uint32 {
	c := p.class[x]
	if p.chain[c] == 0 {
		p.touched = append(p.touched, c)
	}
	p.groups = append(p.groups, group{node: x, class: c, next: p.chain[c]})
	p.chain[c] = uint32(len(p.groups))
	return p.chain[c]
}

func (p *partition) hash(x uint32) uint64 {
	h := uint64(p.class[x]) + p.mult
	for _, y := range p.g.refs(x) {
		h = mix(h, uint64(p.class[y]), p.mult)
	}
	return h ^ h>>32
}

// alike reports whether two nodes are of one class and refer to the same ones.
func (p *partition) alike(x, y uint32) bool {
	a, b := p.g.refs(x), p.g.refs(y)
	if p.class[x] != p.class[y] || len(a) != len(b) {
		return false
	}
	for i := range a {
		if p.class[a[i]] != p.class[b[i]] {
			return false
		}
	}
	return true
}

// split makes classes of the groups and marks what refers to them. Numbers
// change when all groups are placed: until then the round compares with those
// it began with.
func (p *partition) split() {
	for _, c := range p.touched {
		p.reserve(c)
	}
	for i, x := range p.dirty {
		p.swap(x, &p.groups[p.groupOf[i]].at)
	}
	before := uint32(len(p.first))
	for _, c := range p.touched {
		p.number(c)
		p.chain[c] = 0
	}
	p.dirty = p.dirty[:0]
	after := uint32(len(p.first))
	for c := before; c < after; c++ {
		for _, x := range p.elems[p.first[c]:][:p.size[c]] {
			p.class[x] = c
		}
	}
	for c := before; c < after; c++ {
		for _, x := range p.elems[p.first[c]:][:p.size[c]] {
			for _, y := range p.g.referrers(x) {
				p.mark(y)
			}
		}
	}
}

// reserve gives each group of a class its place at the front of the class.
func (p *partition) reserve(c uint32) {
	at := p.first[c]
	for k := p.chain[c]; k != 0; k = p.groups[k-1].next {
		p.groups[k-1].at = at
		at += p.groups[k-1].count
	}
}

// swap moves a node to a place within its class.
func (p *partition) swap(x uint32, at *uint32) {
	y, from := p.elems[*at], p.loc[x]
	p.elems[from], p.loc[y] = y, from
	p.elems[*at], p.loc[x] = x, *at
	*at++
}

// number makes a class of each group, and of the members that were not looked
// at; the largest keeps the number. at is now the end of each group.
func (p *partition) number(c uint32) {
	rest := p.size[c]
	most, keeps := uint32(0), uint32(0)
	for k := p.chain[c]; k != 0; k = p.groups[k-1].next {
		n := p.groups[k-1].count
		rest -= n
		if n > most {
			most, keeps = n, k
		}
	}
	end := p.first[c] + p.size[c]
	if rest > most {
		keeps = 0
	}
	first, size := p.first[c], p.size[c]
	for k := p.chain[c]; k != 0; k = p.groups[k-1].next {
		at, n := p.groups[k-1].at-p.groups[k-1].count, p.groups[k-1].count
		if k == keeps {
			first, size = at, n
		} else {
			p.add(at, n)
		}
	}
	switch {
	case keeps == 0:
		first, size = end-rest, rest
	case rest != 0:
		p.add(end-rest, rest)
	}
	p.first[c], p.size[c] = first, size
}

func (p *partition) add(first, size uint32) {
	p.first, p.size, p.chain = append(p.first, first), append(p.size, size), append(p.chain, 0)
}
