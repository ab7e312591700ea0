//go:build pipelines

package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestToolRpm builds the tool's own packages from the tarball of `make dist`
// with Debian's rpmbuild, installs them into a root of their own, runs the
// program there and removes them.
func TestToolRpm(t *testing.T) {
	top := t.TempDir()
	tarball := distTarball(t)
	cmd := exec.Command("rpmbuild", "-bb", "--nodeps", "--define", "_topdir "+top, "--define", "_sourcedir "+filepath.Dir(tarball), rpmFile("kpkg-btf.spec"))
	cmd.Env = offline(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("rpmbuild: %v\n%s", err, out[max(0, len(out)-3000):])
	}
	rpms, err := filepath.Glob(filepath.Join(top, "RPMS/*/*.rpm"))
	if err != nil || len(rpms) != 2 {
		t.Fatal(rpms, err)
	}
	root := t.TempDir()
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %v\n%s", args, err, out)
		}
		return string(out)
	}
	run("rpm", "--root", root, "--initdb")
	run(append([]string{"rpm", "--root", root, "-i", "--nodeps", "--nosignature"}, rpms...)...)
	if said := run("rpm", "--root", root, "-V", "--nodeps", "kpkg-btf", "kpkg-btf-rpm-macros"); strings.TrimSpace(said) != "" {
		t.Errorf("rpm -V: %s", said)
	}
	if said := run("chroot", root, "/usr/bin/kpkg-btf", "version"); !strings.Contains(said, "0.1.0") {
		t.Errorf("version: %s", said)
	}
	for _, name := range []string{"usr/lib/rpm/brp-kpkg-btf", "usr/lib/rpm/fileattrs/kpkgbtf.attr", "usr/lib/rpm/macros.d/macros.kpkg-btf", "usr/share/man/man1/kpkg-btf-check.1"} {
		if found, _ := filepath.Glob(filepath.Join(root, name+"*")); len(found) != 1 {
			t.Errorf("%s: %v", name, found)
		}
	}
	run("rpm", "--root", root, "-e", "kpkg-btf", "kpkg-btf-rpm-macros")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/kpkg-btf")); err == nil {
		t.Error("the program is still there after removal")
	}
}
