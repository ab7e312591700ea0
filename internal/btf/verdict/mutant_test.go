package verdict

import (
	"bytes"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/verdict/mutant"
	"kpkg-btf/internal/btf/verdict/vector"
)

// TestMutants: a thousand mutants for each generation of the rules break every
// rule that a vector of a module breaks there, at least five times as the
// first refusal, and a fifth of them is accepted. The booted kernels are held
// to the same in internal/vmtest.
func TestMutants(t *testing.T) {
	kernel := btftest.Kernel(btftest.Plain)
	kernel.Struct("perf_aux_event", 16)
	kernel.Struct("perf_aux_event", 16)
	base := kernel.Parse()
	var blobs [][]byte
	for _, name := range []string{"one", "two", "three"} {
		m := kernel.Split()
		m.Struct(name, 24, btftest.M("a", 1, 0), btftest.M("b", m.Typedef(name+"_t", 1), 4))
		m.Func(name+"_init", m.Proto(1, btftest.P("x", 2)))
		blobs = append(blobs, m.Bytes())
	}
	vectors, err := vector.Load(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, at := range []vector.Version{{6, 1, 192}, {6, 12, 115}, {6, 18, 15}, {7, 3, 4}} {
		p := ForVersion(at[0], at[1], at[2])
		b, err := NewBase(&p, base.Bytes())
		if err != nil || !b.Own().OK {
			t.Fatal(err, b.Own())
		}
		const n = 1000
		hist := map[string]int{}
		for _, m := range mutant.Series(1, n, blobs, base, p.Distilled) {
			r := b.Module(m.Split, m.Base)
			sane(t, r)
			hist[r.Rule]++
		}
		for _, why := range mutant.Uneven(hist, vector.Rules(vectors, "module", at)) {
			t.Errorf("%s: %s", at, why)
		}
	}
	x, y := mutant.Make(7, 3, blobs, base), mutant.Make(7, 3, blobs, base)
	if !bytes.Equal(x.Split, y.Split) {
		t.Error("the same seed gives another mutant")
	}
}

// TestUneven: the demand on the mutants can fail.
func TestUneven(t *testing.T) {
	rules := []string{"H1", "M4"}
	for _, c := range []struct {
		hist map[string]int
		want int
	}{
		{map[string]int{"": 20, "H1": 5, "M4": 75}, 0},
		{map[string]int{"": 19, "H1": 5, "M4": 76}, 1},
		{map[string]int{"": 50, "H1": 4, "M4": 46}, 1},
		{map[string]int{"": 50, "H1": 50}, 1},
		{map[string]int{}, 3},
	} {
		if got := mutant.Uneven(c.hist, rules); len(got) != c.want {
			t.Errorf("%v: %q", c.hist, got)
		}
	}
}
