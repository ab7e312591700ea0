package pack

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sort"
	"strings"
	"testing"

	"github.com/sassoftware/go-rpmutils"
)

const testSpec = `
Name: kernel-test
Epoch: 2
Version: 6.1.0
Release: 3
Summary: a kernel
License: GPL
Provides: kmod(a.ko) = 1, ksym(printk) = 0x1234
AutoReqProv: no
%%define debug_package %%{nil}
%%define __os_install_post %%{nil}
%%define _build_id_links none
%s
%%description
x
%%install
cd %%{buildroot}
mkdir -p lib/modules/6.1/kernel boot
yes module | head -c 70001 > lib/modules/6.1/kernel/a.ko
yes linked | head -c 5000 > lib/modules/6.1/kernel/b.ko
ln lib/modules/6.1/kernel/b.ko lib/modules/6.1/kernel/c.ko
ln lib/modules/6.1/kernel/b.ko lib/modules/6.1/kernel/d.ko
ln -s /usr/src/kernels/6.1 lib/modules/6.1/build
: > boot/empty
echo ghost > boot/initramfs
%%files
%%attr(0755,root,root) /lib/modules/6.1/kernel/a.ko
/lib/modules/6.1/kernel/b.ko
/lib/modules/6.1/kernel/c.ko
/lib/modules/6.1/kernel/d.ko
/lib/modules/6.1/build
%%dir /lib/modules/6.1
%%attr(4711,root,root) /boot/empty
%%ghost %%attr(0600,root,root) /boot/initramfs
`

// rpmbuild makes a real package with the given definitions, and its source
// package if source.
func rpmbuild(t testing.TB, source bool, defs ...string) string {
	t.Helper()
	top := t.TempDir()
	spec := filepath.Join(top, "k.spec")
	check(t, os.WriteFile(spec, []byte(fmt.Sprintf(testSpec, strings.Join(defs, "\n"))), 0o644))
	mode := "-bb"
	if source {
		mode = "-bs"
	}
	cmd := exec.Command("rpmbuild", mode, "--quiet", "--define", "_topdir "+top, "--target", "x86_64", spec)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rpmbuild (make deps installs it): %v\n%s", err, out)
	}
	found, err := filepath.Glob(filepath.Join(top, "*RPMS", "*.rpm"))
	check(t, err)
	if more, _ := filepath.Glob(filepath.Join(top, "*RPMS", "*", "*.rpm")); len(found) == 0 {
		found = more
	}
	if len(found) != 1 {
		t.Fatalf("rpmbuild made %v", found)
	}
	return found[0]
}

// TestRpmEveryPayload walks what the real rpmbuild makes and compares with
// rpm's own list, with cpio's content, and with go-rpmutils.
func TestRpmEveryPayload(t *testing.T) {
	for _, io := range []string{"w3.gzdio", "w6.xzdio", "w3.zstdio", "w9.bzdio", "w6.lzdio", "w.ufdio"} {
		t.Run(io, func(t *testing.T) {
			path := rpmbuild(t, false, "%define _binary_payload "+io)
			got, err := walkAll(path, Options{Jobs: 2})
			check(t, err)
			check(t, skipWalk(path))
			checkRpmSample(t, got)
			compareRpmQuery(t, path, got)
			compareRpm2cpio(t, path, got)
			if io != "w.ufdio" { // go-rpmutils takes no compressor tag for gzip
				compareRpmutils(t, path, got)
			}
		})
	}
}

func checkRpmSample(t *testing.T, got []seen) {
	t.Helper()
	long := strings.Repeat("module\n", 10001)[:70001]
	linked := strings.Repeat("linked\n", 800)[:5000]
	const d = "lib/modules/6.1/kernel/d.ko"
	want := []string{
		"boot/empty|file||", "lib/modules/6.1|dir||", "lib/modules/6.1/build|symlink|/usr/src/kernels/6.1|",
		"lib/modules/6.1/kernel/a.ko|file||" + long, "lib/modules/6.1/kernel/b.ko|hardlink|" + d + "|",
		"lib/modules/6.1/kernel/c.ko|hardlink|" + d + "|", d + "|file||" + linked, "boot/initramfs|ghost||",
	}
	if !reflect.DeepEqual(names(got), want) {
		t.Errorf("got\n%s", strings.Join(names(got), "\n"))
	}
}

