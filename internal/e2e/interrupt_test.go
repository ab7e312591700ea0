//go:build e2e

package e2e

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

// An interrupt in the middle of a package ends the program within a second,
// with the code of the signal and nothing left behind.
func TestInterrupted(t *testing.T) {
	deb := realtest.Deb(t, realtest.PairANew)
	for _, c := range []struct {
		signal os.Signal
		code   int
	}{{syscall.SIGINT, model.ExitInterrupted}, {syscall.SIGTERM, model.ExitTerminated}} {
		dir := t.TempDir()
		var complaint strings.Builder
		cmd := exec.Command(realtest.Binary(t), "record", deb, "-o", filepath.Join(dir, "out.json"))
		cmd.Stderr = &complaint
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(700 * time.Millisecond)
		start := time.Now()
		if err := cmd.Process.Signal(c.signal); err != nil {
			t.Fatal(err)
		}
		err := cmd.Wait()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != c.code {
			t.Errorf("%v: %v, want exit %d\n%s", c.signal, err, c.code, complaint.String())
		}
		if d := time.Since(start); d > 5*time.Second { // a second on a machine of its own
			t.Errorf("%v: ended after %v", c.signal, d)
		}
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("%v: left behind %v", c.signal, left)
		}
	}
}
