package ability

import (
	"reflect"
	"testing"

	"kpkg-btf/internal/tri"
)

// TestTable: every field of a Set is in the table once, under a name of its
// own.
func TestTable(t *testing.T) {
	var s Set
	names := map[string]bool{}
	for i, e := range Table() {
		s.Put(e.Name, Fact{Is: tri.Yes, Value: int64(i + 1)})
		if names[e.Name] || e.Since == "" {
			t.Errorf("%q: twice, or of no version", e.Name)
		}
		names[e.Name] = true
	}
	v := reflect.ValueOf(s)
	if v.NumField() != len(Table()) {
		t.Errorf("%d fields, %d rows", v.NumField(), len(Table()))
	}
	seen := map[int64]bool{}
	for i := range v.NumField() {
		f := v.Field(i).Interface().(Fact)
		if f.Value == 0 || seen[f.Value] {
			t.Errorf("%s is in no row, or shares one", v.Type().Field(i).Name)
		}
		seen[f.Value] = true
	}
	before := s
	s.Put("no such", Fact{})
	if s != before {
		t.Error("an unknown name changed something")
	}
}

func TestFact(t *testing.T) {
	if _, ok := (Fact{}).Flag(); ok {
		t.Error("the zero fact is known")
	}
	if yes, ok := (Fact{Is: tri.No}).Flag(); yes || !ok {
		t.Error("no is not no")
	}
	if n, ok := (Fact{Is: tri.Yes, Value: 24}).Number(); n != 24 || !ok {
		t.Error("24 is not known")
	}
	if _, ok := (Fact{Is: tri.Yes}).Number(); ok {
		t.Error("a yes without a number is a number")
	}
}
