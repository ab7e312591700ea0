//go:build e2e

package btf_test

import (
	"context"
	"encoding/hex"
	"testing"
	"time"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
)

// realBase takes the base out of a real package's image or headers vmlinux.
func realBase(t *testing.T, spec, pattern string) []byte {
	t.Helper()
	image := realtest.Member(t, realtest.Deb(t, spec), pattern)
	f, err := kimage.Parse(context.Background(), image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f.BTF
}

// The bases of the pairs: checksums and counts (docs/kernel-rules.md, "Measured pairs"), every record as
// bpftool reads it, parsed in a few milliseconds.
func TestE2EBases(t *testing.T) {
	for _, c := range []struct {
		pkg, pattern, sum string
		types, strings    uint32
	}{
		{realtest.PairAOld, "boot/vmlinuz-*", "c09f1a7c565d81fc", 100800, 1794321},
		{realtest.PairANew, "boot/vmlinuz-*", "a53c4b97419ba67a", 100751, 1794309},
		{realtest.PairBOldHeaders, "vmlinux", "db58ed1601b73bb4", 113903, 2060547},
		{realtest.PairBNewHeaders, "vmlinux", "c2d03c1930ad37f2", 113903, 2060547},
	} {
		t.Run(c.pkg, func(t *testing.T) {
			blob := realBase(t, c.pkg, c.pattern)
			sum, err := btf.Checksum(blob)
			if err != nil {
				t.Fatal(err)
			}
			best := time.Hour
			var r *btf.Raw
			for range 5 {
				start := time.Now()
				if r, err = btf.Parse(blob); err != nil {
					t.Fatal(err)
				}
				best = min(best, time.Since(start))
			}
			t.Logf("%s: %d types in %v", c.pkg, r.NumTypes(), best)
			if hex.EncodeToString(sum[:8]) != c.sum || r.NumTypes() != c.types || r.StrLen() != c.strings {
				t.Errorf("%s: %x, %d types, %d string bytes", c.pkg, sum, r.NumTypes(), r.StrLen())
			}
			if best > 10*time.Millisecond {
				t.Errorf("%s: parsed in %v", c.pkg, best)
			}
			walk(t, r)
			checkEncoding(t, r)
			if got, want := btftest.Dump(r), bpftoolDump(t, nil, blob); got != want {
				t.Errorf("%s: %s", c.pkg, firstDiff(got, want))
			}
		})
	}
}
