package abi_test

import (
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/symvers"
)

// kernel is one side: what its base and its module m define.
type kernel struct{ base, module string }

func (k kernel) side() abi.TypeSide {
	b := btftest.Base().C("struct s { int a; }; " + k.base)
	base := b.Parse()
	s := abi.TypeSide{Base: base, Module: func(string) *btf.Raw { return nil }}
	if k.module != "" {
		// Units between bars were not merged: each has types of its own.
		sb := b.Split()
		for unit := range strings.SplitSeq(k.module, "|") {
			sb.C(unit)
		}
		split, err := btf.ParseSplit(sb.Bytes(), base)
		if strings.Contains(k.module, "|") && !strings.Contains(btftest.Dump(split), "FWD") {
			panic("the units were merged")
		}
		if err != nil {
			panic(err)
		}
		s.Module = func(owner string) *btf.Raw {
			if owner == "m" {
				return split
			}
			return nil
		}
	}
	return s
}

func table(crc uint32, vmlinux, module []string) *symvers.Table {
	var list []symvers.Symbol
	for _, n := range vmlinux {
		list = append(list, symvers.Symbol{Name: n, Owner: symvers.Vmlinux, CRC: crc, HasCRC: crc != 0})
	}
	for _, n := range module {
		list = append(list, symvers.Symbol{Name: n, Owner: "m", CRC: crc, HasCRC: crc != 0})
	}
	return symvers.NewTable(list)
}

func compareTypes(old, new kernel, oldCRC, newCRC uint32, vmlinux, module []string) *abi.Types {
	was, is := old.side(), new.side()
	return abi.CompareTypes(table(oldCRC, vmlinux, module), table(newCRC, vmlinux, module), was, is, meaning.Classify(was.Base, is.Base))
}

// Pair D in small: one member more in a private struct that an export reaches
// only behind pointers, and in one that it holds by value.
func TestPairD(t *testing.T) {
	const exports = `
		struct device { struct priv *p; };
		struct topo { int node; %; };
		struct cpu { struct topo topo; };
		percpu struct cpu cpu_info;
		int get(struct device *d);
		int same(struct s *s);
	`
	priv := func(more, topo string) kernel {
		return kernel{base: "struct priv { int a; " + more + " };" + strings.ReplaceAll(exports, "%;", topo)}
	}
	vmlinux := []string{"get", "same", "cpu_info", "jiffies"}
	x := compareTypes(priv("", ""), priv("int b;", ""), 1, 1, vmlinux, nil)
	if len(x.Layout) != 0 || !slices.Equal(changes(x.Deep), []string{"get"}) {
		t.Errorf("behind a pointer: layout %v, deep %v", changes(x.Layout), changes(x.Deep))
	}
	if len(x.Changed) != 1 || x.Changed[0].Text != "struct priv grew from 4 to 8: member b added at 4" || !slices.Equal(x.Changed[0].Symbols, []string{"get"}) {
		t.Errorf("changed %+v", x.Changed)
	}
	if x.Common != 4 || x.Described != 3 || x.Same != 2 || len(x.Undescribed) != 1 || x.Undescribed[0].New.Name != "jiffies" {
		t.Errorf("%+v", x)
	}
	x = compareTypes(priv("", ""), priv("", "int b;"), 1, 1, vmlinux, nil)
	if !slices.Equal(changes(x.Layout), []string{"cpu_info"}) || len(x.Deep) != 0 {
		t.Errorf("by value: layout %v, deep %v", changes(x.Layout), changes(x.Deep))
	}
	want := "struct cpu grew from 4 to 8: member topo now has 8 bytes, had 4; struct topo grew from 4 to 8: member b added at 4"
	if x.Layout[0].Why != want {
		t.Errorf("%q, want %q", x.Layout[0].Why, want)
	}
}

func changes(list []abi.TypeChange) (out []string) {
	for _, c := range list {
		out = append(out, c.New.Name)
	}
	return out
}

