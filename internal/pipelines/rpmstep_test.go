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

// Debian's rpmbuild runs the macros, the step and the dependency generator of
// rpm/ here. What Fedora's kernel.spec does around them (order of
// __spec_install_post, signing and compressing after the step) is imitated.
const stepSpec = `
Name: kernel-core
Version: 6.1.0
Release: 1
Summary: test
License: GPL-2.0
%%global debug_package %%{nil}
%%global _build_id_links none
%%global __arch_install_post %%{nil}
%%global __os_install_post %s
%%define __modsign_install_post find %%{buildroot} -name '*.ko' -exec xz --check=crc32 --lzma2=dict=1MiB {} +
%%define __spec_install_post %%{__arch_install_post}\
	%%{__os_install_post}\
	%%{?__kpkg_btf_install_post}\
	%%{__modsign_install_post}
%%description
test
%%install
mkdir -p %%{buildroot}
cp -a %s/. %%{buildroot}/
%%{kpkg_btf_note}
%%files
/boot/*
/usr/lib/modules/*
/usr/src/*
`

const stepRelease = "6.1.0-1-amd64"

// builder runs rpmbuild with the files of rpm/ as if they were installed.
type builder struct {
	top  string
	path string // PATH
	defs []string
}

func newBuilder(t *testing.T, defs ...string) *builder {
	t.Helper()
	b := &builder{top: t.TempDir(), path: filepath.Dir(realtest.Binary(t)) + ":" + os.Getenv("PATH"), defs: defs}
	attrs := filepath.Join(b.top, "fileattrs")
	must(t, os.MkdirAll(attrs, 0o755))
	system, err := filepath.Glob("/usr/lib/rpm/fileattrs/*.attr")
	must(t, err)
	for _, f := range append(system, rpmFile("kpkgbtf.attr")) {
		text, err := os.ReadFile(f)
		must(t, err)
		must(t, os.WriteFile(filepath.Join(attrs, filepath.Base(f)), text, 0o644))
	}
	return b
}

func rpmFile(name string) string { return filepath.Join(realtest.Root(), "rpm", name) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// build returns the one package made, or "" and what rpmbuild said.
func (b *builder) build(t *testing.T, spec string) (file, said string) {
	t.Helper()
	top := filepath.Join(b.top, fmt.Sprint("build", len(dirs(t, b.top))))
	must(t, os.MkdirAll(top, 0o755))
	path := filepath.Join(top, "x.spec")
	must(t, os.WriteFile(path, []byte(spec), 0o644))
	// rpm lists the attributes of a folder, but reads them with its macros.
	args := []string{"--load", rpmFile("macros.kpkg-btf"), "--load", rpmFile("kpkgbtf.attr"), "-bb", "--define", "_topdir " + top, "--define", "_fileattrsdir " + filepath.Join(b.top, "fileattrs"),
		"--define", "__kpkg_btf_brp " + rpmFile("brp-kpkg-btf"), "--define", "__kpkg_btf_deps " + rpmFile("kpkg-btf.deps")}
	for _, d := range b.defs {
		args = append(args, "--define", d)
	}
	cmd := exec.Command("rpmbuild", append(args, path)...)
	cmd.Env = append(os.Environ(), "PATH="+b.path, "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", string(out)
	}
	found, err := filepath.Glob(filepath.Join(top, "RPMS/*/*.rpm"))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v %v\n%s", found, err, out)
	}
	return found[0], string(out)
}

func dirs(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	all, err := os.ReadDir(dir)
	must(t, err)
	return all
}

// staged is a kernel whose modules are not signed yet.
func staged(t *testing.T, k releasetest.Kernel) string {
	t.Helper()
	dir := t.TempDir()
	k.Release, k.ModuleKey = stepRelease, "none"
	must(t, releasetest.WriteTree(dir, k.Files()))
	return dir
}

func query(t *testing.T, file string, what ...string) string {
	t.Helper()
	out, err := exec.Command("rpm", append(append([]string{"-qp", "--nosignature"}, what...), file)...).CombinedOutput()
	if err != nil {
		t.Fatalf("rpm -qp %v: %v\n%s", what, err, out)
	}
	return string(out)
}

