package diff_test

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/diff"
)

// Whatever parses can be compared, told and asked for what reaches it, and is
// the same as itself unless it runs in circles.
func FuzzCompare(f *testing.F) {
	for v := btftest.Plain; v <= btftest.Changed; v++ {
		f.Add(btftest.Kernel(v).Bytes())
		f.Add(btftest.BigKernel(v).Bytes())
	}
	f.Add(btftest.Base().C(reachSource).Bytes())
	plain := btftest.Kernel(btftest.Plain).Parse()
	f.Fuzz(func(t *testing.T, blob []byte) {
		r, err := btf.Parse(blob)
		if err != nil {
			return
		}
		d := diff.Compare(plain, r)
		x := diff.NewReach(r, []diff.Root{{Name: "all", Any: []btf.ID{1}}})
		for i := range d.Changed {
			if d.Sentence(&d.Changed[i]) == "" || len(d.Lines(&d.Changed[i])) == 0 {
				t.Errorf("nothing is said of %s", d.Changed[i].New.Label())
			}
			x.Of(d.Changed[i].New.ID)
		}
		for i := range d.Added {
			d.AddedText(&d.Added[i])
		}
		for i := range d.Removed {
			d.RemovedText(&d.Removed[i])
		}
		l := diff.NewLayouts(plain, r)
		for id := btf.ID(0); uint32(id) < min(r.NumTypes(), 64); id++ {
			l.Same(id, id)
		}
		if back := diff.Compare(r, plain); len(back.Changed) != len(d.Changed) {
			t.Errorf("%d changes there, %d back", len(d.Changed), len(back.Changed))
		}
	})
}
