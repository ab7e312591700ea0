package cli_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// program runs this test's binary as kpkg-btf.
func program(t *testing.T, dir string, args ...string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "kpkg-btf")
	if err := os.Symlink(exe, bin); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(bin, args...)
	cmd.Dir = dir
	return cmd
}

// Every command that waits in a read of something that never comes ends within
// a second of a signal, with the signal's code and nothing left behind.
func TestSignalsEndBlockingReads(t *testing.T) {
	reads := map[string][]string{
		"explain standard input": {"explain"},
		"explain at a terminal":  {"explain"},
		"explain log":            {"explain", "--log", "fifo"},
		"policy":                 {"check", "--policy", "fifo", "tree"},
		"policy lint":            {"policy", "lint", "fifo"},
		"list":                   {"check", "@fifo"},
		"decide":                 {"decide", "fifo"},
		"report":                 {"report", "fifo"},
		"apply decision":         {"apply", "fifo", "tree"},
		"references":             {"check", "tree", "--refs", "fifo"},
		"input":                  {"inspect", "fifo"},
		"against":                {"check", "tree", "--against", "fifo"},
		"key":                    {"apply", "--action", "strip", "--resign", "fifo", "tree"},
	}
	for name, args := range reads {
		for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run(name+"/"+unix.SignalName(sig), func(t *testing.T) {
				t.Parallel()
				dir := t.TempDir()
				if err := unix.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
					t.Fatal(err)
				}
				if err := os.MkdirAll(filepath.Join(dir, "tree/lib/modules/1.0.0"), 0o755); err != nil {
					t.Fatal(err)
				}
				cmd := program(t, dir, args...)
				var stderr bytes.Buffer
				cmd.Stderr = &stderr
				if strings.HasSuffix(name, "terminal") {
					cmd.Stdin = terminal(t)
				} else if _, err := cmd.StdinPipe(); err != nil { // open, and nothing comes
					t.Fatal(err)
				}
				if err := cmd.Start(); err != nil {
					t.Fatal(err)
				}
				ended := make(chan error, 1)
				go func() { ended <- cmd.Wait() }()
				select {
				case err := <-ended:
					// A FIFO that is refused at once need not be interrupted.
					var exit *exec.ExitError
					if !errors.As(err, &exit) || exit.ExitCode() < 1 || exit.ExitCode() == 3 || stderr.Len() == 0 {
						t.Fatalf("ended by itself: %v, %s", err, stderr.String())
					}
					return
				case <-time.After(time.Second):
				}
				begin := time.Now()
				if err := cmd.Process.Signal(sig); err != nil {
					t.Fatal(err)
				}
				select {
				case <-ended:
				case <-time.After(10 * time.Second):
					cmd.Process.Kill()
					<-ended
					t.Fatalf("still running 10 s after %v", sig)
				}
				if took := time.Since(begin); took > 3*time.Second { // a second, and what a loaded machine takes
					t.Errorf("ended %v after %v", took, sig)
				}
				if got, want := cmd.ProcessState.ExitCode(), 128+int(sig); got != want {
					t.Errorf("exit code %d, want %d: %s", got, want, stderr.String())
				}
				list, err := os.ReadDir(dir)
				if err != nil {
					t.Fatal(err)
				}
				if len(list) != 2 {
					t.Errorf("left behind: %v", list)
				}
			})
		}
	}
}

// terminal is one at which nobody types.
func terminal(t *testing.T) *os.File {
	t.Helper()
	keys, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { keys.Close() })
	if err := unix.IoctlSetPointerInt(int(keys.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(keys.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tty.Close() })
	return tty
}

// A result that nobody could get is a failure.
func TestStandardOutputThatTakesNothing(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	for _, args := range [][]string{{"version"}, {"policy", "print"}, {"help"}, {"schema", "manifest"}, {"completion", "bash"}} {
		cmd := program(t, t.TempDir(), args...)
		var stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = full, &stderr
		cmd.Run()
		if cmd.ProcessState.ExitCode() != 1 || stderr.Len() == 0 {
			t.Errorf("%v: exit code %d, %q", args, cmd.ProcessState.ExitCode(), stderr.String())
		}
	}
}
