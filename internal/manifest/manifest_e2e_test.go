//go:build e2e

package manifest

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

// TestRealTexts reads config and modules.builtin of one kernel of
// each series and architecture of the pool.
func TestRealTexts(t *testing.T) {
	cache := os.Getenv("KPKG_BTF_CACHE")
	if cache == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			t.Fatal(err)
		}
		cache = filepath.Join(home, ".cache", "kpkg-btf")
	}
	debs, err := filepath.Glob(filepath.Join(cache, "pool", "linux-base-*.deb"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		"linux-image-6.1.0-55-amd64_6.1.192-1", "linux-image-6.12.115+deb13-amd64_6.12.115-1",
	} {
		debs = append(debs, filepath.Join(cache, "pool", name+"_amd64.deb"))
	}
	for _, deb := range debs {
		dir := t.TempDir()
		tarball, err := exec.Command("dpkg-deb", "--fsys-tarfile", deb).Output()
		if err != nil {
			t.Fatalf("%s: %v: run testdata/real/fetch.sh", deb, err)
		}
		tar := exec.Command("tar", "-xC", dir, "--wildcards", "*/config*", "*/modules.builtin")
		tar.Stdin = bytes.NewReader(tarball)
		if out, err := tar.CombinedOutput(); err != nil {
			t.Fatalf("%s: tar: %v: %s", deb, err, out)
		}
		texts := map[string][]byte{}
		for _, pattern := range []string{"boot/config-*", "usr/lib/modules/*/config*", "lib/modules/*/modules.builtin", "usr/lib/modules/*/modules.builtin"} {
			found, _ := filepath.Glob(filepath.Join(dir, pattern))
			for _, f := range found {
				b, err := os.ReadFile(f)
				if err != nil {
					t.Fatal(err)
				}
				key := "config"
				if filepath.Base(f) == "modules.builtin" {
					key = "builtin"
				}
				texts[key] = b
			}
		}
		options, err := ConfigOptions(texts["config"])
		if err != nil || !slices.ContainsFunc(options, func(o Option) bool { return o == Option{"CONFIG_MODULES", "y"} }) {
			t.Errorf("%s: config: %d options, %v", deb, len(options), err)
		}
		builtin, err := BuiltInPaths(texts["builtin"])
		if err != nil || len(builtin) < 100 {
			t.Errorf("%s: %d built-in modules, %v", deb, len(builtin), err)
		}
		t.Logf("%s: %d options, %d built-in modules", filepath.Base(deb), len(options), len(builtin))
	}
}
