package health

import (
	"slices"
	"testing"

	"kpkg-btf/internal/btf/btftest"
)

// TestLostNames: one type out of order hides others from a search by halves, and
// a base in order hides none.
func TestLostNames(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	build := func(list []string) []string {
		b := btftest.Base()
		i := b.Int("", 4, 0)
		for _, n := range list {
			b.Typedef(n, i)
		}
		return LostNames(b.Parse())
	}
	if got := build(names); got != nil {
		t.Errorf("in order: %q", got)
	}
	moved := slices.Clone(names)
	moved[3], moved[7] = moved[7], moved[3] // h stands where the search begins
	got := build(moved)
	if !slices.Contains(got, "d") || !slices.Contains(got, "h") || slices.Contains(got, "a") {
		t.Errorf("h and d exchanged: %q", got)
	}
}
