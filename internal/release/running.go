package release

import (
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/manifest"
)

// Running is the release of a kernel that runs, of which nothing but facts is
// there: it has an image and no modules.
func Running(name string, f *kimage.Facts) *Release {
	r := &Release{Key: Key{Name: f.Release, Arch: f.Arch},
		Packages: []*Package{{File: name, Kind: "running"}},
		Images:   []*Image{{Source: Source{Package: name}, Origin: Shipped, Facts: f}}}
	if f.Config != nil {
		r.Config = &Text{Source{Package: name}, f.Config}
		if options, err := manifest.ConfigOptions(f.Config); err == nil {
			r.Options = options
		}
	}
	return r
}
