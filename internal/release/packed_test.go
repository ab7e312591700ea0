package release

import (
	"bytes"
	"reflect"
	"testing"

	"kpkg-btf/internal/kmod"
)

// What is packed comes back, none and empty told apart, in the order of the
// modules; the modules keep what they had.
func TestPacked(t *testing.T) {
	var list []*Module
	for i, b := range [][]byte{nil, {}, {1}, bytes.Repeat([]byte("types and strings "), 5000)} {
		list = append(list, &Module{Path: string(rune('a' + i)), Facts: &kmod.Facts{BTF: kmod.BlobOf(b), BTFBase: kmod.BlobOf(b), Size: int64(i),
			Sections: []kmod.Section{{Name: ".text"}}, Modinfo: kmod.Modinfo{Name: "m", All: []kmod.KeyValue{{Key: "name", Value: "m"}}}}})
	}
	for _, jobs := range []int{1, 3, 9} {
		for i, p := range packAll(list, jobs) {
			want := *list[i].Facts
			want.Sections, want.Modinfo.All = nil, nil
			if f := p.Facts.Opened(); !reflect.DeepEqual(f, &want) || p.Path != list[i].Path {
				t.Errorf("%d: %d bytes", i, f.BTF.Len())
			}
			if len(list[i].Facts.Sections) != 1 {
				t.Errorf("%d: the module lost its sections", i)
			}
		}
	}
}

// A set with little BTF holds all of it as it is, one with more all of it packed.
func TestHolder(t *testing.T) {
	for _, sizes := range [][]int{{openBTF - 1, 1, 0}, {openBTF - 1, 1, 1}} {
		var h holder
		var items []*item
		for _, size := range sizes {
			f := &kmod.Facts{BTF: kmod.BlobOf(make([]byte, size))}
			if h.pack(size) {
				f, _ = f.Packed(nil)
			}
			items = append(items, &item{module: f})
		}
		h.settle(append(items, &item{}))
		for i, size := range sizes {
			f := items[i].module
			if packed := f.Opened() != f; packed != (sizes[2] > 0) || f.BTF.Len() != size {
				t.Errorf("%v: blob %d packed: %v, %d bytes", sizes, i, packed, f.BTF.Len())
			}
		}
	}
}
