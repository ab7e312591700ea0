//go:build pipelines

package pipelines

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// TestToolDeb builds the tool's own Debian packages from the tarball of
// `make dist`, offline; lintian finds nothing; they are installed into a root
// of their own, the program runs there, and they are removed.
func TestToolDeb(t *testing.T) {
	top := t.TempDir()
	tarball := distTarball(t)
	output(t, "cp", tarball, top)
	output(t, "tar", "-C", top, "-xf", tarball)
	dirs, err := filepath.Glob(filepath.Join(top, "kpkg-btf-*"))
	if err != nil || len(dirs) != 1 {
		t.Fatal(dirs, err)
	}
	output(t, "cp", "-r", filepath.Join(realtest.Root(), "debian"), dirs[0])
	cmd := exec.Command("dpkg-buildpackage", "-us", "-uc")
	cmd.Dir = dirs[0]
	cmd.Env = append(offline(t), "DEB_BUILD_OPTIONS=nocheck")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("dpkg-buildpackage: %v\n%s", err, lastLines(string(out), 40))
	}
	debs, err := filepath.Glob(filepath.Join(top, "*.deb"))
	if err != nil || len(debs) != 2 {
		t.Fatal(debs, err)
	}
	changes, err := filepath.Glob(filepath.Join(top, "*.changes"))
	if err != nil || len(changes) != 1 {
		t.Fatal(changes, err)
	}
	if said := output(t, "lintian", "--allow-root", "--fail-on", "error,warning", changes[0]); strings.TrimSpace(said) != "" {
		t.Errorf("lintian:\n%s", said)
	}
	root := emptyRoot(t)
	dpkg := func(args ...string) string {
		return output(t, append([]string{"dpkg", "--root=" + root, "--force-script-chrootless", "--force-depends"}, args...)...)
	}
	dpkg(append([]string{"-i"}, debs...)...)
	if said := output(t, "dpkg", "--root="+root, "-V"); said != "" {
		t.Errorf("dpkg -V: %s", said)
	}
	if said := output(t, "chroot", root, "/usr/bin/kpkg-btf", "version"); !strings.HasPrefix(said, "kpkg-btf ") {
		t.Errorf("version: %s", said)
	}
	for _, name := range []string{"usr/bin/dh_kpkg_btf", "usr/share/perl5/Debian/Debhelper/Sequence/kpkg_btf.pm", "usr/share/man/man1/kpkg-btf-check.1.gz",
		"usr/share/man/man1/dh_kpkg_btf.1.gz", "usr/share/bash-completion/completions/kpkg-btf", "usr/share/kpkg-btf/hooks/gitlab/salsa-ci.yml"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	dpkg("-r", "kpkg-btf", "dh-kpkg-btf")
	if _, err := os.Stat(filepath.Join(root, "usr/bin/kpkg-btf")); err == nil {
		t.Error("the program is still there after removal")
	}
}
