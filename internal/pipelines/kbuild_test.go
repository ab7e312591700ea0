//go:build pipelines

package pipelines

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// tenLines is a module as anybody writes one; it uses a type of the kernel and
// has one of its own.
const tenLines = `#include <linux/module.h>
#include <linux/netdevice.h>
struct ten_lines { struct list_head list; u64 seen; const char *name; };
static struct ten_lines ten = { .name = "ten" };
static int __init ten_init(void) { INIT_LIST_HEAD(&ten.list); ten.seen = sizeof(struct net_device); return 0; }
static void __exit ten_exit(void) { pr_info("%s %llu\n", ten.name, ten.seen); }
module_init(ten_init);
module_exit(ten_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("ten lines");
`

// kbuild is what a packager of a module has of a kernel: its headers unpacked
// below a folder, and the image and config that are installed with them.
type kbuild struct {
	root   string // where the packages lie
	chroot string // the system that compiles, "" for this one
	suite  string
	name   string // uname -r
	on     string // argument of --on
}

// headersOf is a headers package: the pinned one, or what is the newest of the
// series now.
func headersOf(t *testing.T, pinned, newest string) string {
	t.Helper()
	_, err := realtest.Fetch(t.Context(), pinned)
	var gone *realtest.GoneError
	if err == nil || !errors.As(err, &gone) {
		return pinned
	}
	fmt.Println(gone)
	suite, _, _ := strings.Cut(pinned, "/")
	specs, err := realtest.Newest(t.Context(), suite, newest, 1)
	if err != nil || len(specs) == 0 {
		t.Fatalf("none like %s: %v", newest, err)
	}
	return specs[0]
}

// newKbuild unpacks linux-headers with what it depends on; kbuildPackage makes
// the name of linux-kbuild from uname -r. The packages are made to lie where they
// are: one line of theirs has an absolute path.
func newKbuild(t *testing.T, root, chroot, spec string, kbuildPackage func(abi string) string) *kbuild {
	t.Helper()
	suite, rest, _ := strings.Cut(spec, "/")
	pkg, version, _ := strings.Cut(rest, "=")
	name := strings.TrimPrefix(pkg, "linux-headers-")
	abi := strings.TrimSuffix(name, "-amd64")
	headers := realtest.Deb(t, spec)
	for _, deb := range []string{headers, realtest.Deb(t, suite+"/linux-headers-"+abi+"-common="+version), realtest.Deb(t, suite+"/"+kbuildPackage(abi)+"="+version)} {
		realtest.Extract(t, deb, root)
	}
	k := &kbuild{root: root, chroot: chroot, suite: suite, name: name}
	makefile := filepath.Join(root, "usr/src/linux-headers-"+name, "Makefile")
	text, err := os.ReadFile(makefile)
	must(t, err)
	write(t, makefile, []byte(strings.ReplaceAll(string(text), " /usr/src/", " "+k.inside("usr/src")+"/")))

	installed := t.TempDir()
	parts := realtest.Members(t, realtest.Deb(t, suite+"/linux-image-"+name+"="+version), "boot/config-*", "boot/vmlinuz-*")
	write(t, filepath.Join(installed, "boot/config-"+name), parts[0])
	write(t, filepath.Join(installed, "boot/vmlinuz-"+name), parts[1])
	list := filepath.Join(installed, "kernel.list")
	write(t, list, []byte(filepath.Join(installed, "boot")+"\n"+filepath.Join(root, "usr/src/linux-headers-"+name)+"\n"))
	k.on = "@" + list
	return k
}

// inside is a path below the root as the compiling system sees it.
func (k *kbuild) inside(path string) string {
	return strings.TrimPrefix(filepath.Join(k.root, path), k.chroot)
}

// make compiles the module with the kernel's own kbuild and gives the .ko and
// what was said.
func (k *kbuild) make(t *testing.T, dir string, args ...string) (ko, said string) {
	t.Helper()
	write(t, filepath.Join(k.root, dir, "tenlines.c"), []byte(tenLines))
	write(t, filepath.Join(k.root, dir, "Makefile"), []byte("obj-m := tenlines.o\n"))
	command := append([]string{"make", "-C", k.inside("usr/src/linux-headers-" + k.name), "M=" + k.inside(dir), "modules"}, args...)
	if k.chroot != "" {
		command = append([]string{"chroot", k.chroot}, command...)
	}
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Env = append(os.Environ(), "MAKEFLAGS=", "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", command, err, lastLines(string(out), 20))
	}
	return filepath.Join(k.root, dir, "tenlines.ko"), string(out)
}

// says runs the program and wants a code and words of its output.
func says(t *testing.T, code int, args []string, words ...string) {
	t.Helper()
	out, complaint, got := realtest.Run(t, args...)
	if got != code {
		t.Errorf("kpkg-btf %v: exit %d, want %d\n%s%s", args, got, code, out, complaint)
	}
	folded := strings.Join(strings.Fields(out), " ") // wherever a line is wrapped
	for _, w := range words {
		if !strings.Contains(folded, strings.Join(strings.Fields(w), " ")) {
			t.Errorf("kpkg-btf %v does not say %q:\n%s", args, w, out)
		}
	}
}

