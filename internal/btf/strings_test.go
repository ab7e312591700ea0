package btf_test

import (
	"slices"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

func TestStr(t *testing.T) {
	base := btftest.Base()
	base.Int("int", 4, btftest.Signed) // at 1
	s := base.Split()
	s.Func("foo", 1) // at 5
	r := s.Parse()
	for _, c := range []struct {
		off   btf.StrOff
		want  string
		ok    bool
		start bool
	}{
		{0, "", true, true}, {1, "int", true, true}, {2, "nt", true, false}, {4, "", true, false},
		{5, "foo", true, true}, {7, "o", true, false}, {8, "", true, false}, {9, "", false, false}, {1 << 31, "", false, false},
	} {
		got, ok := r.Str(c.off)
		if string(got) != c.want || ok != c.ok || r.StrStart(c.off) != c.start || r.Name(c.off) != c.want {
			t.Errorf("%d: %q %v, start %v", c.off, got, ok, r.StrStart(c.off))
		}
	}
	if r.StrEnd() != 9 || r.FirstStr() != 5 || r.StrLen() != 4 || string(r.Strings()) != "foo\x00" {
		t.Errorf("strings %q from %d to %d", r.Strings(), r.FirstStr(), r.StrEnd())
	}
}

func TestNamed(t *testing.T) {
	b := btftest.Base()
	a := b.Fwd("x", false)
	c := b.Struct("x", 4)
	b.Ptr(c)
	d := b.Typedef("x", c)
	b.Struct("y", 4)
	r := b.Parse()
	var ids []btf.ID
	for rec := range r.Named("x") {
		ids = append(ids, rec.ID)
	}
	if !slices.Equal(ids, []btf.ID{a, c, d}) {
		t.Errorf("x is %v", ids)
	}
	for rec := range r.Named("x") {
		if rec.ID != a {
			t.Errorf("went on after break: %d", rec.ID)
		}
		break
	}
	if rec, ok := r.Find(btf.Typedef, "x"); !ok || rec.ID != d {
		t.Errorf("typedef x is %d", rec.ID)
	}
	for _, name := range []string{"", "z", "xx"} {
		for rec := range r.Named(name) {
			t.Errorf("%q is %d", name, rec.ID)
		}
	}
	if _, ok := r.Find(btf.Union, "x"); ok {
		t.Error("a union x")
	}
	s := b.Split()
	own := s.Func("x", 1)
	if rec, ok := s.Parse().Find(btf.Func, "x"); !ok || rec.ID != own {
		t.Errorf("own x is %d", rec.ID)
	}
}