// baseSum is the base's checksum as record gives it.
func baseSum(t *testing.T, image string) string {
	t.Helper()
	out, complaint, code := realtest.Run(t, "record", image)
	_, rest, ok := strings.Cut(out, `"base": {"sha256":"`)
	if code != 0 || !ok {
		t.Fatalf("record: exit %d %s", code, complaint)
	}
	return rest[:64]
}

// TestRpmStep: a sound kernel passes, and its package says which base it has.
func TestRpmStep(t *testing.T) {
	b := newBuilder(t, "_kpkg_btf_deps 1")
	stage := staged(t, releasetest.Kernel{})
	file, said := b.build(t, fmt.Sprintf(stepSpec, "%{nil}", stage))
	if file == "" || !strings.Contains(said, "KEEP   ") {
		t.Fatal(said)
	}
	sum := baseSum(t, filepath.Join(stage, "boot/vmlinuz-"+stepRelease))
	want := "kernel-btf(" + stepRelease + ") = " + sum
	if got := query(t, file, "--provides"); !strings.Contains(got, want+"\n") {
		t.Errorf("provides:\n%s", got)
	}
	if got := query(t, file, "--requires"); !strings.Contains(got, want+"\n") {
		t.Errorf("requires:\n%s", got)
	}
	if got := query(t, file, "-l"); strings.Count(got, ".ko.xz") != 3 {
		t.Errorf("compressed after the step:\n%s", got)
	}
	out, complaint, code := realtest.Run(t, "check", file, "--signatures", "ignored")
	if code != 0 {
		t.Errorf("check: exit %d\n%s%s", code, out, complaint)
	}
	// Nobody asked: no dependencies.
	b.defs = nil
	file, _ = b.build(t, fmt.Sprintf(stepSpec, "%{nil}", stage))
	if got := query(t, file, "--provides", "--requires"); strings.Contains(got, "kernel-btf") {
		t.Errorf("without _kpkg_btf_deps:\n%s", got)
	}
}

// TestRpmStepRepairs: on an older release, which would refuse the modules' BTF,
// they cannot load; the step strips them, and what is packed is kept.
func TestRpmStepRepairs(t *testing.T) {
	old := staged(t, releasetest.Kernel{Strict: true})
	stage := staged(t, releasetest.Kernel{Image: btftest.Grown, Build: btftest.Grown})
	b := newBuilder(t, "_kpkg_btf_deps 1", "_kpkg_btf_against "+old)
	file, said := b.build(t, fmt.Sprintf(stepSpec, "%{nil}", stage))
	if file == "" || !strings.Contains(said, "STRIP  ") || !strings.Contains(said, "KEEP   ") {
		t.Fatal(said)
	}
	if got := query(t, file, "--requires"); strings.Contains(got, "kernel-btf(") {
		t.Errorf("stripped modules need no base:\n%s", got)
	}
	out, complaint, code := realtest.Run(t, "check", file, "--against", old, "--signatures", "ignored")
	if code != 0 {
		t.Errorf("check: exit %d\n%s%s", code, out, complaint)
	}
	b.defs = append(b.defs, "_kpkg_btf_repair 0")
	if file, said := b.build(t, fmt.Sprintf(stepSpec, "%{nil}", stage)); file != "" || !strings.Contains(said, "modules need repair (exit 3)") {
		t.Errorf("without repair: %s\n%s", file, said)
	}
}

// TestRpmStepFails: the build stops, and its last lines say why.
func TestRpmStepFails(t *testing.T) {
	for _, c := range []struct {
		name, strip, want string
		kernel            releasetest.Kernel
	}{
		{"modules of another build", "%{nil}", "build again (exit 6)", releasetest.Kernel{Image: btftest.Grown}},
		{"stripping loses BTF", `find %{buildroot} -name '*.ko' -exec objcopy -R .BTF {} ';'`, "--keep-section .BTF", releasetest.Kernel{}},
	} {
		file, said := newBuilder(t).build(t, fmt.Sprintf(stepSpec, c.strip, staged(t, c.kernel)))
		last := said[max(0, len(said)-1200):]
		if file != "" || !strings.Contains(last, c.want) {
			t.Errorf("%s: %s, last lines:\n%s", c.name, file, last)
		}
	}
}

