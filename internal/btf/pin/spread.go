package pin

import (
	"slices"
	"sort"
	"strings"

	"kpkg-btf/internal/btf"
)

// growth says where a sorted base needs its slack.
type growth struct {
	s      *side
	line   []uint32 // named types in order
	weight []int64  // of the place behind each
	hard   []bool   // a module is known to name it
}

// Weights of the place behind a type. What kernels add from one stable release
// to the next comes in few places: tags and functions of kfuncs, and their
// *_impl forms (7.2.11 to 7.2.12: 32 of 56 new names in 3 of 1563 gaps).
const (
	anyPlace   = 1
	kfuncPlace = 16
	grownPlace = 64 // something came here since the older base
)

// newGrowth weighs the places of a new base; grown is an older one, whose ids
// uses are of, or nil.
func newGrowth(s *side, grown *btf.Raw, uses []Use, all *names) (*growth, error) {
	g := &growth{s: s}
	isFresh, isHard := make([]bool, s.n), make([]bool, s.n)
	if grown != nil && grown.BigEndian() == s.raw.BigEndian() {
		was, err := newSide(grown, all)
		if err != nil {
			return nil, err
		}
		m := match(was, s)
		for _, id := range m.newcomers() {
			isFresh[id] = true
		}
		for id, n := range newNeeds(was, uses).modules {
			if n > 0 && m.toNew[id] != 0 {
				isHard[m.toNew[id]] = true
			}
		}
	}
	isKfunc := make([]bool, s.n)
	for t := range s.raw.Types {
		if t.Kind == btf.DeclTag && !s.filler[t.ID] {
			isKfunc[t.ID] = true
			if s.raw.Name(t.Name) == "bpf_kfunc" {
				isKfunc[t.Ref()] = true
			}
		}
	}
	for id := uint32(1); id < s.n; id++ {
		if s.named[id] == 0 || s.filler[id] {
			continue
		}
		t, _ := s.raw.Record(btf.ID(id))
		w := int64(anyPlace)
		if isKfunc[id] || t.Kind == btf.Func && strings.HasSuffix(s.raw.Name(t.Name), "_impl") {
			w += kfuncPlace
		}
		if isFresh[id] {
			w += grownPlace
		}
		g.line, g.weight, g.hard = append(g.line, id), append(g.weight, w), append(g.hard, isHard[id])
	}
	return g, nil
}

// spread lays out a base with fillers: a quarter of them behind the types
// without a name, one STRUCT that the others are on, one filler in each gap
// between types that modules name as far as half of the rest goes, and of all
// others one half evenly and one by weight.
func (g *growth) spread(fillers int) []slot {
	slots := []slot{{}}
	for id := uint32(1); id < g.s.n; id++ {
		if g.s.named[id] == 0 && !g.s.filler[id] {
			slots = append(slots, slot{id, aType})
		}
	}
	if fillers == 0 {
		return g.lay(slots, make([]int64, len(g.line)), false)
	}
	slots = append(slots, make([]slot, fillers/4)...)
	named := int64(fillers - fillers/4 - 1)
	behind := make([]int64, len(g.line))
	named -= g.floor(behind, named/2)
	even := make([]int64, len(g.line))
	for i := range even {
		even[i] = 1
	}
	share(behind, even, named/2)
	share(behind, g.weight, named-named/2)
	return g.lay(slots, behind, true)
}

// share adds n fillers to the places, by weight.
func share(behind, weight []int64, n int64) {
	var all, sum int64
	for _, w := range weight {
		all += w
	}
	for i, w := range weight {
		before := n * sum / all
		sum += w
		behind[i] += n*sum/all - before
	}
}

// floor puts one filler into each gap between hard types, or into as many,
// evenly, as there are, and returns their number.
func (g *growth) floor(behind []int64, most int64) (n int64) {
	var gaps []int
	for i, hard := range g.hard {
		if hard {
			gaps = append(gaps, i)
		}
	}
	n = min(most, int64(len(gaps)))
	for i := range n {
		behind[gaps[int(i)*len(gaps)/int(n)]]++
	}
	return n
}

func (g *growth) lay(slots []slot, behind []int64, target bool) []slot {
	at := len(g.line)
	if target {
		at = sort.Search(len(g.line), func(i int) bool {
			t, _ := g.s.raw.Record(btf.ID(g.line[i]))
			return g.s.raw.Name(t.Name) >= Reserved
		})
	}
	for i, id := range g.line {
		if i == at {
			slots = append(slots, slot{is: aTarget})
		}
		slots = append(slots, slot{id, aType})
		slots = append(slots, make([]slot, behind[i])...)
	}
	if target && at == len(g.line) {
		slots = append(slots, slot{is: aTarget})
	}
	return slices.Clip(slots)
}
