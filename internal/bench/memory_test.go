//go:build bench

package bench

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

// The two releases with the most module BTF, 307 MB a side: everything that
// Debian's packages have of them.
const (
	older72 = "7.2.11+deb13-amd64=7.2.11-1~bpo13+1"
	newer72 = "7.2.12+deb13-amd64=7.2.12-1~bpo13+1"
)

func set72(t *testing.T, version string) (debs []string) {
	for _, kind := range []string{"base", "binary", "modules"} {
		debs = append(debs, realtest.Deb(t, "trixie-backports/linux-"+kind+"-"+version))
	}
	return debs
}

// within runs the tool once and holds it to the promise of memory. It must end
// with one of codes.
func within(t *testing.T, what string, codes []int, args ...string) {
	t.Helper()
	cmd := exec.Command(realtest.Binary(t), args...)
	var complaint strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &complaint
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || !slices.Contains(codes, cmd.ProcessState.ExitCode()) {
		t.Fatalf("%s: %v\n%s", what, err, complaint.String())
	}
	const most = 512 << 20
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss << 10
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	fmt.Printf("%-34s cpu %.1f s, peak %d MiB\n", what, cpu.Seconds(), peak>>20)
	if peak > most {
		t.Errorf("%s: peak %d MiB, promised: at most %d", what, peak>>20, most>>20)
	}
}

// Recording a release whose module BTF alone is 307 MB, with its references.
func TestMemoryOfRecord72(t *testing.T) {
	dir := t.TempDir()
	args := append([]string{"record"}, set72(t, older72)...)
	within(t, "record 7.2 with references", []int{model.ExitDone}, append(args, "-o", filepath.Join(dir, "m.json"), "--refs", filepath.Join(dir, "m.refs"))...)
}

// Two such releases in one run, 606 MiB when this was written: the promise is not
// kept yet. The answer is a bump: another key signed the modules.
func TestMemoryOfPair72(t *testing.T) {
	older := filepath.Join(t.TempDir(), "older")
	if err := os.WriteFile(older, []byte(strings.Join(set72(t, older72), "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"check"}, set72(t, newer72)...)
	within(t, "check 7.2 against 7.2", []int{model.ExitBump}, append(args, "--against", "@"+older, "--as-if-same-release")...)
}

// Three releases of 6.1 in one run: one judged against two.
func TestMemoryOfThree61(t *testing.T) {
	args := []string{"check", realtest.Deb(t, realtest.PairANew)}
	for _, spec := range []string{realtest.PairAOld, realtest.PairCOld} {
		args = append(args, "--against", realtest.Deb(t, spec))
	}
	within(t, "check three of 6.1", []int{model.ExitDone, model.ExitBump, model.ExitInconclusive}, append(args, "--as-if-same-release")...)
}
