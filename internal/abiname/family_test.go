package abiname

import "testing"

func TestFamily(t *testing.T) {
	for _, c := range []struct {
		want  string
		names []string
	}{
		{"6.1-amd64", []string{"6.1.0-55-amd64", "6.1.0-56-amd64"}},
		{"6.1-rt-amd64", []string{"6.1.0-55-rt-amd64", "6.1.0-9-rt-amd64"}},
		{"6.12-amd64", []string{"6.12.115+deb13-amd64", "6.12.115+deb13.1-amd64", "6.12.117+deb13-amd64", "6.12.33-1-amd64"}},
		{"7.3-amd64", []string{"7.3-rc1-1-amd64", "7.3.4+deb14-amd64"}},
		{"6.8-generic", []string{"6.8.0-45-generic", "6.8.0-47-generic"}},
		{"6.8-pve", []string{"6.8.12-4-pve", "6.8.12-5-pve"}},
		{"5.14-x86_64", []string{"5.14.0-427.13.1.el9_4.x86_64", "5.14.0-427.14.2.el9_4.x86_64"}},
		{"6.9-archN-N", []string{"6.9.7-arch1-1", "6.9.8-arch2-1"}},
		{"6.12", []string{"6.12.117", "6.12.118", "6.12.0-rc3"}},
		{"6.12-mine", []string{"6.12.117-mine", "6.12.118+mine"}},
		{"this run", []string{"this run"}},
	} {
		for _, n := range c.names {
			if got := Family(n); got != c.want {
				t.Errorf("%s: %q, want %q", n, got, c.want)
			}
		}
	}
}
