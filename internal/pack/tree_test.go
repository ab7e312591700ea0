package pack

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"kpkg-btf/internal/where"
)

// makeTree fills a folder with a kernel's files, modules in dir.
func makeTree(t *testing.T, dir string) string {
	root := t.TempDir()
	must := func(err error) { t.Helper(); check(t, err) }
	must(os.MkdirAll(filepath.Join(root, dir, "modules/6.1/kernel"), 0o755))
	must(os.WriteFile(filepath.Join(root, dir, "modules/6.1/kernel/a.ko"), []byte("module"), 0o640))
	must(os.Link(filepath.Join(root, dir, "modules/6.1/kernel/a.ko"), filepath.Join(root, dir, "modules/6.1/kernel/b.ko")))
	must(os.Symlink("/nowhere/linux-headers", filepath.Join(root, dir, "modules/6.1/build")))
	must(os.Symlink("../../../../../../../etc", filepath.Join(root, dir, "modules/out")))
	must(syscall.Mkfifo(filepath.Join(root, "fifo"), 0o600))
	return root
}

func names(entries []seen) (list []string) {
	for _, e := range entries {
		list = append(list, strings.Join([]string{e.Path, []string{"file", "dir", "symlink", "hardlink", "ghost", "other"}[e.Type], e.Link, e.Data}, "|"))
	}
	return list
}

// TestTree is P17: merged and unmerged trees, links never followed.
func TestTree(t *testing.T) {
	merged := makeTree(t, "usr/lib")
	check(t, os.Symlink("usr/lib", filepath.Join(merged, "lib")))
	got, err := walkAll(merged, Options{})
	check(t, err)
	want := []string{
		".|dir||", "fifo|other||", "lib|symlink|usr/lib|", "usr|dir||", "usr/lib|dir||", "usr/lib/modules|dir||",
		"usr/lib/modules/6.1|dir||", "usr/lib/modules/6.1/build|symlink|/nowhere/linux-headers|", "usr/lib/modules/6.1/kernel|dir||",
		"usr/lib/modules/6.1/kernel/a.ko|file||module", "usr/lib/modules/6.1/kernel/b.ko|hardlink|usr/lib/modules/6.1/kernel/a.ko|",
		"usr/lib/modules/out|symlink|../../../../../../../etc|",
	}
	if !reflect.DeepEqual(names(got), want) {
		t.Errorf("got\n%s", strings.Join(names(got), "\n"))
	}
	if got[9].Mode != 0o640 || got[9].Size != 6 || got[9].Owner == "" || got[9].ModTime.IsZero() {
		t.Errorf("entry %+v", got[9].Entry)
	}
	unmerged := makeTree(t, "lib")
	got, err = walkAll(unmerged, Options{})
	check(t, err)
	if n := names(got); len(n) != 10 || n[6] != "lib/modules/6.1/kernel|dir||" {
		t.Errorf("unmerged: got\n%s", strings.Join(n, "\n"))
	}
	link := filepath.Join(t.TempDir(), "link")
	check(t, os.Symlink(unmerged, link))
	if again, err := walkAll(link, Options{}); err != nil || len(again) != len(got) {
		t.Errorf("through a link to the root: %d entries, %v", len(again), err)
	}
}

func TestTreeFaults(t *testing.T) {
	root := makeTree(t, "lib")
	ctx := context.Background()
	p, err := Open(ctx, root, Options{})
	check(t, err)
	defer p.Close()
	const ko = "lib/modules/6.1/kernel/a.ko"
	during := func(do func() error) error {
		return p.Walk(ctx, func(e *Entry, r io.Reader) error {
			if e.Path != ko {
				return nil
			}
			check(t, do())
			_, _ = io.ReadAll(r) // the walk must report it even if we do not
			return nil
		})
	}
	file := filepath.Join(root, ko)
	for name, do := range map[string]func() error{
		"shrinks": func() error { return os.Truncate(file, 3) },
		"grows":   func() error { return os.Truncate(file, 9) },
		"goes":    func() error { return os.Remove(file) },
		"becomes a fifo": func() error {
			_ = os.Remove(file)
			return syscall.Mkfifo(file, 0o600)
		},
	} {
		_ = os.Remove(file)
		check(t, os.WriteFile(file, []byte("module"), 0o644))
		err := during(do)
		if err == nil || where.KindOf(err) != where.IO || !strings.Contains(err.Error(), ko) {
			t.Errorf("a file that %s: %v", name, err)
		}
	}
	if _, err := Open(ctx, filepath.Join(root, "missing"), Options{}); where.KindOf(err) != where.IO || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing: %v", err)
	}
	if _, err := Open(ctx, filepath.Join(root, "fifo"), Options{}); where.KindOf(err) != where.Unsupported {
		t.Errorf("fifo: %v", err)
	}
}

func TestWalkEnds(t *testing.T) {
	path := write(t, "x.deb", debFile(t, sampleTar(t)))
	p, err := Open(context.Background(), path, Options{})
	check(t, err)
	defer p.Close()
	boom := errors.New("boom")
	var kept io.Reader
	n := 0
	err = p.Walk(context.Background(), func(e *Entry, r io.Reader) error {
		if kept = r; e.Path == "usr/bin/su" {
			return boom
		}
		n++
		return nil
	})
	if !errors.Is(err, boom) || n != 3 || err.Error() != path+": data.tar: usr/bin/su: boom" {
		t.Errorf("after %d entries: %v", n, err)
	}
	if _, err := kept.Read(make([]byte, 1)); where.KindOf(err) != where.Internal || err == io.EOF {
		t.Errorf("content outlives its entry: %v", err)
	}
	n = 0
	check(t, p.Walk(context.Background(), func(*Entry, io.Reader) error { n++; return fs.SkipAll }))
	if n != 1 {
		t.Errorf("SkipAll after %d entries", n)
	}
	ctx, cancel := context.WithCancel(context.Background())
	err = p.Walk(ctx, func(*Entry, io.Reader) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestSHA256(t *testing.T) {
	const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
	path := write(t, "vmlinux", []byte("abc"))
	p, err := Open(context.Background(), path, Options{})
	check(t, err)
	defer p.Close()
	for range 2 {
		if got, err := p.SHA256(context.Background()); got != abc || err != nil {
			t.Errorf("%s %v", got, err)
		}
	}
	if _, err := walkAll(path, Options{SHA256: strings.ToUpper(abc)}); err != nil {
		t.Error(err)
	}
	if _, err := walkAll(path, Options{SHA256: strings.Repeat("0", 64)}); where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), abc) {
		t.Errorf("%v", err)
	}
	dir, err := Open(context.Background(), t.TempDir(), Options{})
	check(t, err)
	if _, err := dir.SHA256(context.Background()); where.KindOf(err) != where.Unsupported {
		t.Errorf("%v", err)
	}
}
