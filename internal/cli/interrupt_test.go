package cli_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
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
				in, err := cmd.StdinPipe() // open, and nothing comes
				if err != nil {
					t.Fatal(err)
				}
				defer in.Close()
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
