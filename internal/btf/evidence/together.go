package evidence

import (
	"cmp"
	"slices"

	"kpkg-btf/internal/btf"
)

// Together finds where the modules of one release, all judged on this base,
// use its ids as if they were further on: what one module shows by a single
// use, which may be chance, all of them show by hundreds. An id counts for
// what most modules say of it. The result is ascending, nil for none.
func Together(base *btf.Raw, leans []*Lean) []Shift {
	rights := make([]uint32, base.NumTypes())
	var votes []Vote
	for _, l := range leans {
		for _, id := range l.Right {
			rights[id]++
		}
		votes = append(votes, l.Votes...)
	}
	slices.SortFunc(votes, compareVotes)
	// Votes that are outnumbered go; where votes win, the id is not right.
	kept := votes[:0]
	doubted := map[btf.ID]bool{}
	for i := 0; i < len(votes); {
		end := i
		for end < len(votes) && votes[end].By == votes[i].By && votes[end].ID == votes[i].ID {
			end++
		}
		if of := votes[i:end]; uint32(len(of)) > 2*rights[of[0].ID] {
			doubted[of[0].ID] = true
			kept = append(kept, slices.CompactFunc(of, sameVote)...)
		}
		i = end
	}
	right := idSet(nil).reset(int(base.NumTypes()))
	for id, n := range rights {
		if n > 0 && !doubted[btf.ID(id)] {
			right.add(btf.ID(id))
		}
	}
	var out []Shift
	for {
		s := longest(kept, right, together)
		if s == nil {
			break
		}
		out = append(out, *s)
		kept = slices.DeleteFunc(kept, func(v Vote) bool { return v.ID >= s.From && v.ID <= s.To })
	}
	slices.SortFunc(out, func(a, b Shift) int { return cmp.Compare(a.From, b.From) })
	return out
}

// Touches reports whether a module refers to an id of the stretch.
func (s *Shift) Touches(split *btf.Raw) bool {
	for t := range split.Types {
		for _, id := range t.Refs {
			if id >= s.From && id <= s.To {
				return true
			}
		}
	}
	return false
}
