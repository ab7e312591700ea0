//go:build pipelines

package pipelines

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kpkg-btf/internal/realtest"
)

// buildToolRpms builds the tool's own packages once a run, in dist/rpm, from
// the tarball of `make dist` with Debian's rpmbuild, offline.
var buildToolRpms = sync.OnceValues(func() ([]string, error) {
	tarball, err := distTarball()
	if err != nil {
		return nil, err
	}
	top := filepath.Join(realtest.Root(), "dist/rpm")
	if err := os.RemoveAll(top); err != nil {
		return nil, err
	}
	cmd := exec.Command("rpmbuild", "-bb", "--clean", "--nodeps", "--define", "_topdir "+top, "--define", "_sourcedir "+filepath.Dir(tarball), rpmFile("kpkg-btf.spec"))
	cmd.Env = offline()
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("rpmbuild: %w\n%s", err, lastLines(string(out), 40))
	}
	rpms, err := filepath.Glob(filepath.Join(top, "RPMS/*/*.rpm"))
	if err != nil || len(rpms) != 3 {
		return nil, fmt.Errorf("%v %w", rpms, err)
	}
	return rpms, nil
})

func toolRpms(t *testing.T) []string {
	t.Helper()
	rpms, err := buildToolRpms()
	must(t, err)
	return rpms
}

// TestToolRpm: the tool's own rpms are installed into a root of their own, the
// program runs there, and they are removed.
func TestToolRpm(t *testing.T) {
	rpms := toolRpms(t)
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
	if said := run("rpm", "--root", root, "-V", "--nodeps", "kpkg-btf", "kpkg-btf-rpm-macros", "kpkg-btf-host"); strings.TrimSpace(said) != "" {
		t.Errorf("rpm -V: %s", said)
	}
	if said := run("chroot", root, "/usr/bin/kpkg-btf", "version"); !strings.Contains(said, "0.1.0") {
		t.Errorf("version: %s", said)
	}
	for _, name := range []string{"usr/lib/rpm/brp-kpkg-btf", "usr/lib/rpm/fileattrs/kpkgbtf.attr", "usr/lib/rpm/macros.d/macros.kpkg-btf", "usr/share/man/man1/kpkg-btf-check.1", "usr/share/man/man5/kpkg-btf-policy.5", "usr/share/man/man7/kpkg-btf-concepts.7"} {
		if found, _ := filepath.Glob(filepath.Join(root, name+"*")); len(found) != 1 {
			t.Errorf("%s: %v", name, found)
		}
	}
	run("rpm", "--root", root, "-e", "kpkg-btf", "kpkg-btf-rpm-macros", "kpkg-btf-host")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/kpkg-btf")); err == nil {
		t.Error("the program is still there after removal")
	}
}
