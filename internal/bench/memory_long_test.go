//go:build long

package bench

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

const newer72 = "7.2.12+deb13-amd64=7.2.12-1~bpo13+1"

// Two releases of 7.2 in one run take 559 MiB: the promise of 512 is not kept yet,
// and this holds what was reached. The answer is a bump: another key signed the
// modules.
func TestMemoryOfPair72(t *testing.T) {
	older := filepath.Join(t.TempDir(), "older")
	if err := os.WriteFile(older, []byte(strings.Join(set72(t, older72), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"check"}, set72(t, newer72)...)
	within(t, "check 7.2 against 7.2", 620, []int{model.ExitBump}, append(args, "--against", "@"+older, "--as-if-same-release")...)
}

// One release's modules on eight kernels, of 6.1 to 7.3. Later ones refuse them: they
// are to be built again for those.
func TestMemoryOfEightKernels(t *testing.T) {
	args := []string{"check", realtest.Deb(t, realtest.PairANew)}
	on := func(debs ...string) {
		list := filepath.Join(t.TempDir(), "on")
		if err := os.WriteFile(list, []byte(strings.Join(debs, "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--on", "@"+list)
	}
	for _, spec := range []string{realtest.PairAOld, realtest.PairANew, realtest.PairCOld, realtest.PairBOld, realtest.PairBNew, realtest.Image73} {
		on(realtest.Deb(t, spec))
	}
	on(set72(t, older72)...)
	on(set72(t, newer72)...)
	within(t, "check of 6.1 on eight kernels", promised, []int{model.ExitBump}, args...)
}
