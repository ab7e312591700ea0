package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/release/releasetest"
)

// plant makes a root folder of folders ("a/"), links ("a -> b") and files.
func plant(t *testing.T, root string, names ...string) tree {
	t.Helper()
	for _, n := range names {
		name, to, link := strings.Cut(n, " -> ")
		at := filepath.Join(root, name)
		check(t, os.MkdirAll(filepath.Dir(at), 0o755))
		switch {
		case link:
			check(t, os.Symlink(to, at))
		case strings.HasSuffix(n, "/"):
			check(t, os.MkdirAll(at, 0o755))
		default:
			check(t, os.WriteFile(at, []byte(n), 0o644))
		}
	}
	return tree(root)
}

func TestResolve(t *testing.T) {
	top := t.TempDir()
	plant(t, top, "secret", "real/usr/lib/f", "root -> real")
	names := []string{"lib -> usr/lib", "abs -> /usr/lib", "up -> ../../../../usr/lib", "deep/er/link -> ../../../abs/f", "usr/g -> /abs/../g2", "usr/g2",
		"out -> ../secret", "outer -> " + top + "/secret", "round -> round2", "round2 -> /round", "self -> self/x", "far -> l40"}
	for i := range linkSteps {
		names = append(names, fmt.Sprintf("l%d -> l%d", i+1, i))
	}
	root := plant(t, filepath.Join(top, "root"), append(names, "l0")...)
	for _, c := range []struct {
		name, want string
		err        error
	}{
		{"usr/lib/f", "usr/lib/f", nil},
		{"lib/f", "usr/lib/f", nil},
		{"abs/f", "usr/lib/f", nil},
		{"up/f", "usr/lib/f", nil},
		{"../../abs/../lib//./f", "usr/lib/f", nil},
		{"deep/er/link", "usr/lib/f", nil},
		{"usr/g", "usr/g2", nil}, // ".." is that of what the link leads to
		{"/", "", nil},
		{".", "", nil},
		{"l40", "l0", nil},
		{"out", "", fs.ErrNotExist},
		{"outer", "", fs.ErrNotExist},
		{"nothing/../out", "", fs.ErrNotExist},
		{"usr/lib/f/x", "", syscall.ENOTDIR},
	} {
		got, err := root.resolve(c.name)
		if c.err == nil && (err != nil || got != filepath.Join(string(root), c.want)) || c.err != nil && (got != "" || !errors.Is(err, c.err)) {
			t.Errorf("%s: %q, %v", c.name, got, err)
		}
	}
	for _, name := range []string{"round", "self", "far"} {
		if got, err := root.resolve(name); err == nil || !strings.Contains(err.Error(), "more than 40 links") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// The root of another machine, in the forms in which distributions link its
// folders. What lies at the same place on this machine is never taken for it.
func TestForeignRoot(t *testing.T) {
	k := releasetest.Kernel{Release: name, Key: "k"}
	modules := "usr/lib/modules/" + name
	for what, links := range map[string][][2]string{ // what is moved, what stands in its place
		"merged, relative":      {{"", "lib -> usr/lib"}},
		"merged, absolute":      {{"", "lib -> /usr/lib"}},
		"all of usr/lib":        {{"usr/lib", "usr/lib -> /moved0"}},
		"a release, absolute":   {{modules, modules + " -> /moved0"}},
		"a release, relative":   {{modules, modules + " -> ../../../../../../moved0"}},
		"all modules, and boot": {{"usr/lib/modules", "usr/lib/modules -> /moved0"}, {"boot", "boot -> /moved1"}},
		"each file of boot":     {{"boot/vmlinuz-" + name, "boot/vmlinuz-" + name + " -> /moved0"}, {"boot/config-" + name, "boot/config-" + name + " -> ../moved1"}},
		"an initrd":             {{"boot/initrd.img-" + name, "boot/initrd.img-" + name + " -> /moved0"}},
		"what the kernel shows": {{"sys", "sys -> /moved0"}, {"proc", "proc -> /moved1"}},
	} {
		t.Run(what, func(t *testing.T) {
			s := machine(t, k)
			s.boots(t, k)
			check(t, os.WriteFile(filepath.Join(s.Root, "boot/initrd.img-"+name), initrd(k), 0o644))
			for i, l := range links {
				if l[0] != "" {
					check(t, os.Rename(filepath.Join(s.Root, l[0]), filepath.Join(s.Root, fmt.Sprintf("moved%d", i))))
				}
				plant(t, s.Root, l[1])
			}
			rep := verify(t, s, Options{})
			want := name + " installed modules on installed: 3\n" + name + " installed modules on running: 3\n" + name + " initrd on installed: 3\nkeep"
			if got := said(rep); got != want || len(rep.Unread) != 0 {
				t.Errorf("got\n%s\nunread %q", got, rep.Unread)
			}
			if p := rep.Kernels[0].Meets[0].Path; p != filepath.Join(s.Root, modules) {
				t.Errorf("called %s", p) // as the system has it
			}
		})
	}
}

// What links lead to outside the root is not read: neither a release, nor an
// image, nor an added module, nor the base of a kernel.
func TestNothingOutside(t *testing.T) {
	other := machine(t, releasetest.Kernel{Release: name, Key: "k"})
	other.boots(t, releasetest.Kernel{Release: name, Key: "k", Image: btftest.Grown})
	check(t, os.WriteFile(filepath.Join(other.Root, "boot/initrd.img-"+name), initrd(releasetest.Kernel{Release: name, Key: "k"}), 0o644))
	const here = "6.1.0-2-amd64"
	for what, lead := range map[string]func(root string) string{
		"absolute": func(string) string { return other.Root },
		"relative": func(root string) string { rel, _ := filepath.Rel(root, other.Root); return rel },
		"more than enough": func(root string) string {
			return strings.Repeat("../", 60) + other.Root[1:]
		},
	} {
		t.Run(what, func(t *testing.T) {
			s := machine(t, releasetest.Kernel{Release: here, Key: "k"})
			to, up := lead(s.Root), lead(filepath.Join(s.Root, "usr/lib/modules"))
			plant(t, s.Root, "usr/lib/modules/"+name+" -> "+up+"/usr/lib/modules/"+name, "lib -> "+to+"/usr/lib", "sys -> "+to+"/sys", "proc -> "+to+"/proc",
				"boot/vmlinuz-"+name+" -> "+lead(filepath.Join(s.Root, "boot"))+"/boot/vmlinuz-"+name,
				"boot/initrd.img-"+here+" -> "+lead(filepath.Join(s.Root, "boot"))+"/boot/initrd.img-"+name,
				"usr/lib/modules/"+here+"/weak-updates/alpha.ko -> "+lead(filepath.Join(s.Root, "usr/lib/modules", here, "weak-updates"))+"/usr/lib/modules/"+name+"/kernel/alpha.ko")
			rep := verify(t, s, Options{})
			if got := said(rep); got != here+" installed modules on installed: 3\ninconclusive" || rep.Base.SHA256 != "" {
				t.Errorf("got\n%s\n%+v", got, rep.Base)
			}
			if len(rep.Unread) != 1 || !strings.Contains(rep.Unread[0], "alpha.ko: ") || !strings.Contains(rep.Unread[0], "no such file") {
				t.Errorf("unread %q", rep.Unread)
			}
		})
	}
}

// A pipe in the place of a file is named; nobody waits for its other end.
func TestPipe(t *testing.T) {
	s := machine(t, releasetest.Kernel{Release: name, Key: "k"})
	check(t, syscall.Mkfifo(filepath.Join(s.Root, "boot/initrd.img-"+name), 0o644))
	rep := verify(t, s, Options{})
	if len(rep.Unread) != 1 || !strings.Contains(rep.Unread[0], "initrd.img-"+name) {
		t.Errorf("%s %q", said(rep), rep.Unread)
	}
}
