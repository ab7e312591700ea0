package judge

import (
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

func TestFlavour(t *testing.T) {
	for name, want := range map[string]string{
		"6.1.0-56-amd64":               "amd64",
		"6.1.0-56-cloud-amd64":         "cloud-amd64",
		"6.1.0-56-rt-amd64":            "rt-amd64",
		"6.1.0-0.deb11.52-amd64":       "amd64",
		"6.12.115+deb13.1-amd64":       "amd64",
		"7.2.13+deb14-powerpc64le":     "powerpc64le",
		"6.8.0-149-generic":            "generic",
		"7.0.14-14-pve":                "pve",
		"6.4.0-150600.23-default":      "default",
		"6.17.9-200.fc42.x86_64":       "x86_64",
		"6.17.9-200.fc42.x86_64+debug": "x86_64+debug",
		"5.14.0-570.el9.aarch64":       "aarch64",
		"7.3.0-rc1-amd64":              "amd64",
		"7.3.0-rc1":                    "",
		"6.1.0":                        "",
	} {
		if got := Flavour(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

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
	if err := unpaired(olds[0], []*release.Release{rel("6.1.0-56-s390x", model.S390X)}); where.KindOf(err) != where.Inconclusive {
		t.Errorf("another architecture: %v", err)
	}
}
