package repair

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/fsx/fsxtest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release/releasetest"
)

// faulty is a file system of which operation number at fails; with dead set
// all later ones do too and are not done, which is what a killed process
// leaves behind. kill ends the process there for real.
type faulty struct {
	fsxtest.Intercept
	mu   sync.Mutex
	at   int
	err  error
	dead bool
	kill bool
	n    int
	op   string // that failed
}

func newFaulty(at int, err error) *faulty {
	f := &faulty{at: at, err: err}
	f.Intercept = fsxtest.Intercept{FS: fsx.OS{}, Before: f.before}
	return f
}

func (f *faulty) before(op string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.n++
	if f.n == f.at {
		f.op = op
		if f.kill {
			syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {}
		}
	}
	if f.n == f.at || f.dead && f.at > 0 && f.n > f.at {
		return &fs.PathError{Op: op, Path: "x", Err: f.err}
	}
	return nil
}

// rehearsed plans and rehearses; publishing can then be tried many times.
func rehearsed(t *testing.T, o Options) *job {
	t.Helper()
	j := &job{o: o, out: &model.Repair{}}
	for _, step := range []func() error{func() error { return j.plan(t.Context()) }, func() error { return j.place(t.Context()) }, func() error { return j.rehearse(t.Context()) }} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	return j
}

// publishWith publishes what was rehearsed on another file system.
func (j *job) publishWith(t *testing.T, f fsx.FS) error {
	t.Helper()
	k := &job{o: j.o, out: &model.Repair{}, items: j.items, order: j.order, links: j.links, before: j.before}
	k.o.FS = f
	if err := k.place(t.Context()); err != nil {
		return err
	}
	return k.publish(t.Context())
}

var errnos = []syscall.Errno{syscall.ENOSPC, syscall.EIO, syscall.EROFS}

// everyFault runs try with a fault at every step-th operation there is: an error, of
// three kinds in turn, and the end of the process. It wants at least some
// operations.
func everyFault(t *testing.T, step, least int, try func(t *testing.T, f *faulty, name string)) {
	t.Helper()
	for _, dead := range []bool{false, true} {
		total := 0
		for at := 1; !t.Failed(); at += step {
			f := newFaulty(at, errnos[at%len(errnos)])
			f.dead = dead
			try(t, f, fmt.Sprintf("%v at %d (killed: %v)", f.err, at, dead))
			if total = f.n; f.op == "" {
				break
			}
		}
		if total < least {
			t.Errorf("only %d operations", total)
		}
	}
}

// A module that fails stops the run, but not what is under way: a program that
// was killed for it is not what is reported, and the first in order is.
func TestFirstFault(t *testing.T) {
	files := kernelFiles(t, 8, releasetest.Kernel{})
	delete(files, "usr/lib/modules/"+rel+"/kernel/drivers/m00.ko") // m01.ko.xz takes longest
	o := stripping(t, tree(t, files))
	o.Jobs = 4
	j := rehearsed(t, o)
	for range 8 {
		err := j.publishWith(t, &fsxtest.Intercept{FS: fsx.OS{}, Before: func(op string) error {
			if op == "create" {
				return &fs.PathError{Op: op, Path: "x", Err: syscall.EROFS}
			}
			return nil
		}})
		if err == nil || !strings.Contains(err.Error(), "m01.ko.xz") || !strings.Contains(err.Error(), "read-only file system") {
			t.Fatal(err)
		}
	}
}

// TestTreeFaults: 20 modules in every format; whatever fails, and wherever the
// run is killed, each file is the old one or the new one, whole.
func TestTreeFaults(t *testing.T) {
	files := kernelFiles(t, 20, releasetest.Kernel{})
	dir := tree(t, files)
	o := stripping(t, dir)
	o.Jobs = 1
	j := rehearsed(t, o)
	if err := j.publishWith(t, fsx.OS{}); err != nil {
		t.Fatal(err)
	}
	done := contents(t, dir)
	n := 0
	everyFault(t, faultStep, 300, func(t *testing.T, f *faulty, name string) {
		restore(t, dir, files)
		err := j.publishWith(t, f)
		if err == nil && f.op != "" && f.op != "close" && f.op != "remove" {
			t.Errorf("%s (%s): no error", name, f.op)
		}
		oldOrNew(t, name+" ("+f.op+")", dir, files, done, f.dead || f.op == "remove")
		if n++; n%50 != 0 {
			return
		}
		if _, err := Run(t.Context(), o); err != nil {
			t.Errorf("%s: the next run: %v", name, err)
		}
		oldOrNew(t, name+" and a second run", dir, done, done, false)
	})
}

