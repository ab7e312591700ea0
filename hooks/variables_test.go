package hooks

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestVariables(t *testing.T) {
	list := Variables()
	if !slices.IsSorted(list) || len(slices.Compact(slices.Clone(list))) != len(list) {
		t.Errorf("%q", list)
	}
	for _, v := range list {
		if !IsVariable(v) || IsOldVariable(v) {
			t.Errorf("%s: is none", v)
		}
	}
	for old, want := range map[string]string{"KPKG_BTF_AGAINST": "KPKG_BTF_BUILD_AGAINST", "KPKG_BTF_REQUIRED": "KPKG_BTF_BUILD_REQUIRED"} {
		if IsVariable(old) || !IsOldVariable(old) || NewName(old) != want {
			t.Errorf("%s: %s", old, NewName(old))
		}
	}
	for _, no := range []string{"KPKG_BTF_BUILD_", "KPKG_BTF_BUILD_NO", "KPKG_BTF_HOST", "AGAINST", ""} {
		if IsVariable(no) || IsOldVariable(no) {
			t.Errorf("%q is one", no)
		}
	}
}

// run runs a program in an empty folder with the environment given alone.
func run(t *testing.T, env []string, name string, args ...string) (said string, code int) {
	t.Helper()
	c := exec.Command(name, args...)
	c.Dir, c.Env = t.TempDir(), append([]string{"PATH=/usr/bin:/bin"}, env...)
	out, err := c.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", name, err)
	}
	return string(out), c.ProcessState.ExitCode()
}

// Old names of variables work in the fragments of make, with a warning, those
// of today win, and what is misspelt is named.
func TestVariablesOfFragments(t *testing.T) {
	for _, name := range []string{"before-dh_strip", "rules.real", "bindeb-pkg"} {
		h, ok := Find(name)
		if !ok {
			t.Fatal(name)
		}
		dir := t.TempDir()
		file := filepath.Join(dir, "test.mk")
		text := append(h.Text(), "\nshow:\n\t@echo against=$(KPKG_BTF_BUILD_AGAINST) required=$(KPKG_BTF_BUILD_REQUIRED)\n"...)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			env   []string
			want  []string
			never string
		}{
			{[]string{"KPKG_BTF_AGAINST=a.json b.json"}, []string{"against=a.json b.json required=", "KPKG_BTF_AGAINST is now called KPKG_BTF_BUILD_AGAINST"}, "no variable"},
			{[]string{"KPKG_BTF_BUILD_AGAINST=new", "KPKG_BTF_AGAINST=old"}, []string{"against=new "}, "is now called"},
			{[]string{"KPKG_BTF_BUILD_REQUIRED=1"}, []string{"required=1"}, "kpkg-btf:"},
			{[]string{"KPKG_BTF_BUILD_AGIANST=x"}, []string{"KPKG_BTF_BUILD_AGIANST is no variable of the hooks"}, "is now called"},
		} {
			said, code := run(t, c.env, "make", "-s", "-f", file, "KPKG_BTF=true", "show")
			for _, w := range c.want {
				if code != 0 || !strings.Contains(said, w) {
					t.Errorf("%s %q: exit %d, not %q in\n%s", name, c.env, code, w, said)
				}
			}
			if strings.Contains(said, c.never) {
				t.Errorf("%s %q: %q in\n%s", name, c.env, c.never, said)
			}
		}
		for _, v := range Variables() {
			if said, _ := run(t, []string{v + "=1"}, "make", "-s", "-f", file, "KPKG_BTF=true", "show"); strings.Contains(said, "no variable") {
				t.Errorf("%s does not know %s:\n%s", name, v, said)
			}
		}
	}
}

// The hooks of dpkg-buildpackage read old names too: without the program,
// REQUIRED is what fails the build.
func TestVariablesOfHooks(t *testing.T) {
	for _, name := range []string{"dpkg-buildpackage-gate", "dpkg-buildpackage-repair"} {
		h, _ := Find(name)
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, h.Text(), 0o700); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			env  string
			code int
			old  bool
		}{{"KPKG_BTF_BUILD_REQUIRED=1", 1, false}, {"KPKG_BTF_REQUIRED=1", 1, true}, {"OTHER=1", 0, false}} {
			said, code := run(t, []string{c.env}, "sh", file)
			if code != c.code || strings.Contains(said, "KPKG_BTF_REQUIRED is now called KPKG_BTF_BUILD_REQUIRED") != c.old {
				t.Errorf("%s %s: exit %d\n%s", name, c.env, code, said)
			}
		}
	}
}

// Hooks of a build read no variable that is not in the table, and none under
// its old name but where they say so.
func TestTableOfVariables(t *testing.T) {
	word := regexp.MustCompile(`KPKG_BTF_[A-Z_]*[A-Z]`)
	for _, h := range All() {
		if strings.HasPrefix(h.File, "host/") {
			continue
		}
		for _, v := range word.FindAllString(string(h.Text()), -1) {
			// Those of --store and --shards, which audit run reads itself.
			ofFlag := strings.HasPrefix(h.File, "audit/") && (v == "KPKG_BTF_STORE" || v == "KPKG_BTF_SHARDS")
			if !IsVariable(v) && !ofFlag && v != "KPKG_BTF_BUILD" && v != "KPKG_BTF_HOOKS" {
				t.Errorf("%s reads %s, which hooks/variables.go does not list", h.Name, v)
			}
		}
	}
}

// Packages of debug information are left out, unless they are asked for.
func TestDebugPackages(t *testing.T) {
	for _, name := range []string{"dpkg-buildpackage-gate", "dpkg-buildpackage-repair"} {
		h, _ := Find(name)
		for env, want := range map[string]string{
			"OTHER=1":                "check ../linux-image-6.1.0-1-amd64_1_amd64.deb ../linux-di_1_amd64.udeb",
			"KPKG_BTF_BUILD_DEBUG=1": "check ../linux-image-6.1.0-1-amd64_1_amd64.deb ../linux-image-6.1.0-1-amd64-dbg_1_amd64.deb ../tool-dbgsym_1_amd64.deb ../linux-di_1_amd64.udeb",
		} {
			dir := t.TempDir()
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			must(os.MkdirAll(filepath.Join(dir, "debian"), 0o755))
			must(os.WriteFile(filepath.Join(dir, "hook"), h.Text(), 0o700))
			must(os.WriteFile(filepath.Join(dir, "kpkg-btf"), []byte("#!/bin/sh\necho \"$@\"\n"), 0o700))
			must(os.WriteFile(filepath.Join(dir, "debian/files"), []byte("linux-image-6.1.0-1-amd64_1_amd64.deb kernel optional\nlinux-image-6.1.0-1-amd64-dbg_1_amd64.deb debug optional\n"+
				"tool-dbgsym_1_amd64.deb debug optional automatic=yes\nlinux-di_1_amd64.udeb debian-installer optional\nlinux_1.buildinfo kernel optional\n"), 0o600))
			c := exec.Command("sh", filepath.Join(dir, "hook"))
			c.Dir, c.Env = dir, []string{"PATH=" + dir + ":/usr/bin:/bin", env}
			out, err := c.CombinedOutput()
			if err != nil || !strings.HasPrefix(string(out), want) || strings.HasPrefix(string(out), want+" ../") {
				t.Errorf("%s %s: %v: %s", name, env, err, out)
			}
		}
	}
}
