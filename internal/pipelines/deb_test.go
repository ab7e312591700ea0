//go:build pipelines

package pipelines

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// fakeKernel is a source package that ships a kernel-shaped tree: real
// modules of pair A with their image, staged as a kernel's own rules would.
var fakeKernel = map[string]string{
	"debian/source/format": "3.0 (native)\n",
	"debian/changelog":     "fakelinux (6.1.192-2) unstable; urgency=medium\n\n  * x\n\n -- X <x@example.org>  Thu, 26 Nov 2026 00:00:00 +0000\n",
	"debian/control": `Source: fakelinux
Section: kernel
Priority: optional
Maintainer: X <x@example.org>
Build-Depends: debhelper-compat (= 13)
Standards-Version: 4.6.2
Rules-Requires-Root: no

Package: fakelinux-image
Architecture: amd64
Provides: ${btf:Provides}
Description: image of a kernel
 A test.

Package: fakelinux-modules
Architecture: amd64
Depends: ${btf:Depends}
XB-Kernel-BTF-Decision: ${btf:Decision}
Description: modules of a kernel
 A test.
`,
}

// modules of pair A that the fake kernel ships, about 200.
var shipped = []string{"kernel/net/netfilter/", "kernel/net/ipv4/", "kernel/net/sched/", "kernel/lib/"}

// stageParts unpacks the parts of one side of pair A that the fake kernel
// ships: image and config below one folder, modules and symbols below another.
func stageParts(t *testing.T, deb, headers, image, modules string) {
	t.Helper()
	count, name := 0, ""
	realtest.Walk(t, deb, func(path string, content io.Reader) error {
		where := ""
		switch {
		case strings.HasPrefix(path, "boot/vmlinuz-"), strings.HasPrefix(path, "boot/config-"):
			where = image
			name = strings.TrimPrefix(strings.TrimPrefix(path, "boot/config-"), "boot/vmlinuz-")
		case strings.HasSuffix(path, "/modules.builtin"):
			where = modules
		case strings.HasSuffix(path, ".ko"):
			for _, s := range shipped {
				if strings.Contains(path, "/"+s) {
					where = modules
				}
			}
			if where != "" {
				count++
			}
		}
		if where == "" {
			return nil
		}
		return realtest.WriteFile(filepath.Join(where, path), content)
	})
	if count < 150 {
		t.Fatalf("%d modules staged", count)
	}
	write(t, filepath.Join(modules, "usr/lib/modules", name, "build/Module.symvers"), realtest.Member(t, headers, "Module.symvers"))
}

// stageKernel makes the source of the fake kernel; image may be that of
// another build.
func stageKernel(t *testing.T, dir string, image string) {
	t.Helper()
	stageParts(t, realtest.Deb(t, realtest.PairANew), realtest.Deb(t, realtest.PairANewHeaders), filepath.Join(dir, "stage/image"), filepath.Join(dir, "stage/modules"))
	if image != "" {
		write(t, filepath.Join(dir, "stage/image/boot/vmlinuz-"+release), realtest.Member(t, image, "boot/vmlinuz-*"))
	}
	for name, text := range fakeKernel {
		write(t, filepath.Join(dir, name), []byte(text))
	}
}

