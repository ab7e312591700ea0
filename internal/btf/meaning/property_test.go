package meaning_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/meaning"
)

// encounter is two random bases and a module of the newer.
type encounter struct {
	old, own *btf.Raw
	split    *btf.Raw
	ids      []btf.ID
}

func self(id btf.ID) btf.ID { return id }

// randomEncounter makes a base, an older one that differs from it in up to
// three places or in counts or in nothing, and a module.
func randomEncounter(seed uint64) encounter {
	r := rand.New(rand.NewPCG(seed, 4))
	start := btftest.Base
	if seed%2 == 1 {
		start = btftest.BigBase
	}
	n := 3 + r.IntN(30)
	nodes := randomNodes(r, "b", 1, n)
	older := cloned(nodes)
	for range r.IntN(4) {
		mutate(r, older, btf.ID(n+1))
	}
	if r.IntN(6) == 0 {
		older = append(older, randomNode(r, "b", btf.ID(n+1)))
	}
	old, own := start(), start()
	for _, s := range stringsOf(nodes) { // what is the same in both lies at one place
		own.Str(s)
		if r.IntN(40) > 0 {
			old.Str(s)
		}
	}
	if r.IntN(2) == 0 {
		for _, s := range stringsOf(older) {
			old.Str(s)
			own.Str(s)
		}
	}
	emit(old, older, nil, self)
	emit(own, nodes, nil, self)
	split := own.Split()
	size := 1 + r.IntN(6)
	prefix := "b"
	if r.IntN(2) == 0 {
		prefix = "s"
	}
	var mine []node
	for range size {
		x := randomNode(r, prefix, btf.ID(n+1+size))
		if r.IntN(4) > 0 { // most refer to their base alone
			x = randomNode(r, prefix, btf.ID(n+1))
		}
		mine = append(mine, x)
	}
	emit(split, mine, nil, self)
	e := encounter{old: old.Parse(), own: own.Parse()}
	e.split, _ = btf.ParseSplit(split.Bytes(), e.own)
	for range r.IntN(3) {
		e.ids = append(e.ids, btf.ID(1+r.IntN(n+size)))
	}
	return e
}

// TestAgainstSlow: classes and verdicts agree with a slow comparison of texts,
// type by type and module by module, at every depth.
func TestAgainstSlow(t *testing.T) {
	var same, differ [meaning.NumDepths]int
	for seed := range uint64(3000) {
		e := randomEncounter(seed)
		c := meaning.Classify(e.old, e.own)
		res := c.Judge(meaning.Module{Split: e.split, IDs: e.ids})
		for d := range meaning.Depth(meaning.NumDepths) {
			want := slowModule(d, e.old, e.split, e.ids)
			if got := res.Same(d); got != want {
				t.Fatalf("seed %d, %s: same %v, slow %v: %s", seed, d, got, want, c.Text(e.split, res.First[d]))
			}
			if want {
				same[d]++
			} else {
				differ[d]++
			}
			if res.Same(d) && !res.Same(meaning.Named) || res.Same(meaning.Deep) && !res.Same(d) {
				t.Fatalf("seed %d: %s", seed, d)
			}
			if refs := c.JudgeRefs(meaning.RefsOf(e.split, e.ids)); refs.Same(d) != res.Same(d) {
				t.Fatalf("seed %d, %s: by its references alone %v, by its BTF %v", seed, d, refs.Same(d), res.Same(d))
			}
			moved := c.JudgeMoved(e.split)
			if refs := c.JudgeRefsMoved(meaning.RefsOf(e.split, e.ids)); refs.Same(d) != moved.Same(d) {
				t.Fatalf("seed %d, %s: moved, by its references alone %v, by its BTF %v", seed, d, refs.Same(d), moved.Same(d))
			}
			if seed%60 == 0 {
				compareClasses(t, seed, c, d)
				compareClasses(t, seed, meaning.Classify(e.own, e.old).Reversed(), d)
			}
		}
	}
	t.Logf("same %v, different %v", same, differ)
	for d := range same {
		if same[d] < 100 || differ[d] < 100 || d > 0 && same[d] >= same[0] || d < 3 && same[d] <= same[3] {
			t.Errorf("the encounters do not try the depths: same %v, different %v", same, differ)
		}
	}
}

