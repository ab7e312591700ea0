package pin_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/pin"
	"kpkg-btf/internal/where"
)

// TestRewrite: words of .BTF_ids follow their types, sets are sorted again
// with their flags, and what is no id stays.
func TestRewrite(t *testing.T) {
	for _, s := range []source{{}, {big: true}, {sorted: true}} {
		x := begin(t, s, 2, fix)
		o := order(x.built)
		id := func(r *btf.Raw, name string) uint32 {
			f, ok := r.Find(btf.Func, name)
			if !ok {
				t.Fatal(name)
			}
			return uint32(f.ID)
		}
		section := func(r *btf.Raw) []byte {
			var pairs [][2]uint32
			for i, name := range []string{"f005", "f010", "f059", "f070"} {
				pairs = append(pairs, [2]uint32{id(r, name), uint32(i + 1)})
			}
			slices.SortFunc(pairs, func(a, b [2]uint32) int { return int(a[0]) - int(b[0]) })
			words := []uint32{0xfeed, id(r, "f001"), 4, 1}
			for _, p := range pairs {
				words = append(words, p[0], p[1])
			}
			set := []uint32{id(r, "f002"), id(r, "f070"), id(r, "f020")}
			slices.Sort(set)
			words = append(append(words, 3), set...)
			var out []byte
			for _, w := range words {
				out = o.AppendUint32(out, w)
			}
			return out
		}
		w := pin.Words{IDs: []int{4, 16, 24, 32, 40, 52, 56, 60}, Set8: []int{8}, Sets: []int{48}}
		got, err := x.res.Rewrite(section(x.built), o, w)
		if err != nil || !slices.Equal(got, section(x.later)) {
			t.Errorf("%v\n%x\n%x", err, got, section(x.later))
		}
		var bo binary.ByteOrder = o
		for what, bad := range map[string]pin.Words{"a word beyond": {IDs: []int{400}}, "an odd word": {IDs: []int{2}}, "a set beyond": {Sets: []int{64}}, "a long set": {Set8: []int{0}}} {
			if _, err := x.res.Rewrite(section(x.built), bo, bad); where.KindOf(err) != where.Malformed {
				t.Errorf("%s: %v", what, err)
			}
		}
		if _, err := x.res.Rewrite([]byte{0xff, 0xff, 0xff, 0xff}, bo, pin.Words{IDs: []int{0}}); where.KindOf(err) != where.Malformed {
			t.Errorf("no such id: %v", err)
		}
	}
}