// stageOld is the same kernel of the older upload, as a tree.
func stageOld(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	stageParts(t, realtest.Deb(t, realtest.PairAOld), realtest.Deb(t, realtest.PairAOldHeaders), dir, dir)
	return dir
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// rules are the package's debian/rules: with the add-on, or without.
func rules(t *testing.T, dir, with, more string) {
	t.Helper()
	text := fmt.Sprintf(`#!/usr/bin/make -f
%%:
	dh $@%s
override_dh_auto_install:
	mkdir -p debian/fakelinux-image debian/fakelinux-modules
	cp -a stage/image/. debian/fakelinux-image/
	cp -a stage/modules/. debian/fakelinux-modules/
override_dh_strip:
override_dh_usrlocal:
override_dh_builddeb:
	dh_builddeb -- -Zgzip -z1
%s`, with, more)
	write(t, filepath.Join(dir, "debian/rules"), []byte(text))
	if err := os.Chmod(filepath.Join(dir, "debian/rules"), 0o755); err != nil {
		t.Fatal(err)
	}
}

// environment has the tool and its debhelper add-on in front.
func environment(t *testing.T) []string {
	t.Helper()
	tools := t.TempDir()
	for target, source := range map[string]string{
		"bin/kpkg-btf":    realtest.Binary(t),
		"bin/dh_kpkg_btf": filepath.Join(realtest.Root(), "debian/dh/dh_kpkg_btf"),
		"perl/Debian/Debhelper/Sequence/kpkg_btf.pm": filepath.Join(realtest.Root(), "debian/dh/kpkg_btf.pm"),
	} {
		data, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(tools, target), data)
		if err := os.Chmod(filepath.Join(tools, target), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return append(os.Environ(), "PATH="+filepath.Join(tools, "bin")+":"+os.Getenv("PATH"), "PERL5LIB="+filepath.Join(tools, "perl"),
		"DEB_BUILD_OPTIONS=nostrip", "SOURCE_DATE_EPOCH=1700000000")
}

// build runs the real dpkg-buildpackage and gives its output.
func buildDeb(t *testing.T, dir string, env []string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command("dpkg-buildpackage", append([]string{"-b", "-d", "-us", "-uc"}, args...)...)
	cmd.Dir, cmd.Env = dir, env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func field(t *testing.T, deb, name string) string {
	t.Helper()
	out, err := exec.Command("dpkg-deb", "-f", deb, name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(out))
}

// lastLines is the end of a log, where people look.
func lastLines(log string, n int) string {
	lines := strings.Split(strings.TrimSpace(log), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

const (
	imageDeb   = "fakelinux-image_6.1.192-2_amd64.deb"
	modulesDeb = "fakelinux-modules_6.1.192-2_amd64.deb"
)

// noBTF counts the staged modules of a package that still carry BTF.
func withBTF(t *testing.T, deb string) (with, all int) {
	t.Helper()
	realtest.Walk(t, deb, func(name string, content io.Reader) error {
		if !strings.HasSuffix(name, ".ko") {
			return nil
		}
		data, err := io.ReadAll(content)
		all++
		if strings.Contains(string(data), "\x00.BTF\x00") {
			with++
		}
		return err
	})
	return with, all
}

// TestDebhelper: the add-on decides between dh_strip and dh_gencontrol,
// strips what the older kernel would misread, and names the base.
func TestDebhelper(t *testing.T) {
	old := stageOld(t)
	dir := filepath.Join(t.TempDir(), "fakelinux")
	stageKernel(t, dir, "")
	rules(t, dir, " --with kpkg-btf", "override_dh_kpkg_btf:\n\tdh_kpkg_btf --against "+old+" --apply-flag=--drop-signature -- --as-if-same-release --signatures ignored\n")
	env := environment(t)
	log, err := buildDeb(t, dir, env)
	if err != nil {
		t.Fatalf("%v\n%s", err, lastLines(log, 60))
	}
	image, modules := filepath.Join(filepath.Dir(dir), imageDeb), filepath.Join(filepath.Dir(dir), modulesDeb)
	if p := field(t, image, "Provides"); !strings.HasPrefix(p, "kernel-btf-") || len(p) != len("kernel-btf-")+16 {
		t.Errorf("provides %q", p)
	}
	if d := field(t, modules, "Kernel-BTF-Decision"); d != "keep" {
		t.Errorf("decision after the repair %q", d)
	}
	with, all := withBTF(t, modules)
	if all < 150 || with == all || !strings.Contains(log, "STRIP  ") {
		t.Errorf("%d of %d modules still have BTF\n%s", with, all, lastLines(log, 40))
	}
	// What was built is right as it stands, by the finished packages alone.
	out, complaint, code := realtest.Run(t, "check", image, modules, "--against", old, "--as-if-same-release", "--signatures", "ignored")
	if code != 0 {
		t.Errorf("the built packages: exit %d\n%s%s", code, out, complaint)
	}
	install(t, image, modules)
}

// emptyRoot is a root folder with a dpkg database and nothing else.
func emptyRoot(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for _, d := range []string{"var/lib/dpkg/updates", "var/lib/dpkg/info", "var/log"} {
		if err := os.MkdirAll(filepath.Join(root, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, filepath.Join(root, "var/lib/dpkg/status"), nil)
	return root
}

// install lets the real dpkg unpack, configure and verify packages in a root
// of their own, one after the other where the names are the same.
func install(t *testing.T, debs ...string) (root string) {
	t.Helper()
	root = emptyRoot(t)
	output(t, append([]string{"dpkg", "--root=" + root, "--force-not-root", "--force-script-chrootless", "-i"}, debs...)...)
	if said := output(t, "dpkg", "--root="+root, "-V"); said != "" {
		t.Errorf("dpkg -V: %s", said)
	}
	return root
}

// TestDebhelperBroken: an image from a different build stops the build, and the
// last lines say why.
func TestDebhelperBroken(t *testing.T) {
	old := realtest.Deb(t, realtest.PairAOld)
	dir := filepath.Join(t.TempDir(), "fakelinux")
	stageKernel(t, dir, old)
	rules(t, dir, " --with kpkg-btf", "")
	log, err := buildDeb(t, dir, environment(t))
	end := lastLines(log, 12)
	if err == nil || !strings.Contains(end, "image and modules do not belong together: build again (exit 6)") && !strings.Contains(end, "the packages cannot be judged (exit 5)") {
		t.Errorf("%v\n%s", err, end)
	}
}

// TestBuildpackageHooks: the same without the add-on, on finished packages:
// repaired before dpkg-genbuildinfo takes their checksums, judged at the end.
func TestBuildpackageHooks(t *testing.T) {
	old := stageOld(t)
	dir := filepath.Join(t.TempDir(), "fakelinux")
	stageKernel(t, dir, "")
	rules(t, dir, "", "")
	hooks := t.TempDir()
	for _, name := range []string{"dpkg-buildpackage-repair", "dpkg-buildpackage-gate"} {
		if _, complaint, code := realtest.Run(t, "hooks", "print", name, "-o", filepath.Join(hooks, name)); code != 0 {
			t.Fatal(complaint)
		}
	}
	args := []string{"--hook-buildinfo=" + filepath.Join(hooks, "dpkg-buildpackage-repair"), "--hook-check=" + filepath.Join(hooks, "dpkg-buildpackage-gate")}
	env := append(environment(t), "KPKG_BTF_BUILD_AGAINST="+old, "KPKG_BTF_BUILD_CHECK=--as-if-same-release --signatures ignored", "KPKG_BTF_BUILD_REPORTS="+filepath.Join(hooks, "reports"))

	// Signed modules, and nobody to sign them again: the build stops.
	log, err := buildDeb(t, dir, env, args...)
	if end := lastLines(log, 8); err == nil || !strings.Contains(end, "sign") {
		t.Errorf("signed modules: %v\n%s", err, end)
	}
	env = append(env, "KPKG_BTF_BUILD_APPLY=--drop-signature")
	log, err = buildDeb(t, dir, env, args...)
	if err != nil {
		t.Fatalf("%v\n%s", err, lastLines(log, 40))
	}
	above := filepath.Dir(dir)
	changes, err := filepath.Glob(filepath.Join(above, "*.changes"))
	if err != nil || len(changes) != 1 {
		t.Fatalf("%v %v", changes, err)
	}
	// The upload lists the repaired files: our reader compares each digest.
	out, complaint, code := realtest.Run(t, "check", changes[0], "--against", old, "--as-if-same-release", "--signatures", "ignored")
	if code != 0 {
		t.Errorf("the upload: exit %d\n%s%s", code, out, complaint)
	}
	if with, all := withBTF(t, filepath.Join(above, modulesDeb)); with == all {
		t.Errorf("%d of %d modules still have BTF", with, all)
	}
	for _, r := range []string{"junit.xml", "quality.json", "decision.json"} {
		if _, err := os.Stat(filepath.Join(hooks, "reports", r)); err != nil {
			t.Error(err)
		}
	}

	// Without the tool the build is one loud line richer, and goes on.
	env = append(os.Environ(), "DEB_BUILD_OPTIONS=nostrip")
	log, err = buildDeb(t, dir, env, args...)
	if err != nil || strings.Count(log, "NOT INSTALLED") != 2 {
		t.Errorf("without the tool: %v\n%s", err, lastLines(log, 20))
	}
}
