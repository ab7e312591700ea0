//go:build pipelines

package pipelines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/release/releasetest"
)

// A debian/control of one source with packages that differ in name and field.
const kmodControl = `Source: %s
Section: kernel
Priority: optional
Maintainer: X <x@example.org>
Build-Depends: debhelper-compat (= 13)
Standards-Version: 4.6.2
Rules-Requires-Root: no
`

const kmodPackage = `
Package: %s
Architecture: amd64
%s: ${btf:%[2]s}
Description: part of a test
 A test.
`

// debSource is a source package whose packages ship trees as they are; the
// add-on comes with flags.
type debSource struct {
	name, field string // field: Provides or Depends, filled by the add-on
	trees       map[string]string
	flags       string
}

// build runs the real dpkg-buildpackage and gives its packages and its log.
func (s debSource) build(t *testing.T) (debs map[string]string, log string, err error) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), s.name)
	control, stage := fmt.Sprintf(kmodControl, s.name), ""
	for name, tree := range s.trees {
		control += fmt.Sprintf(kmodPackage, name, s.field)
		stage += fmt.Sprintf("\tmkdir -p debian/%[1]s\n\tcp -a %[2]s/. debian/%[1]s/\n", name, tree)
	}
	write(t, filepath.Join(dir, "debian/source/format"), []byte("3.0 (native)\n"))
	write(t, filepath.Join(dir, "debian/changelog"), []byte(s.name+" (1) unstable; urgency=medium\n\n  * x\n\n -- X <x@example.org>  Thu, 26 Nov 2026 00:00:00 +0000\n"))
	write(t, filepath.Join(dir, "debian/control"), []byte(control))
	write(t, filepath.Join(dir, "debian/rules"), []byte("#!/usr/bin/make -f\n%:\n\tdh $@ --with kpkg-btf\noverride_dh_auto_install:\n"+stage+
		"override_dh_strip override_dh_usrlocal override_dh_dwz:\noverride_dh_kpkg_btf:\n\tdh_kpkg_btf "+s.flags+"\n"))
	must(t, os.Chmod(filepath.Join(dir, "debian/rules"), 0o755))
	log, err = buildDeb(t, dir, environment(t))
	debs = map[string]string{}
	for name := range s.trees {
		debs[name] = filepath.Join(filepath.Dir(dir), name+"_1_amd64.deb")
	}
	return debs, log, err
}

func (s debSource) mustBuild(t *testing.T) (debs map[string]string, log string) {
	t.Helper()
	debs, log, err := s.build(t)
	if err != nil {
		t.Fatalf("%s: %v\n%s", s.name, err, lastLines(log, 40))
	}
	return debs, log
}

// kernelDeb packs a kernel as its maintainer would, with the provide.
func kernelDeb(t *testing.T, tree string) string {
	t.Helper()
	s := debSource{name: "testlinux", field: "Provides", trees: map[string]string{"testlinux-image": tree}, flags: "-- --signatures ignored"}
	debs, _ := s.mustBuild(t)
	return debs["testlinux-image"]
}

// extra is a tree with one module in extra/, as a kmod ships it.
func extra(t *testing.T, release string, module []byte) string {
	t.Helper()
	tree := t.TempDir()
	write(t, filepath.Join(tree, "usr/lib/modules", release, "extra/ext.ko"), module)
	return tree
}

// withoutBTF is a module after objcopy.
func withoutBTF(t *testing.T, module []byte) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ext.ko")
	write(t, file, module)
	output(t, "objcopy", "-R", ".BTF", file)
	data, err := os.ReadFile(file)
	must(t, err)
	return data
}

// dpkgInstall lets dpkg install packages into an empty root, one by one; it
// refuses a package whose dependencies are not met.
func dpkgInstall(t *testing.T, debs ...string) (said string, err error) {
	t.Helper()
	root := emptyRoot(t)
	for _, deb := range debs {
		out, e := exec.Command("dpkg", "--root="+root, "--force-not-root", "--force-script-chrootless", "-i", deb).CombinedOutput()
		if said += string(out); e != nil {
			return said, e
		}
	}
	return said, nil
}

