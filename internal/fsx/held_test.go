package fsx_test

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	. "kpkg-btf/internal/fsx"
)

// A process that is killed while it writes leaves its temporary file; the next
// run in that folder removes it, and leaves alone what another run is writing.
func TestKilledRunsAreSweptAway(t *testing.T) {
	if dir := os.Getenv("FSX_TEST_WRITE_AND_WAIT"); dir != "" {
		WriteFile(filepath.Join(dir, "child"), 0o644, func(w io.Writer) error {
			os.Stdout.WriteString("ready\n")
			io.Copy(io.Discard, os.Stdin)
			return nil
		}, nil, Options{})
		return
	}
	dir := t.TempDir()
	start := func() (*exec.Cmd, io.WriteCloser) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledRunsAreSweptAway$")
		cmd.Env = append(os.Environ(), "FSX_TEST_WRITE_AND_WAIT="+dir)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(out, make([]byte, len("ready\n"))); err != nil {
			t.Fatal(err)
		}
		return cmd, in
	}
	killed, _ := start()
	killed.Process.Kill()
	killed.Wait()
	if n := len(temps(t, dir)); n != 1 {
		t.Fatalf("a killed run left %d temporary files, want 1", n)
	}
	living, in := start() // removes the other's
	if n := len(temps(t, dir)); n != 1 {
		t.Fatalf("%d temporary files beside a run at work, want its own", n)
	}
	if err := WriteFile(filepath.Join(dir, "ours"), 0o644, func(io.Writer) error { return nil }, nil, Options{}); err != nil {
		t.Fatal(err)
	}
	if n := len(temps(t, dir)); n != 1 {
		t.Fatalf("%d temporary files: what a run is writing must stay", n)
	}
	in.Close()
	if err := living.Wait(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "child")); err != nil || len(temps(t, dir)) != 0 {
		t.Errorf("the run at work did not finish: %v, %v", err, temps(t, dir))
	}
}

func temps(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, TempPrefix+"*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestTempFolder(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	left := filepath.Join(os.TempDir(), FolderPrefix+"left")
	other := filepath.Join(os.TempDir(), "kpkg-btf-of-somebody")
	for _, d := range []string{left, other} {
		if err := os.MkdirAll(filepath.Join(d, "sub"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	one, removeOne, err := TempFolder()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err == nil {
		t.Error("a folder that nobody holds is still there")
	}
	two, removeTwo, err := TempFolder()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{one, two, other} {
		if _, err := os.Stat(d); err != nil {
			t.Error(err)
		}
	}
	removeOne()
	removeTwo()
	list, err := os.ReadDir(os.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		if strings.HasPrefix(e.Name(), FolderPrefix) {
			t.Errorf("%s is still there", e.Name())
		}
	}
}

// Runs that begin at once sweep each other's new folders before they are locked:
// each gets one all the same, which is there until it is done.
func TestTempFoldersAtOnce(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	var runs sync.WaitGroup
	for range 8 {
		runs.Go(func() {
			for range 60 {
				dir, remove, err := TempFolder()
				if err != nil {
					t.Error(err)
					return
				}
				if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
					t.Error(err)
				}
				remove()
			}
		})
	}
	runs.Wait()
}