// oldOrNew wants every file to be one of two, and no other file unless
// leftovers may be there.
func oldOrNew(t *testing.T, name, dir string, before, after map[string][]byte, leftovers bool) {
	t.Helper()
	now := contents(t, dir)
	for path, b := range now {
		if _, ok := before[path]; !ok {
			if !leftovers || !strings.HasSuffix(path, ".tmp") {
				t.Errorf("%s: %s is left", name, path)
			}
			continue
		}
		if !bytes.Equal(b, before[path]) && !bytes.Equal(b, after[path]) {
			t.Errorf("%s: %s is neither the old file nor the new one", name, path)
		}
	}
	for path := range before {
		if _, ok := now[path]; !ok {
			t.Errorf("%s: %s is gone", name, path)
		}
	}
}

// TestPackageFaults: the input stays what it was, and the output is complete
// or not there.
func TestPackageFaults(t *testing.T) {
	data := deb(t, kernelFiles(t, 20, releasetest.Kernel{}))
	in := save(t, "linux-image.deb", data)
	o := stripping(t, in)
	o.Jobs, o.Out = 1, filepath.Join(fastDir(t), "out.deb")
	j := rehearsed(t, o)
	if err := j.publishWith(t, fsx.OS{}); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	everyFault(t, (faultStep+5)/6, 15, func(t *testing.T, f *faulty, name string) {
		os.Remove(o.Out)
		err := j.publishWith(t, f)
		now, rerr := os.ReadFile(o.Out)
		if rerr == nil && !bytes.Equal(now, whole) {
			t.Errorf("%s (%s): an output of %d bytes, not %d", name, f.op, len(now), len(whole))
		}
		if rerr != nil && err == nil {
			t.Errorf("%s (%s): no output and no error", name, f.op)
		}
		if b, _ := os.ReadFile(in); !bytes.Equal(b, data) {
			t.Errorf("%s (%s): the input changed", name, f.op)
		}
		entries, _ := os.ReadDir(filepath.Dir(o.Out))
		for _, e := range entries {
			if path := filepath.Join(filepath.Dir(o.Out), e.Name()); path != o.Out {
				if !f.dead && f.op != "remove" {
					t.Errorf("%s (%s): %s is left", name, f.op, e.Name())
				}
				os.Remove(path)
			}
		}
	})
}

const childEnv = "REPAIR_TEST_KILL"

// TestKilled kills whole processes at operations spread over a run, and
// finishes each time with the next one.
func TestKilled(t *testing.T) {
	if word := os.Getenv(childEnv); word != "" {
		at, dir, _ := strings.Cut(word, ":")
		n, _ := strconv.Atoi(at)
		o := stripping(t, dir)
		f := newFaulty(n, syscall.EIO)
		f.kill = true
		o.FS = f
		if _, err := Run(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		return
	}
	files := kernelFiles(t, 8, releasetest.Kernel{})
	dir := tree(t, files)
	if _, err := Run(t.Context(), stripping(t, dir)); err != nil {
		t.Fatal(err)
	}
	done := contents(t, dir)
	killed := 0
	for at := 3; at < 200; at += 7 + faultStep {
		restore(t, dir, files)
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		cmd.Env = append(os.Environ(), childEnv+"="+strconv.Itoa(at)+":"+dir)
		if out, err := cmd.CombinedOutput(); err != nil {
			if ws, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); !ok || ws.Signal() != syscall.SIGKILL {
				t.Fatalf("%v\n%s", err, out)
			}
			killed++
		}
		oldOrNew(t, fmt.Sprintf("killed at %d", at), dir, files, done, true)
		if _, err := Run(t.Context(), stripping(t, dir)); err != nil {
			t.Errorf("killed at %d: the next run: %v", at, err)
		}
		oldOrNew(t, fmt.Sprintf("killed at %d and a second run", at), dir, done, done, false)
	}
	if killed < 5 {
		t.Errorf("only %d runs were killed", killed)
	}
}