// TestReversed: the other way round, everything is as if it had been compared
// so, and twice is not at all.
func TestReversed(t *testing.T) {
	for seed := range uint64(1000) {
		e := randomEncounter(seed)
		m := meaning.Module{Split: e.split, IDs: e.ids}
		want := meaning.Classify(e.old, e.own)
		for _, c := range []*meaning.Classes{meaning.Classify(e.own, e.old).Reversed(), want.Reversed().Reversed()} {
			got, res := c.Judge(m), want.Judge(m)
			moved, resMoved := c.JudgeMoved(e.split), want.JudgeMoved(e.split)
			for d := range meaning.Depth(meaning.NumDepths) {
				if got.Same(d) != res.Same(d) || moved.Same(d) != resMoved.Same(d) || c.Text(e.split, got.First[d]) != want.Text(e.split, res.First[d]) {
					t.Fatalf("seed %d, %s: %v %v", seed, d, got, res)
				}
				for id := range btf.ID(e.own.NumTypes() + 2) {
					if c.InPlace(d, id) != want.InPlace(d, id) || c.Anywhere(d, id) != want.Anywhere(d, id) || !slices.Equal(c.OldIDs(d, id), want.OldIDs(d, id)) {
						t.Fatalf("seed %d, %s: type %d", seed, d, id)
					}
				}
			}
			if c.Raw(meaning.Old) != e.old || c.Raw(meaning.New) != e.own || c.Alike() != want.Alike() {
				t.Fatalf("seed %d: sides", seed)
			}
			for off := range btf.StrOff(e.own.StrLen() + 2) {
				if c.StringInPlace(off) != want.StringInPlace(off) {
					t.Fatalf("seed %d: string at %d", seed, off)
				}
			}
		}
	}
}

// compareClasses looks at every pair of types, of two sides and of one.
func compareClasses(t *testing.T, seed uint64, c *meaning.Classes, d meaning.Depth) {
	t.Helper()
	sides := []meaning.Side{meaning.Old, meaning.New}
	for _, s1 := range sides {
		for _, s2 := range sides {
			r1, r2 := c.Raw(s1), c.Raw(s2)
			for a := range btf.ID(r1.NumTypes()) {
				for b := range btf.ID(r2.NumTypes()) {
					got := c.Class(d, s1, a) == c.Class(d, s2, b)
					want := slowSame(d, r1, a, r2, b)
					if got != want && (r1 != r2 || a != b) {
						t.Fatalf("seed %d, %s: %s and %s: same %v, slow %v", seed, d, r1.Label(a), r2.Label(b), got, want)
					}
				}
			}
		}
	}
	for id := range btf.ID(c.Raw(meaning.New).NumTypes()) {
		for _, old := range c.OldIDs(d, id) {
			if !c.Same(d, old, id) {
				t.Fatalf("seed %d: OldIDs of [%d] has [%d]", seed, id, old)
			}
		}
	}
}

// TestPermuted: a base whose ids and strings are shuffled has the same types,
// and a module rewritten accordingly keeps its verdict.
func TestPermuted(t *testing.T) {
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 5))
		n := 3 + r.IntN(30)
		nodes := randomNodes(r, "b", 1, n)
		mine := randomNodes(r, "s", btf.ID(n+1), 1+r.IntN(5))
		older := cloned(nodes)
		if seed%2 == 1 {
			mutate(r, older, btf.ID(n+1))
		}
		names := stringsOf(append(cloned(nodes), older...))
		build := func(nodes, mine []node, perm []int, names []string) (base, split *btf.Raw, move func(btf.ID) btf.ID) {
			move = self
			if perm != nil {
				to := make([]btf.ID, n+1)
				for at, from := range perm {
					to[from+1] = btf.ID(at + 1)
				}
				move = func(id btf.ID) btf.ID {
					if int(id) > n {
						return id
					}
					return to[id]
				}
			}
			b := btftest.Base()
			for _, s := range names {
				b.Str(s)
			}
			emit(b, nodes, perm, move)
			s := b.Split()
			emit(s, mine, nil, move)
			base = b.Parse()
			split, err := btf.ParseSplit(s.Bytes(), base)
			if err != nil {
				t.Fatal(err)
			}
			return base, split, move
		}
		perm, shuffled := r.Perm(n), slices.Clone(names)
		r.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		old, _, _ := build(older, nil, nil, names)
		own, split, _ := build(nodes, mine, nil, names)
		old2, _, _ := build(older, nil, perm, shuffled)
		own2, split2, move := build(nodes, mine, perm, shuffled)

		before, after := meaning.Classify(old, own), meaning.Classify(old2, own2)
		a, b := before.Judge(meaning.Module{Split: split}), after.Judge(meaning.Module{Split: split2})
		across := meaning.Classify(own, own2)
		onOld, onNew := make([]uint32, n+1), make([]uint32, n+1)
		for d := range meaning.Depth(meaning.NumDepths) {
			if a.Same(d) != b.Same(d) || seed%2 == 0 && !a.Same(d) {
				t.Fatalf("seed %d, %s: same %v before, %v after", seed, d, a.Same(d), b.Same(d))
			}
			for id := range btf.ID(n + 1) {
				if !across.Same(d, id, move(id)) {
					t.Fatalf("seed %d, %s: %s is not %s", seed, d, own.Label(id), own2.Label(move(id)))
				}
				onOld[id], onNew[id] = uint32(id), uint32(move(id))
			}
		}
		// Read through maps, as relocation makes them, nothing has changed.
		res := across.Judge(meaning.Module{Split: split, OnOld: onOld, OnNew: onNew})
		if !res.Same(meaning.Deep) {
			t.Fatalf("seed %d, relocated: %s", seed, across.Text(split, res.First[meaning.Deep]))
		}
	}
}
