//go:build pipelines

package pipelines

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"kpkg-btf/internal/realtest"
)

// toolPackages are the tool's own Debian packages.
type toolPackages struct {
	changes string
	debs    []string
}

// buildTool builds them once a run, in dist/deb, from the tarball of `make
// dist`, offline.
var buildTool = sync.OnceValues(func() (*toolPackages, error) {
	tarball, err := distTarball()
	if err != nil {
		return nil, err
	}
	top := filepath.Join(realtest.Root(), "dist/deb")
	source := filepath.Join(top, "kpkg-btf")
	prepare := exec.Command("sh", "-ec", `rm -rf "$1" && mkdir -p "$2" && cp "$3" "$1/" && tar -C "$2" --strip-components=1 -xf "$3" && cp -r "$4" "$2/"`,
		"sh", top, source, tarball, filepath.Join(realtest.Root(), "debian"))
	if out, err := prepare.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, out)
	}
	build := exec.Command("dpkg-buildpackage", "-us", "-uc")
	build.Dir, build.Env = source, append(offline(), "DEB_BUILD_OPTIONS=nocheck")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("dpkg-buildpackage: %w\n%s", err, lastLines(string(out), 40))
	}
	debs, err := filepath.Glob(filepath.Join(top, "*.deb"))
	changes, err2 := filepath.Glob(filepath.Join(top, "*.changes"))
	if len(debs) != 3 || len(changes) != 1 {
		return nil, fmt.Errorf("%v %v: %w", debs, changes, errors.Join(err, err2))
	}
	return &toolPackages{changes[0], debs}, os.RemoveAll(source)
})

func toolDebs(t *testing.T) *toolPackages {
	t.Helper()
	p, err := buildTool()
	must(t, err)
	return p
}

// TestToolDeb: lintian finds nothing in the tool's own packages; they are
// installed into a root of their own, the program runs there, and they are
// removed and leave nothing.
func TestToolDeb(t *testing.T) {
	tool := toolDebs(t)
	if said := output(t, "lintian", "--allow-root", "--fail-on", "error,warning", tool.changes); strings.TrimSpace(said) != "" {
		t.Errorf("lintian:\n%s", said)
	}
	root := emptyRoot(t)
	dpkg := func(args ...string) string {
		return output(t, append([]string{"dpkg", "--root=" + root, "--force-script-chrootless", "--force-depends"}, args...)...)
	}
	dpkg(append([]string{"-i"}, tool.debs...)...)
	if said := output(t, "dpkg", "--root="+root, "-V"); said != "" {
		t.Errorf("dpkg -V: %s", said)
	}
	if said := output(t, "chroot", root, "/usr/bin/kpkg-btf", "version"); !strings.HasPrefix(said, "kpkg-btf ") {
		t.Errorf("version: %s", said)
	}
	for _, name := range []string{"usr/bin/dh_kpkg_btf", "usr/share/perl5/Debian/Debhelper/Sequence/kpkg_btf.pm", "usr/share/man/man1/kpkg-btf-check.1.gz", "usr/share/man/man5/kpkg-btf-policy.5.gz", "usr/share/man/man7/kpkg-btf-concepts.7.gz",
		"usr/share/man/man1/dh_kpkg_btf.1.gz", "usr/share/bash-completion/completions/kpkg-btf", "usr/share/kpkg-btf/hooks/gitlab/salsa-ci.yml"} {
		if _, err := os.Stat(filepath.Join(root, name)); err != nil {
			t.Error(err)
		}
	}
	autopkgtestDebhelper(t, root)
	dpkg("-P", "kpkg-btf", "dh-kpkg-btf", "kpkg-btf-host")
	if left := output(t, "find", root, "-path", "*/var", "-prune", "-o", "-mindepth", "1", "-print"); left != "" {
		t.Errorf("left after purging:\n%s", left)
	}
}

// autopkgtestDebhelper runs debian/tests/debhelper with the add-on as it was
// installed in root, and this machine's debhelper and dpkg-dev. The other two
// run in a chroot: TestHostHooks.
func autopkgtestDebhelper(t *testing.T, root string) {
	t.Helper()
	cmd := exec.Command(filepath.Join(realtest.Root(), "debian/tests/debhelper"))
	cmd.Env = append(os.Environ(), "AUTOPKGTEST_TMP="+t.TempDir(), "PATH="+filepath.Join(root, "usr/bin")+":"+os.Getenv("PATH"), "PERL5LIB="+filepath.Join(root, "usr/share/perl5"))
	if out, err := cmd.CombinedOutput(); err != nil || !strings.Contains(string(out), "dh_kpkg_btf") {
		t.Errorf("autopkgtest debhelper: %v\n%s", err, lastLines(string(out), 20))
	}
}
