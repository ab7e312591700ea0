package release_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/release/releasetest"
)

// Whatever contradicts in a release, what is made of it does not depend on the
// order of the inputs, nor on where among the members of a tree a file lies.
func TestContradictionsInAnyOrder(t *testing.T) {
	files := releasetest.Kernel{Release: name}.Files()
	config := "boot/config-" + name
	head := "# Automatically generated file; DO NOT EDIT.\n# Linux/x86 6.1.0 Kernel Configuration\n"
	deb := func(pkg, version string, f map[string][]byte) []byte {
		return releasetest.Deb(pkg, version, "amd64", f)
	}
	one := func(path, text string) map[string][]byte { return map[string][]byte{path: []byte(text)} }
	symvers := "usr/src/linux-headers-" + name + "/Module.symvers"
	builtin := "usr/lib/modules/" + name + "/modules.builtin"
	for _, c := range []struct {
		what   string
		more   map[string][]byte // packages beside the kernel's
		kinds  []release.AnomalyKind
		option string // of CONFIG_MODULE_FORCE_LOAD; "-" not known
	}{
		{"nothing", nil, nil, "n"},
		{"stale config", map[string][]byte{"x.deb": deb("x", "2", one("usr/lib/modules/"+name+"/config", head+"# CONFIG_DEBUG_INFO_BTF is not set\nCONFIG_MODVERSIONS=y\nCONFIG_MODULE_SIG=y\nCONFIG_MODULE_ALLOW_BTF_MISMATCH=y\n"))},
			[]release.AnomalyKind{release.ConfigDiffers, release.ConfigDiffers}, "n"},
		{"unsettled", map[string][]byte{"x.deb": deb("x", "2", one(config, "CONFIG_MODULE_FORCE_LOAD=y\n"))}, []release.AnomalyKind{release.ConfigDiffers}, "-"},
		{"nameless", map[string][]byte{"loose.config": []byte("CONFIG_MODULE_FORCE_LOAD=y\n")}, []release.AnomalyKind{release.ConfigUnused}, "n"},
		{"symvers", map[string][]byte{"x.deb": deb("x", "2", one(symvers, "0x00000001\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n")), "y.deb": deb("y", "3", one(symvers, "0x00000002\tprintk\tvmlinux\tEXPORT_SYMBOL\t\n"))},
			[]release.AnomalyKind{release.SymversDiffers}, "n"},
		{"builtin", map[string][]byte{"x.deb": deb("x", "1", one(builtin, "kernel/a.ko\n")), "y.deb": deb("y", "3", one(builtin, "kernel/b.ko\n"))},
			[]release.AnomalyKind{release.BuiltinDiffers}, "n"},
	} {
		dir := t.TempDir()
		in := []pack.Input{{Path: filepath.Join(dir, "kernel.deb"), Size: -1}}
		write := func(file string, data []byte) {
			if err := os.WriteFile(filepath.Join(dir, file), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		write("kernel.deb", deb("linux-image", "1", files))
		for file, data := range c.more {
			write(file, data)
			in = append(in, pack.Input{Path: filepath.Join(dir, file), Size: -1})
		}
		var first string
		for turn := range 2 * len(in) {
			if turn == len(in) {
				in[0], in[len(in)-1] = in[len(in)-1], in[0]
			}
			in = append(in[1:], in[0])
			r := only(t, load(t, in))
			var kinds []release.AnomalyKind
			for _, a := range r.Anomalies {
				kinds = append(kinds, a.Kind)
			}
			if !reflect.DeepEqual(kinds, c.kinds) {
				t.Fatalf("%s: %+v, want %v", c.what, r.Anomalies, c.kinds)
			}
			if v, ok := r.Options.Value("CONFIG_MODULE_FORCE_LOAD"); v != c.option && (ok || c.option != "-") {
				t.Errorf("%s: CONFIG_MODULE_FORCE_LOAD %q, %v", c.what, v, ok)
			}
			if v, _ := r.Options.Value("CONFIG_DEBUG_INFO_BTF_MODULES"); v != "y" {
				t.Errorf("%s: CONFIG_DEBUG_INFO_BTF_MODULES %q", c.what, v)
			}
			all := fmt.Sprintf("%+v %v %s %v", r.Anomalies, r.Options, r.SymversSource, r.Builtin == nil)
			if first == "" {
				first = all
			}
			if all != first {
				t.Errorf("%s: in another order\n%s\nwant\n%s", c.what, all, first)
			}
		}
	}
}
