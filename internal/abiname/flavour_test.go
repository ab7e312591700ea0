package abiname

import "testing"

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
