package verdict

import (
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/verdict/mutant"
)

// TestMutants: a thousand mutants meet every rule that a module can break at
// least five times, and a fifth of them is accepted.
func TestMutants(t *testing.T) {
	kernel := btftest.Kernel(btftest.Plain)
	base := kernel.Parse()
	var blobs [][]byte
	for _, name := range []string{"one", "two", "three"} {
		m := kernel.Split()
		m.Struct(name, 24, btftest.M("a", 1, 0), btftest.M("b", m.Typedef(name+"_t", 1), 4))
		m.Func(name+"_init", m.Proto(1, btftest.P("x", 2)))
		blobs = append(blobs, m.Bytes())
	}
	p := ForVersion(6, 12, 115)
	b, err := NewBase(&p, base.Bytes())
	if err != nil || !b.Own().OK {
		t.Fatal(err, b.Own())
	}
	const n = 1000
	hist, accepted := map[string]int{}, 0
	for i := range n {
		m := mutant.Make(1, i, blobs, base)
		r := b.Module(m.Split, m.Base)
		sane(t, r)
		if r.OK {
			accepted++
		}
		hist[r.Rule]++
	}
	for _, rule := range allRules() {
		if own := rule == "H7" || rule == "T3" || rule == "enum.kflag" || rule == "datasec.vlen" || strings.HasPrefix(rule, "reloc."); own {
			continue // not of a split, or not of this version
		}
		if hist[rule] < 5 {
			t.Errorf("%s was the first refusal %d times", rule, hist[rule])
		}
	}
	if accepted < n/5 {
		t.Errorf("%d of %d accepted", accepted, n)
	}
	for i := range 300 {
		m := mutant.Distil(1, i, base)
		r := b.Module(m.Split, m.Base)
		sane(t, r)
		hist["distilled "+r.Rule]++
	}
	for _, rule := range []string{"", "reloc.anonymous", "reloc.kind", "reloc.unmapped", "reloc.string"} {
		if hist["distilled "+rule] < 5 {
			t.Errorf("distilled %q: %d times", rule, hist["distilled "+rule])
		}
	}
	if got, want := mutant.Make(7, 3, blobs, base), mutant.Make(7, 3, blobs, base); !slices.Equal(got.Split, want.Split) {
		t.Error("the same seed gives another mutant")
	}
}
