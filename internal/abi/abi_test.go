package abi

import (
	"testing"

	"kpkg-btf/internal/symvers"
)

func sym(name string, crc uint32, owner string, e symvers.Export, ns string) symvers.Symbol {
	return symvers.Symbol{Name: name, CRC: crc, HasCRC: crc != 0, Owner: owner, Export: e, Namespace: ns}
}

const (
	anyone = symvers.ExportAny
	gpl    = symvers.ExportGPL
	vm     = symvers.Vmlinux
)

// what names the lists of one comparison that are not empty.
func what(x *Exports) string {
	s := ""
	for _, l := range []struct {
		name string
		n    int
	}{
		{"lost", len(x.Lost)}, {"added", len(x.Added)}, {"changed", len(x.Changed)}, {"uncovered", len(x.Uncovered)},
		{"moved", len(x.Moved)}, {"left", len(x.LeftImage)}, {"joined", len(x.JoinedImage)},
		{"stricter", len(x.Stricter)}, {"looser", len(x.Looser)},
		{"needed", len(x.NamespaceNeeded)}, {"freed", len(x.NamespaceFreed)},
	} {
		if l.n > 0 {
			s += " " + l.name
		}
	}
	return s
}

func TestCompareOne(t *testing.T) {
	tests := []struct {
		old, new       symvers.Symbol
		want           string
		breaks, window bool
	}{
		{sym("a", 1, vm, anyone, ""), sym("a", 1, vm, anyone, ""), "", false, false},
		{sym("a", 1, vm, anyone, ""), sym("a", 2, vm, anyone, ""), " changed", true, true},
		{sym("a", 1, vm, anyone, ""), sym("b", 1, vm, anyone, ""), " lost added", true, true},
		{sym("a", 0, vm, anyone, ""), sym("a", 0, vm, anyone, ""), " uncovered", false, false},
		{sym("a", 1, vm, anyone, ""), sym("a", 0, vm, anyone, ""), " uncovered", false, false},
		{sym("a", 0, vm, anyone, ""), sym("a", 1, vm, anyone, ""), " uncovered", false, false},
		{sym("a", 1, "x", anyone, ""), sym("a", 1, "y", anyone, ""), " moved", false, false},
		{sym("a", 1, vm, anyone, ""), sym("a", 1, "y", anyone, ""), " left", false, true},
		{sym("a", 1, "x", anyone, ""), sym("a", 1, vm, anyone, ""), " joined", false, true},
		{sym("a", 1, vm, anyone, ""), sym("a", 1, vm, gpl, ""), " stricter", true, false},
		{sym("a", 1, vm, gpl, ""), sym("a", 1, vm, anyone, ""), " looser", false, true},
		{sym("a", 1, vm, symvers.ExportUnknown, ""), sym("a", 1, vm, gpl, ""), "", false, false},
		{sym("a", 1, vm, gpl, ""), sym("a", 1, vm, gpl, "N"), " needed", true, false},
		{sym("a", 1, "x", anyone, ""), sym("b", 1, "x", anyone, ""), " lost added", true, false},
		{sym("a", 1, vm, gpl, "M"), sym("a", 1, vm, gpl, "N"), " needed", true, true},
		{sym("a", 1, vm, gpl, "N"), sym("a", 1, vm, gpl, ""), " freed", false, true},
		{sym("a", 1, vm, gpl, "module:kvm"), sym("a", 1, vm, gpl, "module:kvm,kvm-amd"), " freed", false, true},
		{sym("a", 1, vm, gpl, "module:kvm,kvm-amd"), sym("a", 1, vm, gpl, "module:kvm-amd"), " needed", true, false},
		{sym("a", 1, vm, gpl, "module:kvm-amd"), sym("a", 1, vm, gpl, "module:kvm-*"), " freed", false, true},
		{sym("a", 1, vm, gpl, "module:kvm-*"), sym("a", 1, vm, gpl, "module:kvm-amd"), " needed", true, false},
		{sym("a", 1, vm, gpl, "KVM"), sym("a", 1, vm, gpl, "module:kvm"), " needed", true, true},
		{sym("a", 1, vm, anyone, ""), sym("a", 3, "y", gpl, "N"), " changed left stricter needed", true, true},
	}
	for _, tt := range tests {
		x := CompareExports(symvers.NewTable([]symvers.Symbol{tt.old}), symvers.NewTable([]symvers.Symbol{tt.new}))
		if got := what(x); got != tt.want || x.Breaks() != tt.breaks || x.BreaksWindow() != tt.window {
			t.Errorf("%v -> %v:%s, breaks %v, window %v; want%s, %v, %v",
				tt.old, tt.new, got, x.Breaks(), x.BreaksWindow(), tt.want, tt.breaks, tt.window)
		}
	}
}

func TestCompareCounts(t *testing.T) {
	old := symvers.NewTable([]symvers.Symbol{
		sym("a", 1, vm, anyone, ""), sym("b", 2, vm, anyone, ""), sym("c", 0, vm, anyone, ""), sym("e", 5, vm, anyone, ""),
	})
	new := symvers.NewTable([]symvers.Symbol{
		sym("b", 2, vm, anyone, ""), sym("c", 3, vm, anyone, ""), sym("d", 4, vm, anyone, ""), sym("e", 6, vm, anyone, ""),
		sym("z", 7, vm, anyone, ""),
	})
	x := CompareExports(old, new)
	got := [...]int{x.OldCount, x.NewCount, x.Common, x.OldCovered, x.NewCovered, x.Compared, x.Unchanged, len(x.Lost), len(x.Added)}
	if want := [...]int{4, 5, 3, 3, 5, 2, 1, 1, 2}; got != want {
		t.Errorf("counts %v, want %v", got, want)
	}
	if x.Complete() {
		t.Error("complete in spite of c")
	}
	if x.Changed[0].Old.CRC != 5 || x.Changed[0].New.CRC != 6 {
		t.Errorf("changed %+v", x.Changed)
	}
}

func TestCompareWithNothing(t *testing.T) {
	one := symvers.NewTable([]symvers.Symbol{sym("a", 1, vm, anyone, "")})
	if x := CompareExports(nil, nil); x.Breaks() || x.BreaksWindow() || !x.Complete() {
		t.Errorf("nothing against nothing: %+v", x)
	}
	if x := CompareExports(one, nil); !x.Breaks() || len(x.Lost) != 1 {
		t.Errorf("one against nothing: %+v", x)
	}
	if x := CompareExports(nil, one); x.Breaks() || len(x.Added) != 1 {
		t.Errorf("nothing against one: %+v", x)
	}
}
