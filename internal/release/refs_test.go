package release_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release/releasetest"
	"kpkg-btf/internal/where"
)

// References are those of the modules with split BTF, belong to one manifest,
// and are found beside it by its digest.
func TestRefs(t *testing.T) {
	k := releasetest.Kernel{Release: name, Modules: []string{"alpha", "beta:ids", "gone:lost"}}
	r := only(t, load(t, put(t, map[string][]byte{"a.deb": releasetest.Deb("linux-image-"+name, "1", "amd64", k.Files())})))
	m, err := r.Record("test")
	if err != nil {
		t.Fatal(err)
	}
	x, err := encounter.References(context.Background(), r, m, 3)
	if err != nil || len(x.Modules) != 2 || x.Of("kernel/drivers/alpha.ko") == nil || x.Check(m) != nil {
		t.Fatalf("%+v, %v", x, err)
	}
	text, err := manifest.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	refs, err := manifest.MarshalRefs(x)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file, beside := filepath.Join(dir, "m.json"), filepath.Join(dir, manifest.RefsName(x.Manifest))
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	again := func() (*manifest.Refs, error) {
		return only(t, load(t, []pack.Input{{Path: file, Size: -1}})).WholeRefs()
	}
	if got, err := again(); got != nil || err != nil {
		t.Errorf("nothing is there: %v, %v", got, err)
	}
	if err := os.WriteFile(beside, refs, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := again(); err != nil || len(got.Modules) != 2 {
		t.Errorf("%v, %v", got, err)
	}
	if err := os.WriteFile(beside, refs[:len(refs)-9], 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := again(); got != nil || where.KindOf(err) != where.Malformed {
		t.Errorf("cut: %v, %v", got, err)
	}
	// Those of another manifest under this name.
	x.Manifest[0]++
	other, err := manifest.MarshalRefs(x)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(beside, other, 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := again(); got != nil || where.KindOf(err) != where.Usage {
		t.Errorf("of another manifest: %v, %v", got, err)
	}
	// Modules that are there need none.
	if got, err := r.WholeRefs(); got != nil || err != nil {
		t.Errorf("%v, %v", got, err)
	}
	if ok, err := r.Refer(x); ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}
