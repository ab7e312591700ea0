package distill_test

import (
	"bytes"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/distill"
)

// TestSorted: on a base that is sorted by name the distilled split is too,
// with references and ids that follow; compared with blobs written down here.
func TestSorted(t *testing.T) {
	for _, start := range []func() *btftest.Builder{btftest.Base, btftest.BigBase} {
		b := start()
		b.Ptr(4)                           // 1
		b.Struct("agile", 8, m("p", 1, 0)) // 2
		i := b.Int("int", 4, btftest.Signed)
		b.Struct("list_head", 16)         // 4
		b.Typedef("zz_t", i)              // 5
		s := b.Split()                    // sorted as resolve_btfids leaves it
		s.Ptr(1)                          // 6
		s.Proto(5, btftest.P("x", 6))     // 7
		s.Func("alpha", 7)                // 8
		s.Struct("beta", 8, m("q", 6, 0)) // 9
		split := s.Parse()
		if !split.Base().Sorted() || !split.Sorted() {
			t.Fatal("the fixture is not sorted")
		}
		res, err := new(distill.Distiller).Distill(split)
		if err != nil {
			t.Fatal(err)
		}
		base := start()
		base.Int("int", 4, btftest.Signed) // 1 was 3
		base.Struct("list_head", 16)       // 2 was 4
		want := base.Split()
		want.Str("alpha") // strings were interned before the sorting
		want.Str("x")
		first := want.Next()
		want.Ptr(first + 2)                        // 3 was 6
		want.Proto(first+5, btftest.P("x", first)) // 4 was 7
		want.Ptr(2)                                // 5 was 1 of the base
		want.Func("alpha", first+1)                // 6 was 8
		want.Struct("beta", 8, m("q", first, 0))   // 7 was 9
		want.Typedef("zz_t", 1)                    // 8 was 5 of the base
		if !bytes.Equal(res.Base, base.Bytes()) {
			t.Errorf("base\n%x\n%x", res.Base, base.Bytes())
		}
		got, err := btf.ParseSplit(res.Split, base.Parse())
		if err != nil {
			t.Fatal(err)
		}
		if !got.Sorted() {
			t.Error("not sorted")
		}
		exp := want.Parse()
		for r := range exp.Types {
			o, _ := got.Record(r.ID)
			if got.Label(o.ID) != exp.Label(r.ID) || got.CType(o.ID) != exp.CType(r.ID) {
				t.Errorf("%s %s, want %s %s", got.Label(o.ID), got.CType(o.ID), exp.Label(r.ID), exp.CType(r.ID))
			}
			var a, b []btf.ID
			for _, id := range o.Refs {
				a = append(a, id)
			}
			for _, id := range r.Refs {
				b = append(b, id)
			}
			for i := range b {
				if len(a) != len(b) || a[i] != b[i] {
					t.Errorf("%s refers to %v, want %v", got.Label(o.ID), a, b)
					break
				}
			}
		}
		for old, id := range map[btf.ID]btf.ID{1: 5, 3: 1, 4: 2, 5: 8, 6: 3, 7: 4, 8: 6, 9: 7} {
			if now, ok := res.ID(old); !ok || now != id {
				t.Errorf("%d became %d, want %d", old, now, id)
			}
		}
		if _, ok := res.ID(10); ok {
			t.Error("an id beyond the last")
		}
	}
}
