package judge

import (
	"testing"

	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/release"
)

// A stamp explains what apply did to a module's ids, and no more: the ids of one
// that carries another stamp are looked at as everybody's.
func TestStampExplainsIDs(t *testing.T) {
	zeroed := &ids.Section{Located: true, Words: []ids.Word{{Kind: "struct", Name: "net", ID: 5, Set: -1}, {Kind: "struct", Name: "sock", Set: -1}}}
	never := &ids.Section{Located: true, Words: []ids.Word{{Kind: "struct", Name: "sock", Set: -1}}}
	broken := &ids.Section{Located: true, Sets: []ids.Set{{Name: "k", Count: 9, Room: 1, Members: 1, IDs: []uint32{1}}}, Words: []ids.Word{{Kind: "func", Name: "f", ID: 1}}}
	base := stamp.Base{Types: 3}
	split := stamp.Of(base, stamp.Encoder, []byte("btf"), nil).Bytes()
	distilled := stamp.Of(base, stamp.Asserted, []byte("btf"), []byte("base")).Bytes()
	other := stamp.Of(base, stamp.Asserted, []byte("another"), []byte("base")).Bytes()
	for _, c := range []struct {
		what  string
		ids   *ids.Section
		stamp []byte
		rule  string
	}{
		{"zeroed, no stamp", zeroed, nil, "self.ids-zero"},
		{"zeroed, stamped by the encoder", zeroed, split, "self.ids-zero"},
		{"zeroed, distilled", zeroed, distilled, ""},
		{"zeroed, a stamp over another BTF", zeroed, other, "self.ids-zero"},
		{"zeroed, no stamp that can be read", zeroed, []byte("x"), "self.ids-zero"},
		{"all zero", never, nil, "self.ids-unresolved"},
		{"all zero, distilled", never, distilled, ""},
		{"a set, distilled", broken, distilled, "self.ids-broken"},
		{"a set, stamped by the encoder", broken, split, "self.ids-broken"},
	} {
		f := &kmod.Facts{BTF: kmod.BlobOf([]byte("btf")), IDs: c.ids, Stamp: c.stamp}
		if string(c.stamp) == string(distilled) || string(c.stamp) == string(other) {
			f.BTFBase = kmod.BlobOf([]byte("base"))
		}
		rule := ""
		for _, n := range idsFindings(&release.Release{Modules: []*release.Module{{Path: "a.ko", Facts: f}}}) {
			rule += n.Rule
		}
		if rule != c.rule {
			t.Errorf("%s: %q, want %q", c.what, rule, c.rule)
		}
	}
}
