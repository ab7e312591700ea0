//go:build e2e

package abi

import (
	"testing"

	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/symvers"
)

// headers reads the Module.symvers of a Debian headers package.
func headers(t *testing.T, spec string) *symvers.Table {
	t.Helper()
	text := realtest.Member(t, realtest.Deb(t, spec), "Module.symvers")
	tab, err := symvers.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return tab
}

// What was counted in Module.symvers of these packages.
func TestRealPairs(t *testing.T) {
	tests := []struct {
		pair, old, new                           string
		oldCount, newCount, changed, lost, added int
	}{
		{"A", realtest.PairAOldHeaders, realtest.PairANewHeaders, 24683, 24683, 0, 0, 0},
		{"B", realtest.PairBOldHeaders, realtest.PairBNewHeaders, 26762, 26762, 0, 0, 0},
		{"C", realtest.PairCOldHeaders, realtest.PairAOldHeaders, 24664, 24683, 18272, 9, 28},
	}
	for _, tt := range tests {
		t.Run(tt.pair, func(t *testing.T) {
			x := CompareExports(headers(t, tt.old), headers(t, tt.new))
			got := [...]int{x.OldCount, x.NewCount, len(x.Changed), len(x.Lost), len(x.Added)}
			want := [...]int{tt.oldCount, tt.newCount, tt.changed, tt.lost, tt.added}
			if got != want {
				t.Errorf("pair %s: old, new, changed, lost, added: %v, want %v", tt.pair, got, want)
			}
			if !x.Complete() || x.Unchanged != x.Common-tt.changed || x.Breaks() != (tt.changed > 0) {
				t.Errorf("pair %s: complete %v, unchanged %d, breaks %v", tt.pair, x.Complete(), x.Unchanged, x.Breaks())
			}
			t.Logf("pair %s: moved %d, left image %d, joined image %d, stricter %d, namespace %d",
				tt.pair, len(x.Moved), len(x.LeftImage), len(x.JoinedImage), len(x.Stricter), len(x.NamespaceNeeded))
		})
	}
}

// 7.3.4 of trixie-backports is built without CONFIG_MODVERSIONS: against itself
// nothing is changed and nothing is covered either.
func TestRealUnversioned(t *testing.T) {
	tab := headers(t, realtest.Headers73)
	x := CompareExports(tab, tab)
	if x.OldCount != 31191 || x.OldCovered != 0 || len(x.Uncovered) != 31191 || x.Unchanged != 0 || x.Complete() {
		t.Errorf("%d exports, %d covered, %d uncovered, %d unchanged", x.OldCount, x.OldCovered, len(x.Uncovered), x.Unchanged)
	}
}
