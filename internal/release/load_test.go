package release_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/where"
)

const name = "6.1.0-1-amd64"

// put writes inputs and gives them for Load.
func put(t *testing.T, files map[string][]byte) []pack.Input {
	t.Helper()
	dir := t.TempDir()
	var in []pack.Input
	for f, data := range files {
		path := filepath.Join(dir, f)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		in = append(in, pack.Input{Path: path, Size: -1})
	}
	return in
}

func load(t *testing.T, in []pack.Input) *release.Loaded {
	t.Helper()
	l, err := release.Load(context.Background(), in, release.Options{Jobs: 3})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func only(t *testing.T, l *release.Loaded) *release.Release {
	t.Helper()
	if len(l.Releases) != 1 {
		t.Fatalf("%d releases, ignored %v", len(l.Releases), l.Ignored)
	}
	return l.Releases[0]
}

func record(t *testing.T, r *release.Release) []byte {
	t.Helper()
	m, err := r.Record("test")
	if err != nil {
		t.Fatal(err)
	}
	m.Packages = nil
	text, err := manifest.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// part is the files of a release whose path contains a word.
func part(files map[string][]byte, word string) map[string][]byte {
	out := map[string][]byte{}
	for p, d := range files {
		if strings.Contains(p, word) {
			out[p] = d
		}
	}
	return out
}

// However a release is split over packages, and whatever their order, it is
// one release with one manifest.
func TestManyInputsOneRelease(t *testing.T) {
	files := releasetest.Kernel{Release: name}.Files()
	whole := record(t, only(t, load(t, put(t, map[string][]byte{"all.deb": releasetest.Deb("linux-image", "1", "amd64", files)}))))
	split := put(t, map[string][]byte{
		"boot.deb":    releasetest.Deb("linux-binary", "1", "amd64", part(files, "boot/")),
		"modules.deb": releasetest.Deb("linux-modules", "1", "amd64", part(files, "lib/modules")),
		"headers.deb": releasetest.Deb("linux-headers", "1", "amd64", part(files, "usr/src")),
	})
	for range 6 { // every order
		split = append(split[1:], split[0])
		split[0], split[1] = split[1], split[0]
		if got := record(t, only(t, load(t, split))); !bytes.Equal(got, whole) {
			t.Fatalf("another manifest:\n%s\nwant\n%s", got, whole)
		}
	}
	dir := t.TempDir()
	if err := releasetest.WriteTree(dir, files); err != nil {
		t.Fatal(err)
	}
	if got := record(t, only(t, load(t, []pack.Input{{Path: dir, Size: -1}}))); !bytes.Equal(got, whole) {
		t.Errorf("the tree gives another manifest:\n%s", got)
	}
}

// Known images are not read again, others are, and a broken one stays broken.
func TestImages(t *testing.T) {
	var known release.Images
	facts := func(name string, data []byte) *release.Release {
		t.Helper()
		l, err := release.Load(t.Context(), put(t, map[string][]byte{name: data}), release.Options{Jobs: 1, Images: &known})
		if err != nil {
			t.Fatal(err)
		}
		return only(t, l)
	}
	deb := releasetest.Deb("linux-image", "1", "amd64", releasetest.Kernel{Release: name}.Files())
	first, again := facts("a.deb", deb), facts("b.deb", deb)
	if len(first.Images) == 0 || first.Images[0].Facts != again.Images[0].Facts {
		t.Error("a known image was read again")
	}
	other := facts("a.deb", releasetest.Deb("linux-image", "1", "amd64", releasetest.Kernel{Release: "6.1.0-2-amd64"}.Files()))
	if other.Images[0].Facts == first.Images[0].Facts || other.Name != "6.1.0-2-amd64" {
		t.Errorf("another image was taken for a known one: %s", other.Name)
	}
	files := releasetest.Kernel{Release: name}.Files()
	for path := range part(files, "boot/vmlinuz") {
		files[path] = []byte("no image")
	}
	for range 2 {
		if r := facts("c.deb", releasetest.Deb("linux-image", "1", "amd64", files)); len(r.Unread) == 0 {
			t.Error("a broken image was read")
		}
	}
}

// Copies of one module count once when BTF and allocated sections agree.
func TestCopies(t *testing.T) {
	k := releasetest.Kernel{Release: name}
	unsigned := k
	unsigned.ModuleKey = "none"
	other := k
	other.Build = btftest.Grown
	one := "usr/lib/modules/" + name + "/kernel/drivers/alpha.ko"
	in := put(t, map[string][]byte{
		"image.deb": releasetest.Deb("linux-image", "1", "amd64", k.Files()),
		"udeb.deb":  releasetest.Deb("alpha-modules", "1", "amd64", map[string][]byte{strings.TrimPrefix(one, "usr/"): unsigned.Module("alpha")}),
	})
	r := only(t, load(t, in))
	if len(r.Modules) != 3 || len(r.Modules[0].Copies) != 1 || len(r.Modules[0].Differ) != 0 {
		t.Errorf("%d modules, copies %v, differ %v", len(r.Modules), r.Modules[0].Copies, r.Modules[0].Differ)
	}
	in = put(t, map[string][]byte{
		"image.deb": releasetest.Deb("linux-image", "1", "amd64", k.Files()),
		"udeb.deb":  releasetest.Deb("alpha-modules", "1", "amd64", map[string][]byte{one: other.Module("alpha")}),
	})
	if r := only(t, load(t, in)); len(r.Modules[0].Differ) != 1 {
		t.Errorf("another build's copy passes: %+v", r.Modules[0])
	}
}

// A debug package of kbuild's own (builddeb, kernel.spec) has the debug
// information of each module with the BTF of the build, which objcopy keeps; the
// shipped copy may have been repaired since.
func TestDebugCopies(t *testing.T) {
	k := releasetest.Kernel{Release: name}
	built := k.Module("alpha")
	separated := objcopy(t, built, "--only-keep-debug")
	shipped := map[string][]byte{"as built": built, "repaired": objcopy(t, built, "--remove-section", ".BTF")}
	for what, module := range shipped {
		files := k.Files()
		for path := range part(files, "/alpha.ko") {
			files[path] = module
		}
		for kind, c := range map[string]struct {
			debug  []byte
			differ int
		}{"separated": {separated, 0}, "whole": {built, 0}, "of other code": {k.Module("gamma"), 1}} {
			r := only(t, load(t, put(t, map[string][]byte{
				"image.deb": releasetest.Deb("linux-image", "1", "amd64", files),
				"dbg.deb": releasetest.Deb("linux-image-dbg", "1", "amd64", map[string][]byte{
					"usr/lib/debug/lib/modules/" + name + "/kernel/drivers/alpha.ko": c.debug}),
			})))
			m := r.Modules[0]
			if len(r.Modules) != 3 || len(m.Differ) != c.differ || len(m.Copies) != 1-c.differ || m.Origin != release.Shipped {
				t.Errorf("%s, %s: %d modules, copies %v, differ %v", what, kind, len(r.Modules), m.Copies, m.Differ)
			}
		}
	}
}

// objcopy runs objcopy on a module.
func objcopy(t *testing.T, module []byte, args ...string) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "m.ko")
	err := os.WriteFile(file, module, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command("objcopy", append(args, file)...).CombinedOutput(); err != nil {
		t.Fatalf("objcopy (make deps installs binutils): %v\n%s", err, msg)
	}
	out, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// Debug files alone are not a release.
func TestDebugAlone(t *testing.T) {
	k := releasetest.Kernel{Release: name}
	l := load(t, put(t, map[string][]byte{"dbg.deb": releasetest.Deb("linux-image-dbg", "1", "amd64", map[string][]byte{
		"usr/lib/debug/boot/vmlinux-" + name:                             k.Vmlinux(),
		"usr/lib/debug/lib/modules/" + name + "/kernel/drivers/alpha.ko": k.Module("alpha"),
	})}))
	if len(l.Releases) != 0 || len(l.Ignored) != 1 || !strings.Contains(l.Ignored[0].Why, "debug files alone") {
		t.Errorf("%d releases, ignored %+v", len(l.Releases), l.Ignored)
	}
}

// Files that name no release join the only one there is; where there are
// several that is an error.
func TestNamelessFiles(t *testing.T) {
	k := releasetest.Kernel{Release: name}
	loose := map[string][]byte{"vmlinux": k.Vmlinux(), "alpha.ko": k.Module("alpha"), "config": []byte(k.Config()), "Module.symvers": []byte(k.Symvers())}
	r := only(t, load(t, put(t, loose)))
	if r.Name != name || len(r.Modules) != 1 || r.Config == nil || r.Symvers.Len() != 2 {
		t.Errorf("%s: %d modules, config %v", r.Key, len(r.Modules), r.Config)
	}
	k2 := releasetest.Kernel{Release: "6.1.0-2-amd64"}
	loose["beta.ko"] = k2.Module("beta")
	_, err := release.Load(context.Background(), put(t, loose), release.Options{})
	if where.KindOf(err) != where.Inconclusive {
		t.Errorf("two releases and a loose config: %v", err)
	}
}

// Cancelling ends the work with the context's error.
func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	files := releasetest.Kernel{Release: name}.Files()
	if _, err := release.Load(ctx, put(t, map[string][]byte{"a.deb": releasetest.Deb("a", "1", "amd64", files)}), release.Options{}); err == nil {
		t.Error("a cancelled load gives a result")
	}
}
