// Package smallkernel gives tests the one small real kernel that is built here:
// Debian's linux-source-6.1 with the configuration of testdata/real, as
// testdata/real/smallkernel.sh builds and packs it: release A, release B with a
// fix, pinned on A, B built incrementally in A's tree, and B unpinned. Only tests
// import it.
//
// Built once into the cache, by `make small` or by the first test that asks.
package smallkernel

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// The builds, folders below what Built gives.
const (
	PinnedA, PinnedB = "pinned/A", "pinned/B"
	// Incremental is the pinned B as it comes out of A's tree when A's modules
	// are left there: vmlinux is linked again, a module's object is unchanged, and
	// resolve_btfids runs a second time over the finished module. It has no packages.
	Incremental = "incremental"
	// Unpinned is B as it is linked without the wrapper. It has no packages.
	Unpinned = "unpinned"
)

// Built builds what is not in the cache yet and gives the folder of a build, with
// bzImage, config, Module.symvers and modules/*.ko as they were linked, and of a
// release packages/*.deb and log.
func Built(tb testing.TB, build string) string {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), filepath.Join(realtest.Root(), "testdata/real/smallkernel.sh"), "-c", realtest.Cache(), realtest.Binary(tb))
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		tb.Fatalf("smallkernel.sh: %v\n%s", err, complaint.String())
	}
	return filepath.Join(strings.TrimSpace(string(out)), build)
}

// Modules are the unpacked modules of a build, by path.
func Modules(tb testing.TB, build string) []string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(Built(tb, build), "modules/*.ko"))
	if err != nil || len(found) == 0 {
		tb.Fatalf("%s: no modules, %v", build, err)
	}
	return found
}

// Committed is the manifest of A, with its base and references beside it.
func Committed(tb testing.TB) string { return filepath.Join(Built(tb, PinnedA), "abi/6.1-small.json") }

// Package is the one package of a release whose name begins so: "linux-image-".
func Package(tb testing.TB, release, prefix string) string {
	tb.Helper()
	found, err := filepath.Glob(filepath.Join(Built(tb, release), "packages", prefix+"*.deb"))
	if err != nil || len(found) != 1 {
		tb.Fatalf("%s: %q, %v", release, found, err)
	}
	return found[0]
}
