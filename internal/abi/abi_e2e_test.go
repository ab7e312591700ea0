//go:build e2e

package abi

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"kpkg-btf/internal/symvers"
)

// headers reads the Module.symvers of a Debian headers package of the pool.
func headers(t *testing.T, name string) *symvers.Table {
	t.Helper()
	cache := os.Getenv("KPKG_BTF_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache", "kpkg-btf")
	}
	deb := filepath.Join(cache, "pool", name+"_amd64.deb")
	if _, err := os.Stat(deb); err != nil {
		t.Fatalf("%v: run testdata/real/fetch.sh", err)
	}
	tarball, err := exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output()
	if err != nil {
		t.Fatalf("dpkg-deb (make deps installs it): %v", err)
	}
	tar := exec.Command("tar", "-xO", "--wildcards", "*/Module.symvers")
	tar.Stdin = bytes.NewReader(tarball)
	text, err := tar.Output()
	if err != nil {
		t.Fatalf("tar: %v", err)
	}
	tab, err := symvers.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if d := tab.Duplicates(); len(d) != 0 {
		t.Errorf("%s: duplicates %v", name, d)
	}
	return tab
}

// The truths of CASES.md.
func TestRealPairs(t *testing.T) {
	tests := []struct {
		pair, old, new                           string
		oldCount, newCount, changed, lost, added int
	}{
		{"A", "linux-headers-6.1.0-55-amd64_6.1.192-1", "linux-headers-6.1.0-56-amd64_6.1.192-2", 24683, 24683, 0, 0, 0},
		{"B", "linux-headers-6.12.115+deb13-amd64_6.12.115-1", "linux-headers-6.12.115+deb13.1-amd64_6.12.115-2", 26762, 26762, 0, 0, 0},
		{"C", "linux-headers-6.1.0-54-amd64_6.1.190-1", "linux-headers-6.1.0-55-amd64_6.1.192-1", 24664, 24683, 18272, 9, 28},
	}
	for _, tt := range tests {
		x := Compare(headers(t, tt.old), headers(t, tt.new))
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
	}
}

// 7.3.4 of trixie-backports is built without CONFIG_MODVERSIONS: against itself
// nothing is changed and nothing is covered either.
func TestRealUnversioned(t *testing.T) {
	tab := headers(t, "linux-headers-7.3.4+deb13-amd64_7.3.4-1~bpo13+1")
	x := Compare(tab, tab)
	if x.OldCount != 31191 || x.OldCovered != 0 || len(x.Uncovered) != 31191 || x.Unchanged != 0 || x.Complete() {
		t.Errorf("%d exports, %d covered, %d uncovered, %d unchanged", x.OldCount, x.OldCovered, len(x.Uncovered), x.Unchanged)
	}
}
