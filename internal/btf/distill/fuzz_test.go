package distill_test

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/distill"
)

// FuzzDistill: a result or an error, never both; a result parses in the same
// byte order, has no id or name that leads nowhere, is no larger than its
// sources, does not depend on earlier runs, and can be distilled no further.
func FuzzDistill(f *testing.F) {
	for seed := range uint64(6) {
		base, split := random(btftest.Base(), seed)
		f.Add(base.Bytes(), split.Bytes())
	}
	base, split := everything(btftest.BigBase())
	f.Add(base.Bytes(), split.Bytes())
	d := new(distill.Distiller)
	f.Fuzz(func(t *testing.T, b, s []byte) {
		base, err := btf.Parse(b)
		if err != nil {
			return
		}
		split, err := btf.ParseSplit(s, base)
		if err != nil {
			return
		}
		res, err := d.Distill(split)
		again, errAgain := new(distill.Distiller).Distill(split)
		if (res == nil) == (err == nil) || (err == nil) != (errAgain == nil) {
			t.Fatal(res, err, errAgain)
		}
		if err != nil {
			if err.Error() != errAgain.Error() {
				t.Fatalf("%v, then %v", err, errAgain)
			}
			return
		}
		if string(res.Base) != string(again.Base) || string(res.Split) != string(again.Split) {
			t.Fatal("differs from a fresh run")
		}
		sound(t, split, res)
	})
}

func sound(t *testing.T, from *btf.Raw, res *distill.Result) {
	t.Helper()
	base, err := btf.Parse(res.Base)
	if err != nil {
		t.Fatal(err)
	}
	split, err := btf.ParseSplit(res.Split, base)
	if err != nil {
		t.Fatal(err)
	}
	if split.BigEndian() != from.BigEndian() || base.OwnTypes() == 0 ||
		len(res.Base)+len(res.Split) > len(from.Bytes())+len(from.Base().Bytes())+2*btf.HeaderLen {
		t.Fatalf("%d types, %d and %d bytes", base.OwnTypes(), len(res.Base), len(res.Split))
	}
	for _, r := range []*btf.Raw{base, split} {
		for rec := range r.Types {
			for _, id := range rec.Refs {
				if uint32(id) >= r.NumTypes() {
					t.Fatalf("[%d] refers to [%d]", rec.ID, id)
				}
			}
			for _, off := range rec.Names {
				if off != 0 && !r.StrStart(off) {
					t.Fatalf("[%d] has its name at %#x", rec.ID, off)
				}
			}
		}
	}
	twice, err := new(distill.Distiller).Distill(split)
	if err != nil || string(twice.Base) != string(res.Base) || string(twice.Split) != string(res.Split) {
		t.Fatalf("distilled twice: %v", err)
	}
}
