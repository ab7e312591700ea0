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
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	. "kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

var long = time.Date(2019, 5, 6, 7, 8, 9, 123456789, time.UTC)

// oldFile writes a file with a mode, time and attribute of its own.
func oldFile(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o4755); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setxattr(path, "user.origin", []byte("here"), 0); err != nil {
		t.Logf("no attributes here: %v", err)
	}
	if os.Getuid() == 0 {
		if err := os.Chown(path, 12, 34); err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, 0o4755) // chown clears it
	}
	if err := os.Chtimes(path, long, long); err != nil {
		t.Fatal(err)
	}
	return stat(t, path)
}

func stat(t *testing.T, path string) fs.FileInfo {
	t.Helper()
	fi, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	return fi
}

func attribute(path string) string {
	buf := make([]byte, 100)
	n, err := unix.Getxattr(path, "user.origin", buf)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}

// sameDress compares everything but content and inode.
func sameDress(t *testing.T, path string, was fs.FileInfo, attr string) {
	t.Helper()
	is := stat(t, path)
	a, b := was.Sys().(*syscall.Stat_t), is.Sys().(*syscall.Stat_t)
	if is.Mode() != was.Mode() || !is.ModTime().Equal(was.ModTime()) || a.Uid != b.Uid || a.Gid != b.Gid || attribute(path) != attr {
		t.Errorf("%s: %v %v %d:%d %q, was %v %v %d:%d %q", path, is.Mode(), is.ModTime(), b.Uid, b.Gid, attribute(path),
			was.Mode(), was.ModTime(), a.Uid, a.Gid, attr)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.ko")
	was := oldFile(t, path)
	attr := attribute(path)
	if err := Replace(Target{Names: []string{path}, Was: was}, writes("new content"), nil, Options{}); err != nil {
		t.Fatal(err)
	}
	if content(t, path) != "new content" || len(list(t, dir)) != 1 {
		t.Errorf("%q in %q", content(t, path), list(t, dir))
	}
	sameDress(t, path, was, attr)
	epoch := long.Add(-time.Hour)
	if err := Replace(Target{Names: []string{path}, Was: stat(t, path), Latest: epoch}, writes("third"), nil, Options{}); err != nil || !stat(t, path).ModTime().Equal(epoch) {
		t.Errorf("%v, %v", stat(t, path).ModTime(), err)
	}
}

// Hard links in two folders move together, and are one file afterwards.
func TestReplaceHardLinks(t *testing.T) {
	dir := t.TempDir()
	one, two := filepath.Join(dir, "a", "m.ko"), filepath.Join(dir, "b", "n.ko")
	for _, p := range []string{one, two} {
		if err := os.Mkdir(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	oldFile(t, one)
	if err := os.Link(one, two); err != nil {
		t.Fatal(err)
	}
	was := stat(t, one)
	err := Replace(Target{Names: []string{one}, Was: was}, writes("new"), nil, Options{})
	if where.KindOf(err) != where.Unsupported || !strings.Contains(err.Error(), "2 names (hard links), 1 of them") || content(t, one) != "old" {
		t.Errorf("one of two names: %v", err)
	}
	if err := Replace(Target{Names: []string{one, two}, Was: was}, writes("new"), nil, Options{}); err != nil {
		t.Fatal(err)
	}
	if content(t, one) != "new" || !os.SameFile(stat(t, one), stat(t, two)) || len(list(t, filepath.Dir(one)))+len(list(t, filepath.Dir(two))) != 2 {
		t.Errorf("%q and %q", content(t, one), content(t, two))
	}
	sameDress(t, one, was, attribute(one))
}

func TestReplaceRefuses(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "m.ko")
	was := oldFile(t, path)
	if err := os.WriteFile(path, []byte("OLD"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := Replace(Target{Names: []string{path}, Was: was}, writes("new"), nil, Options{}); err == nil || !strings.Contains(err.Error(), "changed by another process") {
		t.Errorf("a file that changed: %v", err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink("m.ko", link); err != nil {
		t.Fatal(err)
	}
	if err := Replace(Target{Names: []string{link}, Was: stat(t, link)}, writes("new"), nil, Options{}); where.KindOf(err) != where.Unsupported {
		t.Errorf("a link: %v", err)
	}
	if content(t, path) != "OLD" || len(list(t, dir)) != 2 {
		t.Errorf("%q: %q", list(t, dir), content(t, path))
	}
}

// TestReplaceFaults fails every operation in turn, in three ways: every name
// is the old file or the new one, dressed as it was, nothing is left behind, and
// the next run finishes.
func TestReplaceFaults(t *testing.T) {
	for _, errno := range []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS} {
		for n := 1; ; n++ {
			dir := t.TempDir()
			one, two := filepath.Join(dir, "m.ko"), filepath.Join(dir, "n.ko")
			oldFile(t, one)
			if err := os.Link(one, two); err != nil {
				t.Fatal(err)
			}
			was, attr := stat(t, one), attribute(one)
			f := &faultFS{fail: n, err: errno}
			err := Replace(Target{Names: []string{one, two}, Was: was}, writes("new"), nil, Options{FS: f})
			if f.n < n {
				if n < 25 || err != nil {
					t.Fatalf("only %d operations, %v", f.n, err)
				}
				break
			}
			// Closing a file that was only read loses nothing.
			readOnly := f.ops[n-1] == "close" && f.ops[n-2] != "sync"
			if err == nil && f.ops[n-1] != "remove" && !readOnly {
				t.Errorf("%s %d fails with %v: no error", f.ops[n-1], n, errno)
			}
			for _, p := range []string{one, two} {
				if c := content(t, p); c != "old" && c != "new" {
					t.Errorf("%s %d fails with %v: %q", f.ops[n-1], n, errno, c)
				}
				sameDress(t, p, was, attr)
			}
			finish(t, fmt.Sprintf("%s %d fails with %v", f.ops[n-1], n, errno), dir, one, two)
			sameDress(t, two, was, attr)
		}
	}
}

// finish is the next run after a Replace of a file with two names: both are
// the new file then, and still one.
func finish(t *testing.T, name, dir, one, two string) {
	t.Helper()
	left, err := Leftovers(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	accept := func(r io.ReaderAt, size int64) error {
		b := make([]byte, size)
		if _, err := r.ReadAt(b, 0); err != nil || string(b) != "new" {
			return fmt.Errorf("%q, %v", b, err)
		}
		return nil
	}
	switch torn := content(t, one) != content(t, two); {
	case torn && (len(left) != 1 || !left[0].Replaces("n.ko") || left[0].Replaces("m.ko")):
		t.Fatalf("%s: torn, and left %+v", name, left)
	case torn:
		refuse := func(io.ReaderAt, int64) error { return errors.New("not this one") }
		path := filepath.Join(dir, left[0].Name)
		if err := Resume(Target{Names: []string{two}, Was: stat(t, two)}, path, refuse, Options{}); err == nil || content(t, two) != "old" {
			t.Errorf("%s: verify refuses: %v", name, err)
		}
		err = Resume(Target{Names: []string{two}, Was: stat(t, two)}, path, accept, Options{})
	case len(left) != 0:
		t.Errorf("%s: left %+v", name, left)
	case content(t, one) == "old":
		err = Replace(Target{Names: []string{one, two}, Was: stat(t, one)}, writes("new"), nil, Options{})
	}
	if err != nil {
		t.Fatalf("%s: the next run: %v", name, err)
	}
	if _, err := Sweep(dir, nil); err != nil {
		t.Fatal(err)
	}
	if content(t, two) != "new" || !os.SameFile(stat(t, one), stat(t, two)) || len(list(t, dir)) != 2 {
		t.Errorf("%s: after the next run: %q, %q, %q", name, content(t, one), content(t, two), list(t, dir))
	}
}

// TestResumeFaults: finishing may be interrupted too, and is finished.
func TestResumeFaults(t *testing.T) {
	for n := 1; ; n++ {
		dir := t.TempDir()
		one, two, three := filepath.Join(dir, "m.ko"), filepath.Join(dir, "n.ko"), filepath.Join(dir, "o.ko")
		oldFile(t, two)
		if err := os.Link(two, three); err != nil {
			t.Fatal(err)
		}
		left := filepath.Join(dir, LinkName("n.ko"))
		if err := os.WriteFile(one, []byte("new"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Link(one, left); err != nil {
			t.Fatal(err)
		}
		f := &faultFS{fail: n, err: syscall.EIO, dead: n%2 == 0}
		names := []string{two, three}
		yes := func(io.ReaderAt, int64) error { return nil }
		err := Resume(Target{Names: names, Was: stat(t, two)}, left, yes, Options{FS: f})
		if f.n < n {
			if n < 10 || err != nil {
				t.Fatalf("only %d operations, %v", f.n, err)
			}
			return
		}
		if content(t, two) == "new" {
			names = names[1:] // o.ko alone is left of the old file
		}
		if content(t, three) == "old" {
			if err := Resume(Target{Names: names, Was: stat(t, three)}, left, yes, Options{}); err != nil {
				t.Errorf("%d: %v", n, err)
			}
		}
		if _, err := Sweep(dir, nil); err != nil || !os.SameFile(stat(t, one), stat(t, two)) || !os.SameFile(stat(t, one), stat(t, three)) || len(list(t, dir)) != 3 {
			t.Errorf("%d: %q, %v", n, list(t, dir), err)
		}
	}
}

func TestSweepAndLock(t *testing.T) {
	dir := t.TempDir()
	keep := []string{"m.ko", TempPrefix + "x.tmp", "x" + TempName(), TempName() + ".ko"}
	for _, n := range append(keep, TempName(), TempName()) {
		if err := os.WriteFile(filepath.Join(dir, n), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n, err := Sweep(dir, nil)
	left := list(t, dir)
	slices.Sort(keep)
	if n != 2 || err != nil || !slices.Equal(left, keep) {
		t.Errorf("%d, %v: %q", n, err, left)
	}
	release, err := Lock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Lock(dir); where.KindOf(err) != where.IO || !strings.Contains(err.Error(), "another run") {
		t.Errorf("locked twice: %v", err)
	}
	release()
	if release, err = Lock(dir); err != nil {
		t.Fatal(err)
	}
	release()
}
