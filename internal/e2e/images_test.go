//go:build e2e

package e2e

import (
	"encoding/json"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

// The images of all architectures of Debian's 7.2.13: a base where the config
// says DEBUG_INFO_BTF=y, none and no modules' BTF read where not.
func TestArchitectures(t *testing.T) {
	for _, a := range realtest.Flavours72 {
		t.Run(a.Flavour, func(t *testing.T) {
			image := realtest.Deb(t, realtest.Image72(a.Flavour))
			base := realtest.Deb(t, realtest.Base72(a.Flavour))
			out, complaint, code := realtest.Run(t, "inspect", "--format", "json", image, base)
			if code != 0 {
				t.Fatalf("exit %d: %s", code, complaint)
			}
			var in model.Inspection
			if err := json.Unmarshal([]byte(out), &in); err != nil {
				t.Fatal(err)
			}
			if len(in.Releases) != 1 || len(in.Releases[0].Images) != 1 {
				t.Fatalf("%d releases: %s", len(in.Releases), out)
			}
			r := in.Releases[0]
			im := r.Images[0]
			if im.Release != "7.2.13+deb14-"+a.Flavour {
				t.Errorf("uname -r %q", im.Release)
			}
			want := false
			for _, s := range r.Config {
				if s.Name == "CONFIG_DEBUG_INFO_BTF" && s.Value == "y" {
					want = true
				}
			}
			if got := im.Base.SHA256 != ""; got != want {
				t.Errorf("config wants a base: %v, found: %v (%s)", want, got, im.Base.Where)
			}
			if want && (im.Base.Types < 50000 || im.BigEndian != (a.Flavour == "s390x")) {
				t.Errorf("base %+v, big endian %v", im.Base, im.BigEndian)
			}
			t.Logf("%s: %v, base %.8s %d types", a.Flavour, im.Format, im.Base.SHA256, im.Base.Types)
		})
	}
}
