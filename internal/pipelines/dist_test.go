//go:build pipelines

package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kpkg-btf/internal/realtest"
)

var makeDist = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("make", "-s", "-C", realtest.Root(), "dist").CombinedOutput()
	return string(out), err
})

// distTarball is the source that `make dist` makes, once a run.
func distTarball(t *testing.T) string {
	t.Helper()
	if out, err := makeDist(); err != nil {
		t.Fatalf("make dist: %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(realtest.Root(), "dist/kpkg-btf_*.orig.tar.xz"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v %v", found, err)
	}
	return found[0]
}

// offline is an environment in which Go fetches nothing, with the build cache
// of this machine.
func offline(t *testing.T) []string {
	t.Helper()
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "GOCACHE="+strings.TrimSpace(string(cache)), "GOPROXY=off")
}

// output runs a program that must succeed.
func output(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", args, err, out)
	}
	return string(out)
}
