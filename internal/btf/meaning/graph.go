package meaning

import "kpkg-btf/internal/btf"

// graph is the disjoint union of both bases. Node 0 is void on both sides, then
// come the old types, the new ones, and one node a side that stands for every
// id beyond its last type.
type graph struct {
	old, new *btf.Raw
	n        int
	// The references of node x are to[start[x]:start[x+1]], in the order of
	// the record's words.
	start, to []uint32
	// The nodes that refer to x are preds[predStart[x]:predStart[x+1]].
	predStart, preds []uint32
}

func union(old, new *btf.Raw) graph {
	g := graph{old: old, new: new, n: int(old.NumTypes()) + int(new.NumTypes()) + 1}
	g.start = make([]uint32, 0, g.n+1)
	g.to = make([]uint32, 0, 2*g.n)
	g.start = append(g.start, 0) // void
	for s, r := range []*btf.Raw{old, new} {
		for t := range r.Types {
			g.start = append(g.start, uint32(len(g.to)))
			for _, id := range t.Refs {
				g.to = append(g.to, g.node(Side(s), id))
			}
		}
	}
	for len(g.start) <= g.n {
		g.start = append(g.start, uint32(len(g.to)))
	}
	g.turn()
	return g
}

// node is the number of a type; 0 for void.
func (g *graph) node(s Side, id btf.ID) uint32 {
	r, first := g.old, uint32(0)
	if s == New {
		r, first = g.new, g.old.NumTypes()-1
	}
	switch {
	case id == 0:
		return 0
	case uint32(id) >= r.NumTypes():
		return uint32(g.n - 2 + int(s))
	}
	return first + uint32(id)
}

// place is the opposite of node; r is nil for the nodes beyond the last types.
func (g *graph) place(x uint32) (r *btf.Raw, id btf.ID) {
	switch old := g.old.NumTypes(); {
	case x < old:
		return g.old, btf.ID(x)
	case int(x) < g.n-2:
		return g.new, btf.ID(x - old + 1)
	}
	return nil, 0
}

func (g *graph) refs(x uint32) []uint32 { return g.to[g.start[x]:g.start[x+1]] }

func (g *graph) referrers(x uint32) []uint32 { return g.preds[g.predStart[x]:g.predStart[x+1]] }

// turn finds the edges backwards.
func (g *graph) turn() {
	g.predStart = make([]uint32, g.n+1)
	for _, x := range g.to {
		g.predStart[x+1]++
	}
	for x := range g.n {
		g.predStart[x+1] += g.predStart[x]
	}
	g.preds = make([]uint32, len(g.to))
	next := append([]uint32(nil), g.predStart[:g.n]...)
	for x := range uint32(g.n) {
		for _, y := range g.refs(x) {
			g.preds[next[y]] = x
			next[y]++
		}
	}
}
