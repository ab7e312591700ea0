package fsx_test

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	. "kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

func writes(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

// list returns the names in a directory.
func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func content(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	seen := ""
	verify := func(r io.ReaderAt, size int64) error {
		b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
		seen = string(b)
		if names := list(t, dir); slices.Contains(names, "out") {
			t.Errorf("out is there before it is verified: %q", names)
		}
		return err
	}
	if err := WriteFile(path, 0o640, writes("hello"), verify, Options{}); err != nil {
		t.Fatal(err)
	}
	fi, err := os.Lstat(path)
	if err != nil || fi.Mode() != 0o640 || content(t, path) != "hello" || seen != "hello" {
		t.Errorf("%v, %v, verified %q", fi.Mode(), err, seen)
	}
	if names := list(t, dir); len(names) != 1 {
		t.Errorf("left behind: %q", names)
	}
	err = WriteFile(path, 0o640, writes("new"), nil, Options{})
	if where.KindOf(err) != where.Usage || !strings.Contains(where.HintOf(err), "-f") || content(t, path) != "hello" {
		t.Errorf("over an old file: %v", err)
	}
	if err := WriteFile(path, 0o600, writes("new"), nil, Options{Force: true}); err != nil || content(t, path) != "new" {
		t.Errorf("over an old file, forced: %v", err)
	}
	if err := WriteFile(filepath.Join(dir, "empty"), 0o600, writes(""), nil, Options{}); err != nil || content(t, filepath.Join(dir, "empty")) != "" {
		t.Errorf("an empty file: %v", err)
	}
}

func TestRefusedTargets(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(os.WriteFile(at("input"), []byte("precious"), 0o600))
	must(os.Symlink("input", at("link")))
	must(os.Symlink("nowhere", at("dangling")))
	must(os.Link(at("input"), at("hardlink")))
	must(os.Mkdir(at("folder"), 0o700))
	must(syscall.Mkfifo(at("fifo"), 0o600))
	fi, err := os.Stat(at("input"))
	must(err)
	id, ok := Identity(fi)
	if !ok {
		t.Fatal("no identity")
	}
	before := list(t, dir)
	for path, want := range map[string]string{
		at("input"): "one of the inputs", at("hardlink"): "one of the inputs", at("link"): "a symbolic link",
		at("dangling"): "a symbolic link", at("folder"): "a directory", at("fifo"): "a FIFO",
		at("folder") + "/": "not the name of a file", "": "not the name of a file", "..": "not the name of a file",
		"/dev/null": "a device",
	} {
		for _, force := range []bool{false, true} {
			opts := Options{Force: force, Inputs: []ID{{}, id}}
			called := false
			err := WriteFile(path, 0o600, func(io.Writer) error { called = true; return nil }, nil, opts)
			if where.KindOf(err) != where.Usage || !strings.Contains(err.Error(), want) || called {
				t.Errorf("%q, force %v: %v, written %v", path, force, err, called)
			}
			if err := Probe(path, opts); where.KindOf(err) != where.Usage {
				t.Errorf("probe of %q, force %v: %v", path, force, err)
			}
		}
	}
	if err := WriteFile(at("no/out"), 0o600, writes(""), nil, Options{}); where.KindOf(err) != where.IO || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("in no directory: %v", err)
	}
	if after := list(t, dir); !slices.Equal(before, after) || content(t, at("input")) != "precious" {
		t.Errorf("before %q, after %q", before, after)
	}
}

