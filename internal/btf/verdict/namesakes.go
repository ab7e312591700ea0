package verdict

import "kpkg-btf/internal/btf"

// namesakes are the base's types of one name, sorted so that each question of
// a distilled type is answered from those of one size. It gives what a look
// through all of them in id order gives.
type namesakes struct {
	dist *parser
	// bySize are, by the size that is compared, the types for which it is:
	// INT, FLOAT, ENUM, ENUM64, and composites whose name another has too.
	bySize map[uint32][]btf.Record
	// free are the others, FWDs and composites alone of their name, and by
	// their exact size.
	free       []btf.Record
	freeBySize map[uint32][]btf.Record
	known      map[question]match
}

// question is all of a distilled type that decides between types of its name.
type question struct {
	kind            btf.Kind
	kflag, embedded bool
	size, encoding  uint32
}

func newNamesakes(b *Base, dist *parser, name string) *namesakes {
	n := &namesakes{dist: dist, bySize: map[uint32][]btf.Record{}, freeBySize: map[uint32][]btf.Record{}, known: map[question]match{}}
	offsets := map[btf.StrOff]int{} // the kernel counts composites by the offset of their name
	for t := range b.candidates(name) {
		if t.Kind.Composite() {
			offsets[t.Name]++
		}
	}
	for t := range b.candidates(name) {
		switch {
		case sized(t.Kind), t.Kind.Composite() && offsets[t.Name] > 1:
			n.bySize[t.SizeType&sizeMask] = append(n.bySize[t.SizeType&sizeMask], t)
		case t.Kind == btf.Fwd, t.Kind.Composite():
			n.free = append(n.free, t)
			n.freeBySize[t.SizeType] = append(n.freeBySize[t.SizeType], t)
		}
	}
	return n
}

func (n *namesakes) match(d *record, embedded bool) match {
	q := question{kind: d.kind, kflag: d.kflag, embedded: embedded, size: d.size, encoding: n.dist.encoding(d)}
	if m, known := n.known[q]; known {
		return m
	}
	fixed, free := n.bySize[d.size&sizeMask], n.free
	if embedded {
		free = n.freeBySize[d.size]
	}
	if sized(d.kind) {
		free = nil // they stand for none of these
	}
	var m match
	for more := true; more && len(fixed)+len(free) != 0; {
		next := &fixed
		if len(fixed) == 0 || len(free) != 0 && free[0].ID < fixed[0].ID {
			next = &free
		}
		t := (*next)[0]
		*next = (*next)[1:]
		if matches(d, &t, embedded, q.encoding, func() bool { return next == &fixed }) {
			more = m.add(t)
		}
	}
	n.known[q] = m
	return m
}
