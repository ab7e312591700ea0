package judge

import (
	"testing"

	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
)

// A release and its manifest give one answer, and a config that is there goes
// before what the image looks like.
func TestModuleBTF(t *testing.T) {
	bpf := manifest.Option{Name: "CONFIG_BPF", Value: "y"}
	for _, c := range []struct {
		config manifest.Config
		image  tri.State
		want   tri.State
	}{
		{nil, tri.Unknown, tri.Unknown},
		{nil, tri.Yes, tri.Yes},
		{nil, tri.No, tri.No},
		{manifest.Config{bpf, {Name: moduleBTFOption, Value: "y"}}, tri.Unknown, tri.Yes},
		{manifest.Config{bpf, {Name: moduleBTFOption, Value: "n"}}, tri.Yes, tri.No},
		{manifest.Config{bpf}, tri.Yes, tri.No}, // what it depends on is off
	} {
		facts := &kimage.Facts{Abilities: ability.Set{ModuleBTF: ability.Fact{Is: c.image}}}
		r := &release.Release{Options: c.config, Images: []*release.Image{{Origin: release.Shipped, Facts: facts}}}
		m, err := r.Record("")
		if err != nil {
			t.Fatal(err)
		}
		self, _ := moduleBTF(r, r.BootImage())
		if other := readsModuleBTF(m); self != c.want || other != c.want {
			t.Errorf("%v, image %v: %v by the release, %v by the manifest", c.config, c.image, self, other)
		}
	}
}
