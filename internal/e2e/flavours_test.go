//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

// A kernel as Debian ships it is right in itself, whatever compiler and pahole
// made it: the newest small flavour, and the newest of the other byte order.
func TestNewestFlavours(t *testing.T) {
	for _, f := range []struct{ flavour, arch string }{{"cloud-amd64", "amd64"}, {"s390x", "s390x"}} {
		t.Run(f.flavour, func(t *testing.T) {
			rep, code := check(t, newestRelease(t, f.flavour, f.arch)...)
			if code != 0 || rep.Outcome.Action != model.Keep {
				t.Errorf("exit %d, %s: want 0, keep: %+v", code, rep.Decision, rep.Releases[0].Findings)
			}
			s := rep.Releases[0].Self
			if s.Modules < 500 || s.WithBTF != s.Modules || len(s.Meanings) != 1 || s.Meanings[0].Word != "same" {
				t.Errorf("self %+v", s)
			}
			for _, f := range rep.Releases[0].Findings { // pahole 1.32 repeats typedefs, which is told and harms nothing
				if f.Rule != "health.repeated" || f.Severity != model.Info || f.Action != model.Keep {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// newestRelease fetches the packages of the newest build of a flavour in sid.
func newestRelease(t *testing.T, flavour, arch string) []string {
	t.Helper()
	specs, err := realtest.Newest(t.Context(), "sid", `linux-binary-[0-9.]+\+deb[0-9]+-`+flavour, 1)
	if err != nil {
		t.Fatal(err)
	}
	name, version, _ := strings.Cut(specs[0], "=")
	var debs []string
	for _, kind := range []string{"base", "binary", "headers", "modules"} {
		one := strings.Replace(name, "/linux-binary-", "/linux-"+kind+"-", 1)
		debs = append(debs, realtest.Deb(t, one+":"+arch+"="+version))
	}
	return debs
}
