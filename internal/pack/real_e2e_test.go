//go:build e2e

package pack

import (
	"archive/tar"
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// poolFile is a real package of the cache that testdata/real/fetch.sh fills.
func poolFile(t *testing.T, name string) string {
	t.Helper()
	cache := os.Getenv("KPKG_BTF_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		check(t, err)
		cache = filepath.Join(home, ".cache", "kpkg-btf")
	}
	path := filepath.Join(cache, "pool", name)
	if _, err := os.Stat(path); err != nil {
		t.Fatalf("%v: testdata/real/fetch.sh downloads it", err)
	}
	return path
}

// TestE2EDebAgainstTar walks a real kernel package and compares each entry
// with what dpkg-deb unpacks and archive/tar reads.
func TestE2EDebAgainstTar(t *testing.T) {
	for _, name := range []string{
		"linux-image-6.1.0-55-amd64_6.1.192-1_amd64.deb", "linux-headers-6.1.0-55-amd64_6.1.192-1_amd64.deb",
		"linux-modules-7.3.4+deb13-amd64_7.3.4-1~bpo13+1_amd64.deb", "linux-binary-7.2.13+deb14-s390x_7.2.13-1_s390x.deb",
	} {
		t.Run(name, func(t *testing.T) { compareTar(t, poolFile(t, name)) })
	}
}

func compareTar(t *testing.T, path string) {
	var got []Entry
	p, err := Open(context.Background(), path, Options{Jobs: 2})
	check(t, err)
	defer p.Close()
	check(t, p.Walk(context.Background(), func(e *Entry, _ io.Reader) error { got = append(got, *e); return nil }))

	cmd := exec.Command("dpkg-deb", "--fsys-tarfile", path)
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	r := tar.NewReader(out)
	types := map[byte]Type{tar.TypeReg: Regular, tar.TypeDir: Directory, tar.TypeSymlink: Symlink, tar.TypeLink: Hardlink}
	n := 0
	for ; ; n++ {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		check(t, err)
		if n >= len(got) {
			t.Fatalf("entry %d %s is missing", n, h.Name)
		}
		want := Entry{
			Path: filepath.Clean(h.Name), Member: got[n].Member, Type: types[h.Typeflag], Mode: uint32(h.Mode), Size: h.Size,
			Link: h.Linkname, ModTime: h.ModTime.UTC(), Owner: orNumber(h.Uname, h.Uid), Group: orNumber(h.Gname, h.Gid),
		}
		if got[n].Type == Hardlink {
			want.Link = filepath.Clean(h.Linkname)
		}
		if got[n] != want {
			t.Fatalf("entry %d\ngot  %+v\nwant %+v", n, got[n], want)
		}
	}
	check(t, cmd.Wait())
	if n != len(got) || n < 10 {
		t.Errorf("%d entries, tar has %d", len(got), n)
	}
}

func orNumber(name string, id int) string {
	if name != "" {
		return name
	}
	return strconv.Itoa(id)
}

// TestE2EWalkTime prints how long a walk takes beside dpkg-deb, alternating,
// the best of three each. It fails only if something is badly wrong.
func TestE2EWalkTime(t *testing.T) {
	path := poolFile(t, "linux-image-6.1.0-55-amd64_6.1.192-1_amd64.deb")
	best := map[string]time.Duration{}
	measure := func(what string, run func()) {
		start := time.Now()
		run()
		if d := time.Since(start); best[what] == 0 || d < best[what] {
			best[what] = d
		}
	}
	for range 3 {
		measure("dpkg-deb", func() {
			check(t, exec.Command("sh", "-c", `dpkg-deb --fsys-tarfile "$1" >/dev/null`, "sh", path).Run())
		})
		for _, jobs := range []int{1, 2} {
			measure("walk, jobs "+strconv.Itoa(jobs), func() {
				p, err := Open(context.Background(), path, Options{Jobs: jobs})
				check(t, err)
				defer p.Close()
				check(t, p.Walk(context.Background(), func(*Entry, io.Reader) error { return nil }))
			})
		}
	}
	floor := best["dpkg-deb"]
	for what, d := range best {
		t.Logf("%s: %v (%.2f x dpkg-deb)", what, d.Round(time.Millisecond), float64(d)/float64(floor))
	}
	if d := best["walk, jobs 1"]; d > 4*floor {
		t.Errorf("a walk takes %v, dpkg-deb %v", d, floor)
	}
}

// TestE2ERpmOfKernel packs a real kernel's files as an rpm and expects the
// same files, sizes and modes from both.
func TestE2ERpmOfKernel(t *testing.T) {
	deb := poolFile(t, "linux-headers-6.1.0-55-amd64_6.1.192-1_amd64.deb")
	root := t.TempDir()
	check(t, exec.Command("dpkg-deb", "-x", deb, root).Run())
	path := rpmOfTree(t, root, "%define _binary_payload w3.zstdio")
	key := func(e *Entry) string {
		return strings.Join([]string{e.Path, strconv.Itoa(int(e.Type)), strconv.FormatInt(e.Size, 10), e.Link, strconv.FormatUint(uint64(e.Mode), 8)}, "|")
	}
	list := func(path string) map[string]bool {
		all := map[string]bool{}
		p, err := Open(context.Background(), path, Options{})
		check(t, err)
		defer p.Close()
		check(t, p.Walk(context.Background(), func(e *Entry, _ io.Reader) error {
			if e.Type == Regular || e.Type == Symlink {
				all[key(e)] = true
			}
			return nil
		}))
		return all
	}
	want, got := list(deb), list(path)
	for k := range want {
		if !got[k] {
			t.Errorf("the rpm lacks %s", k)
		}
	}
	if len(want) != len(got) || len(want) < 1000 {
		t.Errorf("%d files in the rpm, %d in the deb", len(got), len(want))
	}
}

func rpmOfTree(t *testing.T, root string, defs ...string) string {
	t.Helper()
	top := t.TempDir()
	spec := filepath.Join(top, "tree.spec")
	text := "Name: tree\nVersion: 1\nRelease: 1\nSummary: x\nLicense: x\nAutoReqProv: no\n%define debug_package %{nil}\n%define __os_install_post %{nil}\n%define _build_id_links none\n" +
		strings.Join(defs, "\n") + "\n%description\nx\n%install\nmkdir -p %{buildroot}\ncp -a " + root + "/. %{buildroot}/\n%files\n/*\n"
	check(t, os.WriteFile(spec, []byte(text), 0o644))
	cmd := exec.Command("rpmbuild", "-bb", "--quiet", "--define", "_topdir "+top, "--target", "x86_64", spec)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rpmbuild: %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(top, "RPMS", "*", "*.rpm"))
	check(t, err)
	if len(found) != 1 {
		t.Fatalf("rpmbuild made %v", found)
	}
	return found[0]
}
