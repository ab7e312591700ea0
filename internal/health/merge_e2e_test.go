//go:build e2e

package health_test

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/health"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/realtest"
)

// TestRepeatsOfDebian: what the encoder of 7.2.11-1~bpo13+1 left in overlay.ko, and
// that of 7.2.13 did not, but for typedefs.
func TestRepeatsOfDebian(t *testing.T) {
	for _, c := range []struct {
		name, image, modules       string
		size, composites, typedefs int
	}{
		{"7.2.11", "trixie-backports/linux-binary-7.2.11+deb13-amd64=7.2.11-1~bpo13+1", "trixie-backports/linux-modules-7.2.11+deb13-amd64=7.2.11-1~bpo13+1", 125588, 347, 12},
		{"7.2.13", realtest.Image72("amd64"), realtest.Modules72("amd64"), 29965, 0, 158},
	} {
		t.Run(c.name, func(t *testing.T) {
			im, err := kimage.Parse(t.Context(), realtest.Member(t, realtest.Deb(t, c.image), "vmlinuz*"), kimage.Options{})
			if err != nil {
				t.Fatal(err)
			}
			base, err := btf.Parse(im.BTF)
			if err != nil {
				t.Fatal(err)
			}
			var dec codec.Decoder
			m, err := kmod.ParseFile(realtest.Member(t, realtest.Deb(t, c.modules), "overlay.ko*"), &dec, kmod.Options{BTFOnly: true})
			if err != nil {
				t.Fatal(err)
			}
			got, ok := health.NewMerger(base).Blob(m.BTF.Bytes())
			if !ok || m.BTF.Len() != c.size || got.Composites != c.composites || got.Typedefs != c.typedefs {
				t.Errorf("%d bytes, %+v", m.BTF.Len(), got)
			}
			if lost, doubles := health.LostNames(base), health.Doubles(base); !health.ByHalves(base) || len(lost) > 0 || len(doubles) > 5 {
				t.Errorf("names lost: %q, doubles: %q", lost, doubles)
			}
		})
	}
}