func TestCompareTypes(t *testing.T) {
	for _, c := range []struct {
		name           string
		old, new       kernel
		oldCRC, newCRC uint32
		module         bool
		where          string // the list that f is in
		why            string
	}{
		{"nothing changed", kernel{base: "int f(struct s *s);"}, kernel{base: "struct pad { long l; }; int f(struct s *s);"}, 1, 1, false, "same", ""},
		{"the CRC alone", kernel{base: "int f(struct s *s);"}, kernel{base: "struct pad { long l; }; int f(struct s *s);"}, 1, 2, false, "crc", ""},
		{"without a CRC", kernel{base: "int f(struct s *s);"}, kernel{base: "struct pad { long l; }; int f(struct s *s);"}, 0, 0, false, "unversioned", ""},
		{"one side lost its CRC", kernel{base: "int f(struct s *s);"}, kernel{base: "int f(struct s *s);"}, 1, 0, false, "unversioned", ""},
		{"the CRC changed and so did the layout", kernel{base: "int f(struct s s);"}, kernel{base: "int f(long s);"}, 1, 2, false, "none", ""},
		{"the prototype", kernel{base: "int f(struct s *s);"}, kernel{base: "int f(struct s *s, int flags);"}, 1, 1, false, "layout",
			`is now "int f(struct s *s, int flags)", was "int f(struct s *s)"`},
		{"names of parameters", kernel{base: "int f(struct s *s);"}, kernel{base: "int f(struct s *t);"}, 1, 1, false, "same", ""},
		{"names in a callback", kernel{base: "struct o { int (*g)(int a); }; int f(struct o *o);"}, kernel{base: "struct o { int (*g)(int b); }; int f(struct o *o);"}, 1, 1, false, "same", ""},
		{"a callback", kernel{base: "struct o { int (*g)(int a); }; int f(struct o *o);"}, kernel{base: "struct o { int (*g)(long a); }; int f(struct o *o);"}, 1, 1, false, "deep", ""},
		{"a declaration became a definition", kernel{base: "struct o; int f(struct o *o);"}, kernel{base: "struct o { int a; }; int f(struct o *o);"}, 1, 1, false, "same", ""},
		{"not in BTF", kernel{base: "int g(void);"}, kernel{base: "int f(void);"}, 1, 1, false, "undescribed", ""},
		{"a function became a variable", kernel{base: "int f(void);"}, kernel{base: "percpu int f;"}, 1, 1, false, "layout", `is now "int f", was "int f(void)"`},
		{"of a module", kernel{"", "struct own { int a; }; int f(struct own *o);"}, kernel{"struct pad { long l; };", "struct own { int a; }; int f(struct own *o);"}, 1, 1, true, "same", ""},
		{"a module's own type", kernel{"", "struct own { int a; struct own *next; }; int f(struct own *o);"}, kernel{"", "struct own { long a; struct own *next; }; int f(struct own *o);"}, 1, 1, true, "deep",
			`struct own (16 bytes as before): member a changed from "int a" to "long a" at 0`},
		{"a module's own type by value", kernel{"", "struct own { int a; }; int f(struct own o);"}, kernel{"", "struct own { int a; int b; }; int f(struct own o);"}, 1, 1, true, "layout",
			"struct own grew from 4 to 8: member b added at 4"},
		{"a type of the base behind a module's", kernel{"struct b { int a; };", "struct own { struct b *b; }; int f(struct own *o);"}, kernel{"struct b { long a; };", "struct own { struct b *b; }; int f(struct own *o);"}, 1, 1, true, "deep", ""},
		{"a module's type that came into the base", kernel{"", "struct own { int a; }; int f(struct own *o);"}, kernel{"struct own { int a; };", "int f(struct own *o);"}, 1, 1, true, "same", ""},
		{"a struct that stands twice", kernel{"", "struct far { int a; }; struct own { int a; struct far *f; }; int f(struct own *o);"},
			kernel{"", "struct far; struct own { int a; struct far *f; }; int f(struct own *o); | struct far { int a; }; struct own { int a; struct far *f; };"}, 0, 0, true, "unversioned", ""},
		{"a copy of a type of the base", kernel{"struct b { int a; struct s *s; };", "struct own { struct b *b; }; int f(struct own *o);"},
			kernel{"struct b { int a; struct s *s; };", "struct b { int a; struct s *s; }; struct own { struct b *b; }; int f(struct own *o);"}, 1, 1, true, "same", ""},
		{"a struct that stands twice and changed", kernel{"", "struct far { int a; }; struct own { int a; struct far *f; }; int f(struct own *o);"},
			kernel{"", "struct far; struct own { int a; struct far *f; }; int f(struct own *o); | struct far { int a; int b; }; struct own { int a; struct far *f; };"}, 0, 0, true, "deep",
			"struct far grew from 4 to 8: member b added at 4"},
		{"only declared, and nowhere defined", kernel{"", "struct far { int a; }; struct own { struct far *f; }; int f(struct own *o);"},
			kernel{"", "struct far; struct own { struct far *f; }; int f(struct own *o);"}, 1, 1, true, "same", ""},
		{"a module without BTF", kernel{"", "int f(void);"}, kernel{}, 1, 1, true, "undescribed", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			vmlinux, module := []string{"f"}, []string(nil)
			if c.module {
				vmlinux, module = nil, []string{"f"}
			}
			x := compareTypes(c.old, c.new, c.oldCRC, c.newCRC, vmlinux, module)
			where, why := "none", ""
			switch {
			case len(x.Layout) == 1:
				where, why = "layout", x.Layout[0].Why
			case len(x.Deep) == 1:
				where, why = "deep", x.Deep[0].Why
			case len(x.CRCOnly) == 1:
				where = "crc"
			case len(x.Unversioned) == 1:
				where = "unversioned"
			case len(x.Undescribed) == 1:
				where = "undescribed"
			case x.Same == 1:
				where = "same"
			}
			if c.name == "a type of the base behind a module's" && (len(x.Changed) != 1 || !slices.Equal(x.Changed[0].Symbols, []string{"f"})) {
				t.Errorf("changed %+v", x.Changed)
			}
			if where != c.where || why != c.why {
				t.Errorf("%s %q, want %s %q", where, why, c.where, c.why)
			}
		})
	}
}

// Of two functions of one name nothing says which is exported.
func TestDescribe(t *testing.T) {
	r := btftest.Base().C("int one(void); int two(int a); struct two { int b; }; percpu int v;").C("int two(long a);").Parse()
	for name, want := range map[string]abi.Description{"one": abi.Described, "two": abi.Ambiguous, "three": abi.Undescribed, "v": abi.Described} {
		if id, d := abi.Describe(r, name); d != want || (id != 0) != (d == abi.Described) {
			t.Errorf("%s: [%d] %d", name, id, d)
		}
	}
}