// judged checks a module on a kernel: it is keep, in these words, and a package
// of it depends on what is given.
func judged(t *testing.T, ko, on, depends string, words ...string) {
	t.Helper()
	vars := filepath.Join(t.TempDir(), "substvars")
	says(t, 0, []string{"check", ko, "--on", on, "--report", "substvars=" + vars, "-v"}, append(words, "KEEP   ")...)
	text, err := os.ReadFile(vars)
	if err != nil || !strings.Contains(string(text), "btf:Depends="+depends+"\n") {
		t.Errorf("%s: want a dependency on %q: %v\n%s", ko, depends, err, text)
	}
}

const noVmlinux = "vmlinux was unavailable at build time"

// TestKbuildWithoutVmlinux: Debian 12's headers have no vmlinux, and kbuild
// skips BTF in one line. The module loads; the program says why it has none, also
// where it lies in the kernel's own tree, and what it takes to have some.
func TestKbuildWithoutVmlinux(t *testing.T) {
	spec := headersOf(t, realtest.PairANewHeaders, `linux-headers-6\.1\.0-[0-9]+-amd64`)
	k := newKbuild(t, t.TempDir(), "", spec, func(string) string { return "linux-kbuild-6.1" })
	ko, said := k.make(t, "mod")
	if !strings.Contains(said, "Skipping BTF generation for") || !strings.Contains(said, "due to unavailability of vmlinux") {
		t.Fatalf("kbuild says\n%s", said)
	}
	judged(t, ko, k.on, "", "without BTF: "+noVmlinux, "without BTF", "headers with a vmlinux")
	says(t, 0, []string{"inspect", ko}, "none 1", noVmlinux)
	says(t, 0, []string{"record", ko}, `"btf":{"kind":"none"}`)
	// Stripped of debug information nothing in it tells any more which it was.
	output(t, "strip", "-g", ko)
	says(t, 0, []string{"inspect", ko}, noVmlinux, "or it was stripped")
}

// TestKbuildWithVmlinux: from 6.12.16 Debian's headers have a vmlinux with the
// kernel's BTF. The pahole of trixie makes distilled BTF of it, which every build
// of the kernel takes and which needs no dependency; one that cannot distil makes
// split BTF, bound to this base.
func TestKbuildWithVmlinux(t *testing.T) {
	chroot := filepath.Join(realtest.Cache(), "tools/trixie")
	if _, err := os.Stat(filepath.Join(chroot, ".complete")); err != nil {
		t.Fatalf("%v: run make tools", err)
	}
	root, err := os.MkdirTemp(filepath.Join(chroot, "tmp"), "kbuild")
	must(t, err)
	t.Cleanup(func() { os.RemoveAll(root) })
	spec := headersOf(t, realtest.PairBNewHeaders, `linux-headers-6\.12\.[0-9]+\+deb13(\.[0-9]+)?-amd64`)
	k := newKbuild(t, root, chroot, spec, func(abi string) string { return "linux-kbuild-" + abi })
	headers := filepath.Join(root, "usr/src/linux-headers-"+k.name)
	base := baseSum(t, headers)
	built := fmt.Sprintf("encoded against the base %s… of %s (its vermagic says so, its BTF agrees: ", base[:8], k.name)

	ko, said := k.make(t, "distilled")
	if strings.Contains(said, "Skipping BTF") {
		t.Fatalf("kbuild says\n%s", said)
	}
	judged(t, ko, k.on, "", "distilled BTF, "+built, ": fine, ")
	says(t, 0, []string{"inspect", ko}, "distilled 1", ".BTF.base: ")
	says(t, 0, []string{"record", ko}, `"btf":{"kind":"distilled"`)

	ko, _ = k.make(t, "split", "MODULE_PAHOLE_FLAGS=--btf_features=encode_force,var,float,enum64,decl_tag,type_tag")
	judged(t, ko, k.on, "kernel-btf-"+base[:16], "split BTF, "+built, ": fine, ")
	says(t, 0, []string{"inspect", ko}, "split 1")
	says(t, 0, []string{"record", ko}, `"btf":{"kind":"split"`)
	// Stamped at build time its base is known to whoever meets it later.
	out, complaint, code := realtest.Run(t, "apply", "--action=stamp", "--base-is-this-build", ko, "--in-place", "--base", headers)
	if code != 0 {
		t.Fatalf("stamp: exit %d\n%s%s", code, out, complaint)
	}
	judged(t, ko, k.on, "kernel-btf-"+base[:16], fmt.Sprintf("encoded against the base %s… of %s (its stamp says so)", base[:8], k.name))
	says(t, 0, []string{"record", ko}, "algorithm=sha256 digest="+base)
	// Of the headers alone it cannot be judged, and the answer says what to add.
	says(t, 5, []string{"check", ko, "--on", headers}, "give its image, too")
}
