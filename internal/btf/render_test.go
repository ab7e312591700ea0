package btf_test

import (
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

func TestCType(t *testing.T) {
	b := btftest.Base()
	i := b.Int("int", 4, btftest.Signed)
	ch := b.Int("char", 1, btftest.Signed)
	net := b.Struct("net", 8)
	cnet := b.Ptr(b.Const(net))
	str := b.Ptr(b.Const(ch))
	proto := b.Proto(i, btftest.P("n", cnet), btftest.P("", 0))
	fn := b.Ptr(proto)
	arr := b.Array(b.Array(ch, i, 3), i, 2)
	loop := b.Const(b.Next())
	for _, c := range []struct {
		id   btf.ID
		want string
	}{
		{0, "void"}, {i, "int"}, {cnet, "const struct net *"}, {b.Const(cnet), "const struct net *const"},
		{b.Ptr(b.Const(cnet)), "const struct net *const *"},
		{proto, "int (const struct net *, ...)"}, {fn, "int (*)(const struct net *, ...)"},
		{b.Array(fn, i, 4), "int (*[4])(const struct net *, ...)"},
		{b.Ptr(b.Array(i, i, 4)), "int (*)[4]"}, {arr, "char [2][3]"},
		{b.Proto(0), "void (void)"}, {b.Proto(str, btftest.P("f", fn)), "const char *(int (*)(const struct net *, ...))"},
		{b.Union("", 4), "union (anon)"}, {b.Enum("e", 4), "enum e"}, {b.Fwd("f", true), "union f"},
		{b.Typedef("u32", i), "u32"}, {b.Ptr(b.TypeTag("rcu", net)), "__rcu struct net *"},
		{b.Func("foo", proto), "FUNC foo"}, {9999, "?[9999]"}, {b.Ptr(9999), "?[9999] *"},
	} {
		if got := b.Parse().CType(c.id); got != c.want {
			t.Errorf("[%d] %q, want %q", c.id, got, c.want)
		}
	}
	for _, c := range []struct {
		id         btf.ID
		name, leaf string
		want       string
	}{
		{arr, "m", "", "char m[2][3]"}, {fn, "open", "", "int (*open)(const struct net *n, ...)"},
		{proto, "printk", "", "int printk(const struct net *n, ...)"},
		{b.Array(b.Ptr(b.Union("", 4)), i, 2), "u", "}", "} *u[2]"}, {cnet, "", "", "const struct net *"},
	} {
		if got := b.Parse().CDecl(c.id, c.name, c.leaf); got != c.want {
			t.Errorf("[%d] %q, want %q", c.id, got, c.want)
		}
	}
	if got := b.Parse().Leaf(arr).ID; got != ch {
		t.Errorf("the leaf of char[2][3] is [%d]", got)
	}
	if got := b.Parse().Leaf(loop).Kind; got != btf.Void {
		t.Errorf("the leaf of a cycle is %s", got)
	}
	if got := b.Parse().CType(loop); !strings.HasSuffix(got, "…") || len(got) > 400 {
		t.Errorf("a cycle renders as %q", got)
	}
}

func TestLabel(t *testing.T) {
	b := btftest.Base()
	b.Struct("net", 8)
	b.Ptr(1)
	b.Func("a\x1b[31m", 1)
	b.Func(strings.Repeat("x", 5000), 1)
	r := b.Parse()
	for id, want := range []string{"[0] void", "[1] STRUCT net", "[2] PTR (anon)", `[3] FUNC a\x1b[31m`} {
		if got := r.Label(btf.ID(id)); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	if got := r.Label(4); len(got) > 200 {
		t.Errorf("a label of %d bytes", len(got))
	}
	if got := r.Label(5); got != "[5] beyond the last id 4" {
		t.Errorf("%q", got)
	}
}
