package release

import (
	"bytes"
	"reflect"
	"testing"

	"kpkg-btf/internal/kmod"
)

// What is packed comes back, none and empty told apart.
func TestPacked(t *testing.T) {
	var list []*Module
	for i, b := range [][]byte{nil, {}, {1}, bytes.Repeat([]byte("types and strings "), 5000)} {
		list = append(list, &Module{Path: string(rune('a' + i)), Facts: &kmod.Facts{BTF: b, BTFBase: b, Size: int64(i), Modinfo: kmod.Modinfo{Name: "m"}}})
	}
	for _, jobs := range []int{1, 3, 9} {
		got, err := packAll(list, jobs)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range got {
			f, err := p.Open()
			if err != nil || !reflect.DeepEqual(f, list[i].Facts) || p.Path != list[i].Path {
				t.Errorf("%d: %v, %d bytes", i, err, len(f.BTF))
			}
		}
		if n := len(got[3].btf.data); n > 5000 {
			t.Errorf("90000 bytes packed to %d", n)
		}
	}
}
