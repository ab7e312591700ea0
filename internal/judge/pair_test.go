package judge

import (
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

func rel(name string, a model.Arch) *release.Release {
	return &release.Release{Key: release.Key{Name: name, Arch: a}}
}

func TestPairing(t *testing.T) {
	olds := []*release.Loaded{{Releases: []*release.Release{
		rel("6.1.0-54-amd64", model.X8664), rel("6.1.0-55-amd64", model.X8664), rel("6.1.0-55-cloud-amd64", model.X8664), rel("6.1.0-56-arm64", model.ARM64),
	}}}
	for _, c := range []struct {
		r      *release.Release
		asIf   bool
		old    string
		judged bool
	}{
		{rel("6.1.0-56-amd64", model.X8664), false, "6.1.0-55-amd64", false},
		{rel("6.1.0-56-amd64", model.X8664), true, "6.1.0-55-amd64", true},
		{rel("6.1.0-54-amd64", model.X8664), false, "6.1.0-54-amd64", true},
		{rel("6.1.0-56-cloud-amd64", model.X8664), true, "6.1.0-55-cloud-amd64", true},
		{rel("6.1.0-56-amd64", model.ARM64), true, "", false},
	} {
		got := pair(c.r, olds, c.asIf)
		if c.old == "" {
			if len(got) != 0 {
				t.Errorf("%s: paired with %s", c.r.Key, got[0].old.Key)
			}
			continue
		}
		if len(got) != 1 || got[0].old.Name != c.old || got[0].judged != c.judged || got[0].why == "" {
			t.Errorf("%s: %+v", c.r.Key, got)
		}
	}
}