// compareRpmQuery asks rpm for paths, modes, owners, times and link targets.
func compareRpmQuery(t *testing.T, path string, got []seen) {
	t.Helper()
	out, err := exec.Command("rpm", "-qp", "--nosignature", "--qf", `[%{FILENAMES}|%{FILEMODES:octal}|%{FILEUSERNAME}|%{FILEGROUPNAME}|%{FILEMTIMES}|%{FILELINKTOS}\n]`, path).Output()
	if err != nil {
		t.Fatalf("rpm -qp (make deps installs it): %v", err)
	}
	want := strings.Split(strings.TrimSpace(string(out)), "\n")
	var list []string
	for _, e := range got {
		link := ""
		if e.Type == Symlink {
			link = e.Link
		}
		kind := map[Type]uint32{Regular: modeReg, Hardlink: modeReg, Ghost: modeReg, Directory: modeDir, Symlink: modeLink}[e.Type]
		list = append(list, fmt.Sprintf("/%s|%o|%s|%s|%d|%s", e.Path, kind|e.Mode, e.Owner, e.Group, e.ModTime.Unix(), link))
	}
	sort.Strings(want)
	sort.Strings(list)
	if !reflect.DeepEqual(list, want) {
		t.Errorf("got\n%s\nrpm says\n%s", strings.Join(list, "\n"), strings.Join(want, "\n"))
	}
}

// compareRpm2cpio unpacks with rpm2cpio and cpio.
func compareRpm2cpio(t *testing.T, path string, got []seen) {
	t.Helper()
	dir := t.TempDir()
	cmd := exec.Command("sh", "-c", `rpm2cpio "$1" | cpio -idm --quiet`, "sh", path)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rpm2cpio | cpio (make deps installs them): %v %s", err, out)
	}
	data := map[string]string{}
	for _, e := range got {
		data[e.Path] = e.Data
	}
	for _, e := range got {
		if e.Type != Regular && e.Type != Hardlink {
			continue
		}
		want, err := os.ReadFile(filepath.Join(dir, e.Path))
		have := e.Data
		if e.Type == Hardlink {
			have = data[e.Link]
		}
		if err != nil || have != string(want) {
			t.Errorf("%s: %d bytes, rpm2cpio gives %d (%v)", e.Path, len(have), len(want), err)
		}
	}
}

// compareRpmutils reads with another implementation in Go.
func compareRpmutils(t *testing.T, path string, got []seen) {
	t.Helper()
	f, err := os.Open(path)
	check(t, err)
	defer f.Close()
	r, err := rpmutils.ReadRpm(f)
	check(t, err)
	pr, err := r.PayloadReaderExtended()
	check(t, err)
	i := 0
	for {
		fi, err := pr.Next()
		if err == io.EOF {
			break
		}
		check(t, err)
		e := got[i]
		i++
		data := ""
		if !pr.IsLink() && e.Type != Symlink {
			b, err := io.ReadAll(pr)
			check(t, err)
			data = string(b)
		}
		if fi.Name() != "/"+e.Path || data != e.Data || pr.IsLink() != (e.Type == Hardlink) {
			t.Errorf("entry %d: %s, go-rpmutils says %s (link %v, %d bytes)", i, e.Path, fi.Name(), pr.IsLink(), len(data))
		}
	}
	if i != len(got)-1 { // all but the ghost
		t.Errorf("go-rpmutils gives %d entries, we %d", i, len(got))
	}
}

func TestRpmFields(t *testing.T) {
	p, err := Open(context.Background(), rpmbuild(t, false, "%define _binary_payload w19.zstdio"), Options{})
	check(t, err)
	defer p.Close()
	got := []string{string(p.Kind), p.Name, p.Version, p.Arch, p.Source, p.SourceVersion, p.Coverage, p.Fields["Format"], p.Fields["Payload"], p.Fields["Sourcerpm"], p.Fields["Provides"]}
	want := []string{"rpm", "kernel-test", "2:6.1.0-3", "x86_64", "kernel-test", "6.1.0-3", "sha256", "4", "zstd 19", "kernel-test-6.1.0-3.src.rpm",
		"kernel-test = 2:6.1.0-3, kernel-test(x86-64) = 2:6.1.0-3, kmod(a.ko) = 1, ksym(printk) = 0x1234"}
	sorted := strings.Split(got[10], ", ")
	sort.Strings(sorted)
	got[10] = strings.Join(sorted, ", ")
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	raw, err := os.ReadFile(p.Path)
	check(t, err)
	if h := p.Header(); string(h.Bytes()) != string(raw[:h.Payload]) {
		t.Error("lead and headers do not re-serialise to the same bytes")
	}
}
