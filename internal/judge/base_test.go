package judge

import (
	"testing"

	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/release"
)

// A release and its manifest give one answer, and a config that is there goes
// before what the image looks like.
func TestModuleBTF(t *testing.T) {
	bpf := manifest.Option{Name: "CONFIG_BPF", Value: "y"}
	for _, c := range []struct {
		config manifest.Config
		image  kimage.Tri
		want   kimage.Tri
	}{
		{nil, kimage.Unknown, kimage.Unknown},
		{nil, kimage.Yes, kimage.Yes},
		{nil, kimage.No, kimage.No},
		{manifest.Config{bpf, {Name: moduleBTFOption, Value: "y"}}, kimage.Unknown, kimage.Yes},
		{manifest.Config{bpf, {Name: moduleBTFOption, Value: "n"}}, kimage.Yes, kimage.No},
		{manifest.Config{bpf}, kimage.Yes, kimage.No}, // what it depends on is off
	} {
		facts := &kimage.Facts{Abilities: kimage.Abilities{ModuleBTF: kimage.Ability{Is: c.image}}}
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