// TestRpmStepWithoutTool: one loud line, and the package is built.
func TestRpmStepWithoutTool(t *testing.T) {
	b := newBuilder(t, "_kpkg_btf_deps 1")
	b.path = "/usr/bin:/bin"
	if _, err := os.Stat("/usr/bin/kpkg-btf"); err == nil {
		t.Fatal("kpkg-btf is installed on this machine")
	}
	file, said := b.build(t, fmt.Sprintf(stepSpec, "%{nil}", staged(t, releasetest.Kernel{Image: btftest.Grown})))
	if file == "" || strings.Count(said, "brp-kpkg-btf: kpkg-btf is NOT INSTALLED") != 2 { // the note and the step
		t.Error(said)
	}
}

// kmodSpec is a package of external modules; kpkg_btf puts the step behind the
// other brp's.
const kmodSpec = `
Name: kmod-test
Version: 1
Release: 1
Summary: test
License: GPL-2.0
%%global debug_package %%{nil}
%%global _build_id_links none
%%global __os_install_post %%{nil}
%%{kpkg_btf}
%%description
test
%%install
mkdir -p %%{buildroot}/usr/lib/modules/%s/extra
cp %s %%{buildroot}/usr/lib/modules/%s/extra/
%%files
/usr/lib/modules/*
`

// TestRpmKmod: a kmod with split BTF asks for the base it was built on, so rpm
// refuses it on another build of the kernel; one without BTF asks for none.
func TestRpmKmod(t *testing.T) {
	k := releasetest.Kernel{Release: stepRelease, ModuleKey: "none", Modules: []string{"alpha"}}
	dir := staged(t, k)
	image := filepath.Join(dir, "boot/vmlinuz-"+stepRelease)
	module := filepath.Join(dir, "usr/lib/modules", stepRelease, "kernel/drivers/alpha.ko")
	bare := filepath.Join(t.TempDir(), "bare.ko")
	if out, err := exec.Command("objcopy", "-R", ".BTF", module, bare).CombinedOutput(); err != nil {
		t.Fatalf("objcopy: %v %s", err, out)
	}
	b := newBuilder(t, "_kpkg_btf_deps 1", "_kpkg_btf_base "+image, "_kpkg_btf_on "+dir)
	file, said := b.build(t, fmt.Sprintf(kmodSpec, stepRelease, module, stepRelease))
	if file == "" || !strings.Contains(said, "KEEP   ") {
		t.Fatal(said)
	}
	want := "kernel-btf(" + stepRelease + ") = " + baseSum(t, image)
	if got := query(t, file, "--requires"); !strings.Contains(got, want+"\n") {
		t.Errorf("requires:\n%s\n%s", got, said)
	}
	without, said := b.build(t, fmt.Sprintf(kmodSpec, stepRelease, bare, stepRelease))
	if without == "" {
		t.Fatal(said)
	}
	if got := query(t, without, "--requires", "--provides"); strings.Contains(got, "kernel-btf(") {
		t.Errorf("without BTF:\n%s", got)
	}
	kb := newBuilder(t, "_kpkg_btf_deps 1")
	right, _ := kb.build(t, fmt.Sprintf(stepSpec, "%{nil}", staged(t, releasetest.Kernel{})))
	wrong, _ := kb.build(t, fmt.Sprintf(stepSpec, "%{nil}", staged(t, releasetest.Kernel{Image: btftest.Grown, Build: btftest.Grown})))
	if out, err := installed(t, right, file); err != nil {
		t.Errorf("the kernel it was built on: %v\n%s", err, out)
	}
	out, err := installed(t, wrong, file)
	if err == nil || !strings.Contains(out, want+" is needed by kmod-test") {
		t.Errorf("another build of the kernel: %v\n%s", err, out)
	}
	if out, err := installed(t, wrong, without); err != nil {
		t.Errorf("no BTF, another kernel: %v\n%s", err, out)
	}
}

// installed installs a kernel and then a kmod into a root of their own.
func installed(t *testing.T, kernel, kmod string) (string, error) {
	t.Helper()
	root := t.TempDir()
	run := func(args ...string) (string, error) {
		out, err := exec.Command("rpm", append([]string{"--root", root}, args...)...).CombinedOutput()
		return string(out), err
	}
	if out, err := run("--initdb"); err != nil {
		t.Fatal(out, err)
	}
	if out, err := run("-i", "--nosignature", kernel); err != nil {
		t.Fatal(out, err)
	}
	return run("-i", "--nosignature", kmod)
}
