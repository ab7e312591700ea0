package repair

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/release/releasetest"
)

// linkedTree is a kernel of which one module has three names, in two folders.
// A temporary link of its second name comes before the first in a listing.
func linkedTree(t *testing.T, files map[string][]byte) (dir string, names []string) {
	t.Helper()
	dir = tree(t, files)
	below := filepath.Join(dir, "usr/lib/modules", rel, "kernel")
	names = []string{filepath.Join(below, "drivers/m00.ko"), filepath.Join(below, "drivers/again.ko"), filepath.Join(below, "net/m00.ko")}
	relink(t, names)
	return dir, names
}

// relink makes all names links of the first.
func relink(t *testing.T, names []string) {
	t.Helper()
	for _, n := range names[1:] {
		if err := os.MkdirAll(filepath.Dir(n), 0o755); err != nil {
			t.Fatal(err)
		}
		os.Remove(n)
		if err := os.Link(names[0], n); err != nil {
			t.Fatal(err)
		}
	}
}

func one(t *testing.T, names []string) bool {
	t.Helper()
	for _, n := range names[1:] {
		if inode(t, n) != inode(t, names[0]) {
			return false
		}
	}
	return true
}

// TestTornLinks: wherever a run fails or is killed between the renames of a
// hard-linked module, the next one makes it one file again.
func TestTornLinks(t *testing.T) {
	files := kernelFiles(t, 1, releasetest.Kernel{})
	dir, names := linkedTree(t, files)
	o := stripping(t, dir)
	o.Jobs = 1
	if _, err := Run(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if !one(t, names) {
		t.Fatal("the links are several files now")
	}
	done := contents(t, dir)
	before := map[string][]byte{}
	for path := range done {
		before[path] = files[path]
		if before[path] == nil {
			before[path] = files["usr/lib/modules/"+rel+"/kernel/drivers/m00.ko"]
		}
	}
	reset := func() {
		restore(t, dir, before)
		relink(t, names)
	}
	reset()
	j := rehearsed(t, o)
	torn := 0
	everyFault(t, 1, 30, func(t *testing.T, f *faulty, name string) {
		reset()
		err := j.publishWith(t, f)
		oldOrNew(t, name, dir, before, done, true)
		if one(t, names) {
			return
		}
		torn++
		if err == nil && !f.dead {
			t.Errorf("%s: no error", name)
		}
		rep, err := Run(t.Context(), o)
		if err != nil {
			t.Fatalf("%s: the next run: %v", name, err)
		}
		oldOrNew(t, name+" and a second run", dir, done, done, false)
		if !one(t, names) {
			t.Errorf("%s: the links are several files after the next run", name)
		}
		if !slices.ContainsFunc(rep.Notes, func(n string) bool { return strings.Contains(n, "made links again") }) {
			t.Errorf("%s: %q", name, rep.Notes)
		}
	})
	if torn < 4 {
		t.Errorf("only %d sets were torn", torn)
	}
}

// TestTornLinksWithoutTrace: with the temporary files gone nobody can know
// that two files were one; they become equal, and the report says so. With
// other content beside it the module is repaired from itself.
func TestTornLinksWithoutTrace(t *testing.T) {
	files := kernelFiles(t, 1, releasetest.Kernel{})
	for _, sweep := range []bool{true, false} {
		dir, names := linkedTree(t, files)
		o := stripping(t, dir)
		o.Jobs = 1
		j := rehearsed(t, o)
		for at := 1; one(t, names); at++ {
			f := newFaulty(at, os.ErrInvalid)
			f.dead = true
			_ = j.publishWith(t, f)
		}
		if sweep {
			for _, d := range []string{filepath.Dir(names[0]), filepath.Dir(names[2])} {
				if _, err := fsx.Sweep(d, nil); err != nil {
					t.Fatal(err)
				}
			}
		} else {
			// The same run, but the next one neutralizes.
			o.Neutralize = true
		}
		rep, err := Run(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if one(t, names) {
			t.Error("linked by a guess")
		}
		a, b := contents(t, dir), []string{}
		for path := range a {
			if strings.HasSuffix(path, ".tmp") {
				b = append(b, path)
			}
		}
		equal := bytes.Equal(read(t, names[0]), read(t, names[1])) && bytes.Equal(read(t, names[1]), read(t, names[2]))
		told := slices.ContainsFunc(rep.Notes, func(n string) bool { return strings.Contains(n, "link them again") })
		if equal != sweep || told != sweep || len(b) > 0 {
			t.Errorf("swept %v: equal %v, %q, left %q", sweep, equal, rep.Notes, b)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