// TestDebKmod: a kmod with split BTF depends, by ${btf:Depends}, on the base it
// was built on, which the kernel provides: dpkg accepts it beside that kernel
// and refuses it beside another build; one without BTF depends on none. Both
// come from one source, and each gets its own.
func TestDebKmod(t *testing.T) {
	k := releasetest.Kernel{Release: stepRelease, ModuleKey: "none", Distilled: true}
	module, kernel := k.Module("ext:extra"), staged(t, k)
	split, bare := extra(t, stepRelease, module), extra(t, stepRelease, withoutBTF(t, module))
	s := debSource{name: "testkmod", field: "Depends", flags: "--on " + kernel + " -- --signatures ignored",
		trees: map[string]string{"kmod-split": split, "kmod-bare": bare}}
	debs, log := s.mustBuild(t)
	want := "kernel-btf-" + baseSum(t, filepath.Join(kernel, "boot/vmlinuz-"+stepRelease))[:16]
	if d := field(t, debs["kmod-split"], "Depends"); d != want {
		t.Errorf("split BTF depends on %q, want %q\n%s", d, want, lastLines(log, 30))
	}
	if d := field(t, debs["kmod-bare"], "Depends"); d != "" {
		t.Errorf("without BTF it depends on %q", d)
	}

	right, wrong := kernelDeb(t, kernel), kernelDeb(t, staged(t, releasetest.Kernel{Image: btftest.Grown, Build: btftest.Grown, Distilled: true}))
	if said, err := dpkgInstall(t, right, debs["kmod-split"]); err != nil {
		t.Errorf("the kernel it was built on: %v\n%s", err, said)
	}
	said, err := dpkgInstall(t, wrong, debs["kmod-split"])
	if err == nil || !strings.Contains(said, "kmod-split depends on "+want) {
		t.Errorf("another build of the kernel: %v\n%s", err, said)
	}
	if said, err := dpkgInstall(t, wrong, debs["kmod-bare"]); err != nil {
		t.Errorf("no BTF, another kernel: %v\n%s", err, said)
	}

	// For two builds of the kernel it is distilled, by the add-on, and needs neither.
	both := staged(t, releasetest.Kernel{Image: btftest.Permuted, Build: btftest.Permuted, Distilled: true})
	s.trees, s.flags = map[string]string{"kmod-split": split}, "--on "+kernel+" --on "+both+" -- --signatures ignored"
	debs, log = s.mustBuild(t)
	if d := field(t, debs["kmod-split"], "Depends"); d != "" || !strings.Contains(log, "DISTILL  ") || !strings.Contains(log, "KEEP   ") {
		t.Errorf("distilled it depends on %q\n%s", d, lastLines(log, 40))
	}
	if said, err := dpkgInstall(t, wrong, debs["kmod-split"]); err != nil {
		t.Errorf("distilled, another kernel: %v\n%s", err, said)
	}

	// What no repair helps stops the build.
	s.flags = "--on " + staged(t, releasetest.Kernel{CRC: 9}) + " -- --signatures ignored"
	_, log, err = s.build(t)
	if end := lastLines(log, 12); err == nil || !strings.Contains(end, "build the modules for that kernel (exit 4)") {
		t.Errorf("other symbols: %v\n%s", err, end)
	}
}

// TestRpmKmodRepairs: the step carries a decision about external modules out,
// too: distilled where all kernels they are for take that, else stripped; what
// is packed needs no base then. For a kernel that no repair helps the build fails.
func TestRpmKmodRepairs(t *testing.T) {
	k := releasetest.Kernel{Release: stepRelease, ModuleKey: "none", Distilled: true}
	module := filepath.Join(t.TempDir(), "ext.ko")
	write(t, module, k.Module("ext:extra"))
	spec := fmt.Sprintf(kmodSpec, stepRelease, module, stepRelease)
	kernel, moved := staged(t, k), staged(t, releasetest.Kernel{Image: btftest.Permuted, Build: btftest.Permuted, Distilled: true})
	strict := staged(t, releasetest.Kernel{Image: btftest.Grown, Build: btftest.Grown, Strict: true})
	for _, c := range []struct{ decision, on string }{{"distill", kernel + " " + moved}, {"strip", kernel + " " + strict}} {
		b := newBuilder(t, "_kpkg_btf_deps 1", "_kpkg_btf_on "+c.on)
		file, said := b.build(t, spec)
		if file == "" || !strings.Contains(said, strings.ToUpper(c.decision)+"  ") || !strings.Contains(said, "KEEP   ") {
			t.Fatalf("%s:\n%s", c.decision, said)
		}
		if got := query(t, file, "--requires"); strings.Contains(got, "kernel-btf(") {
			t.Errorf("%s: requires\n%s", c.decision, got)
		}
		args := []string{"check", file, "--signatures", "ignored"}
		for _, on := range strings.Fields(c.on) {
			args = append(args, "--on", on)
		}
		if out, complaint, code := realtest.Run(t, args...); code != 0 {
			t.Errorf("%s: check: exit %d\n%s%s", c.decision, code, out, complaint)
		}
	}
	unrepaired := newBuilder(t, "_kpkg_btf_on "+kernel+" "+strict, "_kpkg_btf_repair 0")
	if file, said := unrepaired.build(t, spec); file != "" || !strings.Contains(said, "modules need repair (exit 3)") {
		t.Errorf("without repair: %s\n%s", file, said)
	}
	other := staged(t, releasetest.Kernel{CRC: 9})
	if file, said := newBuilder(t, "_kpkg_btf_on "+other).build(t, spec); file != "" || !strings.Contains(lastLines(said, 12), "build the modules for that kernel (exit 4)") {
		t.Errorf("other symbols: %s\n%s", file, said)
	}
}
