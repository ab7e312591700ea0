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
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/realtest"
)

// TestE2EDebAgainstTar walks a real kernel package and compares each entry
// with what dpkg-deb unpacks and archive/tar reads.
func TestE2EDebAgainstTar(t *testing.T) {
	for _, name := range []string{
		realtest.PairAOld, realtest.PairAOldHeaders,
		realtest.Modules73, realtest.Image72("s390x"),
	} {
		t.Run(name, func(t *testing.T) { compareTar(t, realtest.Deb(t, name)) })
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

// TestE2EWalkTime prints what a walk costs beside dpkg-deb, alternating, the
// best of two each: wall time, and processor time, which other work on the
// machine disturbs less. It fails only if something is badly wrong.
func TestE2EWalkTime(t *testing.T) {
	path := realtest.Deb(t, realtest.PairAOld)
	type cost struct{ wall, cpu time.Duration }
	best := map[string]cost{}
	measure := func(what string, who int, run func()) {
		start, before := time.Now(), cpuTime(t, who)
		run()
		c := cost{time.Since(start), cpuTime(t, who) - before}
		if b, ok := best[what]; ok {
			c = cost{min(b.wall, c.wall), min(b.cpu, c.cpu)}
		}
		best[what] = c
	}
	const floor, sequential, parallel = "dpkg-deb", "walk, jobs 1", "walk, jobs 2"
	for range 2 {
		measure(floor, syscall.RUSAGE_CHILDREN, func() {
			check(t, exec.Command("sh", "-c", `dpkg-deb --fsys-tarfile "$1" >/dev/null`, "sh", path).Run())
		})
		for jobs, what := range []string{1: sequential, 2: parallel} {
			if jobs > 0 {
				measure(what, syscall.RUSAGE_SELF, func() {
					p, err := Open(context.Background(), path, Options{Jobs: jobs})
					check(t, err)
					defer p.Close()
					check(t, p.Walk(context.Background(), func(*Entry, io.Reader) error { return nil }))
				})
			}
		}
	}
	for _, what := range []string{floor, sequential, parallel} {
		b := best[what]
		t.Logf("%-12s wall %v (%.2f x dpkg-deb), cpu %v (%.2f x)", what, b.wall.Round(time.Millisecond), float64(b.wall)/float64(best[floor].wall),
			b.cpu.Round(time.Millisecond), float64(b.cpu)/float64(best[floor].cpu))
	}
	if best[sequential].cpu > 3*best[floor].cpu {
		t.Errorf("a walk takes %v of processor time, dpkg-deb %v", best[sequential].cpu, best[floor].cpu)
	}
}

func cpuTime(t *testing.T, who int) time.Duration {
	var u syscall.Rusage
	check(t, syscall.Getrusage(who, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestE2ERpmOfKernel packs a real kernel's files as an rpm and expects the
// same files, sizes and modes from both.
func TestE2ERpmOfKernel(t *testing.T) {
	deb := realtest.Deb(t, realtest.PairAOldHeaders)
	root := t.TempDir()
	realtest.Extract(t, deb, root)
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
