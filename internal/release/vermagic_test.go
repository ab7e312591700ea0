package release

import (
	"testing"

	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
)

func TestVermagic(t *testing.T) {
	module := func(intree bool, vermagic string) *Module {
		return &Module{Path: "m.ko", Facts: &kmod.Facts{Modinfo: kmod.Modinfo{Intree: intree, Vermagic: vermagic}}}
	}
	image := func(origin Origin, vermagic string) *Image {
		return &Image{Origin: origin, Facts: &kimage.Facts{Vermagic: vermagic}}
	}
	own, stray, foreign := module(true, "6.1 SMP "), module(true, "6.0 SMP "), module(false, "6.0 SMP ")
	for _, c := range []struct {
		what string
		r    Release
		want string
	}{
		{"nothing", Release{}, ""},
		{"the image", Release{Images: []*Image{image(Shipped, "6.2 SMP ")}, Modules: []*Module{own}}, "6.2 SMP "},
		{"an image that hides it", Release{Images: []*Image{image(Shipped, "")}, Modules: []*Module{own}}, "6.1 SMP "},
		{"a vmlinux of the headers", Release{Images: []*Image{image(Headers, "6.2 SMP ")}, Modules: []*Module{own}}, "6.1 SMP "},
		{"most", Release{Modules: []*Module{stray, own, own}}, "6.1 SMP "},
		{"as many", Release{Modules: []*Module{own, stray}}, "6.0 SMP "},
		{"modules from elsewhere alone", Release{Modules: []*Module{foreign}}, ""},
		{"modules from elsewhere are more", Release{Modules: []*Module{stray, foreign, foreign, own, own}}, "6.1 SMP "},
		{"modules without", Release{Modules: []*Module{module(true, ""), module(true, ""), own}}, "6.1 SMP "},
	} {
		if got := c.r.Vermagic(); got != c.want {
			t.Errorf("%s: %q", c.what, got)
		}
		if err := c.r.ToManifest(1); err != nil {
			t.Fatal(err)
		}
		if got := c.r.Vermagic(); got != c.want {
			t.Errorf("%s, condensed: %q", c.what, got)
		}
	}
}
