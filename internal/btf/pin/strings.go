package pin

import (
	"bytes"
	"cmp"
	"container/heap"
	"slices"

	"kpkg-btf/internal/btf"
)

// room is a part of the older base's strings that the new one does not use.
type room struct{ from, to uint32 }

func (r room) size() int { return int(r.to - r.from) }

// rooms is a heap, the largest first, of those equally large the first.
type rooms []room

func (h rooms) Len() int { return len(h) }
func (h rooms) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(h[j].size(), h[i].size()), cmp.Compare(h[i].from, h[j].from)) < 0
}
func (h rooms) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *rooms) Push(x any)   { *h = append(*h, x.(room)) }
func (h *rooms) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}

// shelf puts strings into the older base's section. Rooms are by rank: NUL
// bytes that were reserved, strings that no type has any more, and of those the
// ones that a module is known to use.
type shelf struct {
	strs    []byte
	by      [3]rooms
	written int
	fresh   map[uint32]bool // numbers of the strings that were put in
	over    []room          // written on, in the order of writing
}

// placeStrings gives every string of the new base that the older one has its
// offset there, and the others a place.
func (m *matching) placeStrings(p *plan, need *needs, all *names) (*shelf, error) {
	offs := make([]btf.StrOff, len(all.no)+1) // number -> offset in the result
	wanted := make([]bool, len(all.no)+1)
	for _, no := range m.new.nameNo {
		if no > 1 { // asked for, and not ""
			wanted[no-1] = true
		}
	}
	reservedNo, known := all.no[Reserved]
	if !known {
		reservedNo = uint32(len(all.no))
	}
	fillers := slices.ContainsFunc(p.slots[1:], func(s slot) bool { return s.is != aType })
	wanted[reservedNo] = fillers
	s := &shelf{strs: bytes.Clone(m.old.raw.Strings()), fresh: map[uint32]bool{}}
	s.sweep(need, all, wanted, offs)

	fresh := make([]uint32, 0)
	text := make([]string, len(offs))
	for str, no := range all.no {
		if no != 0 && wanted[no] && offs[no] == 0 {
			text[no] = str
			fresh = append(fresh, no)
		}
	}
	if fillers && !known {
		text[reservedNo] = Reserved
		fresh = append(fresh, reservedNo)
	}
	slices.SortFunc(fresh, func(a, b uint32) int {
		return cmp.Or(cmp.Compare(len(text[b]), len(text[a])), cmp.Compare(text[a], text[b]))
	})
	for i, no := range fresh {
		off, ok := s.put(text[no])
		if !ok {
			left := 0
			for _, no := range fresh[i:] {
				left += len(text[no]) + 1
			}
			return nil, &RoomError{What: "string bytes", Needed: s.written + left, Free: s.written + s.free()}
		}
		offs[no], s.fresh[no] = off, true
	}
	p.strs = s.strs
	p.offset = func(off btf.StrOff) btf.StrOff { return offs[m.new.number(off)] }
	if fillers {
		p.reserved = offs[reservedNo]
	}
	return s, nil
}

// sweep goes through the older base's strings: those wanted stay, the rest is
// room.
func (s *shelf) sweep(need *needs, all *names, wanted []bool, offs []btf.StrOff) {
	asked := make([]btf.StrOff, 0, len(need.strings))
	for off := range need.strings {
		asked = append(asked, off)
	}
	slices.Sort(asked)
	var open [3]room
	shut := func(rank int) {
		if r := open[rank]; r.size() > 1 {
			s.by[rank] = append(s.by[rank], r)
		}
		open[rank] = room{}
	}
	give := func(rank int, from, to uint32) {
		if open[rank].to != from || rank == 2 {
			shut(rank)
			open[rank] = room{from, to}
		}
		open[rank].to = to
	}
	for at := uint32(1); at < uint32(len(s.strs)); {
		end := at + uint32(bytes.IndexByte(s.strs[at:], 0)) + 1
		for len(asked) > 0 && uint32(asked[0]) < at {
			asked = asked[1:]
		}
		isAsked := len(asked) > 0 && uint32(asked[0]) < end
		no, ok := all.no[string(s.strs[at:end-1])]
		switch {
		case end == at+1: // a NUL behind the end of a string
			give(0, at, end)
		case ok && wanted[no] && offs[no] == 0:
			offs[no] = btf.StrOff(at)
		case isAsked:
			give(2, at, end)
		default:
			give(1, at, end)
		}
		at = end
	}
	for rank := range open {
		shut(rank)
		heap.Init(&s.by[rank])
	}
}

// put finds a place for a string.
func (s *shelf) put(str string) (btf.StrOff, bool) {
	n := len(str) + 1
	for rank := range s.by {
		h := &s.by[rank]
		if h.Len() == 0 || (*h)[0].size() < n {
			continue
		}
		r := heap.Pop(h).(room)
		if rank > 0 { // what is left of a string would be another one
			clear(s.strs[r.from:r.to])
			s.over = append(s.over, r)
		}
		copy(s.strs[r.from:], str)
		off := r.from
		s.written += n
		if r.from += uint32(n); r.size() > 1 {
			heap.Push(&s.by[0], r)
		}
		return btf.StrOff(off), true
	}
	return 0, false
}

func (s *shelf) free() (n int) {
	for _, h := range s.by {
		for _, r := range h {
			n += r.size()
		}
	}
	return n
}

// overwritten reports whether a string of the older base is no longer there.
func (s *shelf) overwritten(off btf.StrOff) bool {
	return slices.ContainsFunc(s.over, func(r room) bool { return r.from <= uint32(off) && uint32(off) < r.to })
}
