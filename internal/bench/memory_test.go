//go:build bench || long

package bench

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

// A release with more module BTF than any other, 307 MB: everything that Debian's
// packages have of it.
const older72 = "7.2.11+deb13-amd64=7.2.11-1~bpo13+1"

func set72(t *testing.T, version string) (debs []string) {
	for _, kind := range []string{"base", "binary", "modules"} {
		debs = append(debs, realtest.Deb(t, "trixie-backports/linux-"+kind+"-"+version))
	}
	return debs
}

// promised is the most that any set of inputs may take, in MiB.
const promised = 512

// within runs the tool once and holds it to a peak of most MiB. It must end with
// one of codes.
func within(t *testing.T, what string, most int64, codes []int, args ...string) {
	t.Helper()
	cmd := exec.Command(realtest.Binary(t), args...)
	var complaint strings.Builder
	cmd.Stdout, cmd.Stderr = io.Discard, &complaint
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || !slices.Contains(codes, cmd.ProcessState.ExitCode()) {
		t.Fatalf("%s: %v\n%s", what, err, complaint.String())
	}
	peak := cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss >> 10
	cpu := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	fmt.Printf("%-34s cpu %.1f s, peak %d MiB\n", what, cpu.Seconds(), peak)
	if peak > most {
		t.Errorf("%s: peak %d MiB, at most %d allowed, %d promised", what, peak, most, promised)
	}
}

// Recording a release whose module BTF alone is 307 MB, with its references.
func TestMemoryOfRecord72(t *testing.T) {
	dir := t.TempDir()
	args := append([]string{"record"}, set72(t, older72)...)
	within(t, "record 7.2 with references", promised, []int{model.ExitDone}, append(args, "-o", filepath.Join(dir, "m.json"), "--refs", filepath.Join(dir, "m.refs"))...)
}

// Three releases of 6.1 in one run: one judged against two.
func TestMemoryOfThree61(t *testing.T) {
	args := []string{"check", realtest.Deb(t, realtest.PairANew)}
	for _, spec := range []string{realtest.PairAOld, realtest.PairCOld} {
		args = append(args, "--against", realtest.Deb(t, spec))
	}
	within(t, "check three of 6.1", promised, []int{model.ExitDone, model.ExitBump, model.ExitInconclusive}, append(args, "--as-if-same-release")...)
}
