package symvers

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestTableOrderDoesNotMatter(t *testing.T) {
	syms := []Symbol{
		{Name: "a", CRC: 1, HasCRC: true, Owner: "m"},
		{Name: "b", CRC: 2, HasCRC: true, Owner: "z"},
		{Name: "b", CRC: 3, HasCRC: true, Owner: Vmlinux},
		{Name: "b", CRC: 3, HasCRC: true, Owner: Vmlinux},
		{Name: "c", CRC: 9, Owner: "m"},
		{Name: "d", HasCRC: true, Owner: "m"},
	}
	want := NewTable(syms)
	for seed := range uint64(20) {
		mixed := slices.Clone(syms)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		given := slices.Clone(mixed)
		if got := NewTable(mixed); !reflect.DeepEqual(got, want) {
			t.Fatalf("order %d: got %+v, want %+v", seed, got, want)
		}
		if !slices.Equal(mixed, given) {
			t.Fatal("NewTable changed its argument")
		}
	}
	if want.Len() != 4 || want.Covered() != 2 {
		t.Errorf("%d names, %d covered; want 4, 2", want.Len(), want.Covered())
	}
	b, ok := want.Lookup("b")
	if !ok || b.Owner != Vmlinux || b.CRC != 3 {
		t.Errorf("b is %+v; the image's export must win", b)
	}
	if d, _ := want.Lookup("d"); d.HasCRC {
		t.Error("a zero CRC counts as one")
	}
	if c, _ := want.Lookup("c"); c.CRC != 0 {
		t.Error("a CRC that means nothing is kept")
	}
}

func TestLookupMisses(t *testing.T) {
	tab := NewTable([]Symbol{{Name: "b", Owner: "m"}})
	for _, name := range []string{"", "a", "c", "bb"} {
		if s, ok := tab.Lookup(name); ok || s != nil {
			t.Errorf("%q found: %+v", name, s)
		}
	}
	var none *Table
	if _, ok := none.Lookup("b"); ok || none.Len() != 0 || none.Covered() != 0 || none.Symbols() != nil {
		t.Error("the nil table is not empty")
	}
}

func TestLookupDoesNotAllocate(t *testing.T) {
	tab := NewTable([]Symbol{{Name: "a", Owner: "m"}, {Name: "b", Owner: "m"}})
	if n := testing.AllocsPerRun(100, func() { tab.Lookup("b") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