func TestFailingCallbacks(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	bad := where.New(where.Malformed, "bad")
	if err := WriteFile(path, 0o600, func(w io.Writer) error { io.WriteString(w, "x"); return bad }, nil, Options{}); where.KindOf(err) != where.Malformed {
		t.Errorf("write: %v", err)
	}
	verify := func(io.ReaderAt, int64) error { return bad }
	if err := WriteFile(path, 0o600, writes("x"), verify, Options{}); where.KindOf(err) != where.Malformed || !strings.HasPrefix(err.Error(), path+": ") {
		t.Errorf("verify: %v", err)
	}
	func() {
		defer func() { recover() }()
		WriteFile(path, 0o600, func(io.Writer) error { panic("x") }, nil, Options{})
	}()
	if names := list(t, dir); len(names) != 0 {
		t.Errorf("left behind: %q", names)
	}
}

// What others do in the directory while we write.
func TestMeddling(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	temp := func() string {
		for _, n := range list(t, dir) {
			if strings.HasPrefix(n, TempPrefix) {
				return filepath.Join(dir, n)
			}
		}
		t.Fatal("no temporary file")
		return ""
	}
	tests := map[string]struct {
		do   func()
		want string
	}{
		"made meanwhile": {func() { os.WriteFile(path, []byte("theirs"), 0o600) }, "exists"},
		"temp replaced": {func() {
			n := temp()
			os.Rename(n, n+"x")
			os.WriteFile(n, []byte("hello"), 0o600)
			os.Remove(n + "x")
		}, "replaced by another process"},
		"temp linked":  {func() { n := temp(); os.Remove(n); os.Symlink("/etc/passwd", n) }, "open"},
		"temp removed": {func() { os.Remove(temp()) }, "no such file"},
		"temp cut":     {func() { os.Truncate(temp(), 3) }, "are there"},
	}
	for name, tt := range tests {
		os.Remove(path)
		err := WriteFile(path, 0o600, func(w io.Writer) error {
			_, err := w.Write(make([]byte, 1<<20))
			tt.do()
			return err
		}, nil, Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
		if b, err := os.ReadFile(path); err == nil && string(b) != "theirs" {
			t.Errorf("%s: out is there: %d bytes", name, len(b))
		}
	}
}

// A change of the bytes between write and read is seen without a verify.
func TestReadBackCompares(t *testing.T) {
	dir := t.TempDir()
	err := WriteFile(filepath.Join(dir, "out"), 0o600, func(w io.Writer) error {
		if _, err := w.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		f, err := os.OpenFile(filepath.Join(dir, list(t, dir)[0]), os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = f.WriteAt([]byte{1}, 4000)
		return err
	}, nil, Options{})
	if err == nil || !strings.Contains(err.Error(), "read back") || len(list(t, dir)) != 0 {
		t.Errorf("%v, left %q", err, list(t, dir))
	}
}

// Each operation fails once: the old file is intact or the new one complete,
// and no temporary file stays.
func TestEveryFault(t *testing.T) {
	for _, force := range []bool{false, true} {
		steps := publishWith(t, &faultFS{}, force, false)
		if len(steps) < 12 {
			t.Fatalf("only %d steps: %q", len(steps), steps)
		}
		for _, errno := range []error{syscall.ENOSPC, syscall.EIO, syscall.EDQUOT, syscall.EROFS} {
			for i := range steps {
				publishWith(t, &faultFS{fail: i + 1, err: errno}, force, false)
			}
		}
		for i := range steps {
			publishWith(t, &faultFS{fail: i + 1, err: syscall.EIO, dead: true}, force, true)
		}
	}
}

// publishWith writes over an old file (force) or none and checks what is present
// afterwards. killed allows a temporary file: nobody was left to remove it.
func publishWith(t *testing.T, f *faultFS, force, killed bool) []string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	old := ""
	if force {
		old = "old"
		if err := os.WriteFile(path, []byte(old), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	fresh := strings.Repeat("new", 200<<10)
	err := WriteFile(path, 0o600, writes(fresh), nil, Options{Force: force, FS: f, Size: int64(len(fresh))})
	last := f.ops[min(max(f.fail-1, 0), len(f.ops)-1)]
	name := fmt.Sprintf("force %v, fault %v at %d (%s), killed %v", force, f.err, f.fail, last, killed)
	got := ""
	if b, err := os.ReadFile(path); err == nil {
		got = string(b)
	}
	switch {
	case f.fail == 0:
		if err != nil || got != fresh {
			t.Fatalf("%s: %v", name, err)
		}
	case last == "syncdir":
		if where.KindOf(err) != where.IO || got != fresh {
			t.Errorf("%s: %v", name, err)
		}
	case f.n < f.fail:
		t.Errorf("%s: fault not reached", name)
	case err == nil && got != fresh:
		t.Errorf("%s: no error and no new file", name)
	case err != nil && got != old:
		t.Errorf("%s: %v, but the target has %d bytes", name, err, len(got))
	case err != nil && where.KindOf(err) != where.IO:
		t.Errorf("%s: kind %v: %v", name, where.KindOf(err), err)
	}
	if err != nil && errors.Is(f.err, syscall.ENOSPC) && (last == "write" || last == "sync" || last == "create") &&
		!strings.Contains(err.Error(), "no space writing out (need 1 MiB, free ") {
		t.Errorf("%s: %v", name, err)
	}
	for _, n := range list(t, dir) {
		if n != "out" && !killed && last != "remove" {
			t.Errorf("%s: %s stays", name, n)
		}
	}
	return slices.Clone(f.ops)
}

func TestProbe(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	if err := Probe(path, Options{Size: 1}); err != nil {
		t.Error(err)
	}
	full := func(io.Writer) error { return nil }
	err := WriteFile(path, 0o600, full, nil, Options{FS: &faultFS{fail: 5, err: syscall.ENOSPC}})
	if err == nil || !strings.Contains(err.Error(), "no space writing out (need unknown, free 3 MiB): no space left on device") {
		t.Errorf("no space for nothing: %v", err)
	}
	err = Probe(path, Options{Size: 5<<20 - 1, FS: &faultFS{}})
	if where.KindOf(err) != where.IO || !strings.Contains(err.Error(), "no space writing out (need 5 MiB, free 3 MiB)") {
		t.Errorf("no space: %v", err)
	}
	for _, errno := range []error{syscall.EROFS, syscall.EACCES, syscall.EDQUOT} {
		err := Probe(path, Options{FS: &faultFS{fail: 3, err: errno}})
		if where.KindOf(err) != where.IO || !errors.Is(err, errno) {
			t.Errorf("%v: %v", errno, err)
		}
	}
	if names := list(t, dir); len(names) != 0 {
		t.Errorf("left behind: %q", names)
	}
}

// Without -f one of many writers wins; with it each result is whole.
func TestManyWriters(t *testing.T) {
	for _, force := range []bool{false, true} {
		dir := t.TempDir()
		path := filepath.Join(dir, "out")
		var won, lost int
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				err := WriteFile(path, 0o600, writes(strings.Repeat(string(rune('a'+i)), 100<<10)), nil, Options{Force: force})
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won++
				} else if where.KindOf(err) == where.Usage {
					lost++
				} else {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if !force && won != 1 || force && won != 8 || won+lost != 8 {
			t.Errorf("force %v: %d won, %d lost", force, won, lost)
		}
		got := content(t, path)
		if len(got) != 100<<10 || strings.Trim(got, got[:1]) != "" || len(list(t, dir)) != 1 {
			t.Errorf("force %v: %d bytes of several writers, %q", force, len(got), list(t, dir))
		}
	}
}

// The fallback of file systems without RENAME_NOREPLACE.
func TestLinkInto(t *testing.T) {
	dir := t.TempDir()
	d, err := OS{}.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for _, n := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte(n), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := LinkInto(d, "a", "b"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over a file: %v", err)
	}
	if err := LinkInto(d, "a", "c"); err != nil || !slices.Equal(list(t, dir), []string{"b", "c"}) {
		t.Errorf("%v: %q", err, list(t, dir))
	}
}
