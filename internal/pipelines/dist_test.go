//go:build pipelines

package pipelines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"kpkg-btf/internal/realtest"
)

// distTarball is the source that `make dist` makes, once a run.
var distTarball = sync.OnceValues(func() (string, error) {
	if out, err := exec.Command("make", "-s", "-C", realtest.Root(), "dist").CombinedOutput(); err != nil {
		return "", fmt.Errorf("make dist: %w\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(realtest.Root(), "dist/kpkg-btf_*.orig.tar.xz"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("%v %w", found, err)
	}
	return found[0], nil
})

// offline is an environment in which Go fetches nothing, with the build cache
// of this machine, which debhelper's own HOME would hide.
func offline() []string {
	cache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		panic(err)
	}
	return append(os.Environ(), "GOCACHE="+string(cache[:len(cache)-1]), "GOPROXY=off")
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
