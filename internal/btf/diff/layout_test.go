package diff_test

import (
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/diff"
)

func TestLayouts(t *testing.T) {
	for _, c := range []struct {
		name, both, old, new string
		same                 bool
	}{
		{"nothing", "struct s { int a; };", "int f(struct s *s);", "int f(struct s *s);", true},
		{"a pointee changed", "", "struct s { int a; }; int f(struct s *s);", "struct s { long a; }; int f(struct s *s);", true},
		{"a pointee of another name", "struct s { int a; }; struct t { int a; };", "int f(struct s *s);", "int f(struct t *s);", false},
		{"a pointee is declared only", "", "struct s { int a; }; int f(struct s *s);", "struct s; int f(struct s *s);", true},
		{"a parameter by value grew", "", "struct s { int a; }; int f(struct s s);", "struct s { int a; int b; }; int f(struct s s);", false},
		{"inside a parameter by value", "", "struct in { int a; int b; }; struct s { struct in in[2]; }; int f(struct s s);",
			"struct in { int a; unsigned int b; }; struct s { struct in in[2]; }; int f(struct s s);", false},
		{"behind a pointer in it", "", "struct in { int a; }; struct s { struct in *in; }; int f(struct s s);",
			"struct in { long a; }; struct s { struct in *in; }; int f(struct s s);", true},
		{"what is returned", "", "struct s { int a; }; struct s f(void);", "struct s { int b; }; struct s f(void);", false},
		{"typedefs and qualifiers", "typedef unsigned int u32;", "int f(u32 a, const char *s);", "int f(unsigned int a, char *s);", true},
		{"signedness", "", "int f(int a);", "int f(unsigned int a);", false},
		{"names of parameters", "", "int f(int a);", "int f(int b);", true},
		{"one more", "", "int f(int a);", "int f(int a, ...);", false},
		{"pointer to pointer", "", "int f(char **a);", "int f(char *a);", false},
		{"a callback", "struct s { int a; };", "int f(int (*g)(struct s *s));", "int f(int (*g)(long s));", false},
		{"enumerators", "", "enum e { A, B }; int f(enum e e);", "enum e { B, A }; int f(enum e e);", false},
		{"a variable", "", "struct s { int a; }; percpu struct s f;", "struct s { int a; int b; }; percpu struct s f;", false},
		{"function or variable", "", "int f(void);", "percpu int f;", false},
		{"a bitfield", "", "struct s { int a:3; }; int f(struct s s);", "struct s { int a:4; }; int f(struct s s);", false},
	} {
		old, new := btftest.Base().C(c.both+c.old).Parse(), btftest.BigBase().C("struct pad { char c; };"+c.both+c.new).Parse()
		for range 2 { // the second answer comes from the memo
			if got := diff.NewLayouts(old, new).Same(symbol(t, old, "f"), symbol(t, new, "f")); got != c.same {
				t.Errorf("%s: %v", c.name, got)
			}
		}
	}
}

func symbol(t *testing.T, r *btf.Raw, name string) btf.ID {
	t.Helper()
	for rec := range r.Named(name) {
		if rec.Kind == btf.Func || rec.Kind == btf.Var {
			return rec.ID
		}
	}
	t.Fatalf("no %s", name)
	return 0
}

// Types that hold themselves, chains without an end and ids beyond the last
// are different, never a hang and never the same.
func TestLayoutsHostile(t *testing.T) {
	b := btftest.Base()
	i := b.Int("int", 4, btftest.Signed)
	self := b.Struct("self", 4, btftest.M("a", b.Next(), 0))
	loop := b.Const(b.Next())
	ptr := b.Ptr(b.Next())
	wide := b.Struct("", 4, btftest.M("a", b.Next(), 0), btftest.M("b", b.Next(), 0))
	r := b.Parse()
	l := diff.NewLayouts(r, r)
	for _, id := range []btf.ID{self, loop, ptr, wide, 9999} {
		if l.Same(id, id) {
			t.Errorf("[%d] is the same", id)
		}
	}
	if !l.Same(i, i) {
		t.Error("int differs from itself")
	}
	if d := diff.Compare(r, r); len(d.Changed) > 1 {
		t.Errorf("%d changes", len(d.Changed))
	}
	deep := "typedef int t0; "
	for k := range 3 * 512 {
		deep += strings.ReplaceAll("struct sN { ", "N", itoa(k)) + prev(k) + " m; }; "
	}
	big := btftest.Base().C(deep + "int f(struct s" + itoa(3*512-1) + " s);").Parse()
	if diff.NewLayouts(big, big).Same(symbol(t, big, "f"), symbol(t, big, "f")) {
		t.Error("1536 types within each other are compared to the end")
	}
}

func prev(k int) string {
	if k == 0 {
		return "int"
	}
	return "struct s" + itoa(k-1)
}
