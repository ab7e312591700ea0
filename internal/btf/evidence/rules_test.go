package evidence_test

import (
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/evidence"
)

// types of the fake kernel, for the table below.
type kernel struct {
	i, u, char, net, list, fn, proto, vr, sec, pvoid, fwd, state, conn, nested btf.ID
}

func typesOf(b *btftest.Builder) kernel {
	r := b.Parse()
	fn, _ := r.Record(b.ID(btf.Func, "printk"))
	k := kernel{
		i: b.ID(btf.Int, "int"), u: b.ID(btf.Int, "unsigned int"), char: b.ID(btf.Int, "char"),
		net: b.ID(btf.Struct, "net"), list: b.ID(btf.Struct, "list_head"), fn: fn.ID, proto: fn.Ref(),
		vr: b.ID(btf.Var, "init_net"), sec: b.ID(btf.Datasec, ".data..percpu"),
		fwd: b.ID(btf.Fwd, "inode"), state: b.ID(btf.Enum, "module_state"), conn: b.ID(btf.Struct, "nf_conn"),
	}
	for t := range r.Types {
		if t.Kind == btf.Ptr && t.Ref() == 0 {
			k.pvoid = t.ID
		}
		if t.Kind == btf.Union && t.Name == 0 {
			k.nested = t.ID
		}
	}
	return k
}

// Each rule, by what it is meant to find and what it must let pass.
func TestRules(t *testing.T) {
	const none = evidence.Check(99)
	for _, c := range []struct {
		name  string
		build func(s *btftest.Builder, k kernel)
		check evidence.Check
		text  string
	}{
		{"id beyond the last", func(s *btftest.Builder, k kernel) { s.Typedef("t", 5000) }, evidence.Range, "type id 5000 is beyond the last"},
		{"param beyond the last", func(s *btftest.Builder, k kernel) { s.Proto(k.i, btftest.P("a", 5000)) }, evidence.Range, "5000"},
		{"name beyond the strings", func(s *btftest.Builder, k kernel) { s.Raw(btf.Struct, false, 0, 1<<20, 0) }, evidence.Range, "name offset 1048576"},
		{"inside a base string", func(s *btftest.Builder, k kernel) { s.Raw(btf.Struct, false, 0, s.Str("list_head")+1, 0) }, evidence.Strings, `inside a string: "ist_head"`},
		{"inside an own string", func(s *btftest.Builder, k kernel) { s.Raw(btf.Struct, false, 0, s.Str("nf_foo")+3, 0) }, evidence.Strings, `inside a string: "foo"`},
		{"no identifier", func(s *btftest.Builder, k kernel) { s.Raw(btf.Struct, false, 0, s.Str("long unsigned int"), 0) }, evidence.Strings, "not an identifier"},
		{"clone's name", func(s *btftest.Builder, k kernel) { s.Func("foo.isra.0", s.Proto(k.net+0)) }, evidence.Kinds, ""},
		{"no name", func(s *btftest.Builder, k kernel) { s.Raw(btf.Fwd, false, 0, 0, 0) }, evidence.Strings, "has no name"},
		{"nameless enumerator", func(s *btftest.Builder, k kernel) { s.Enum("e", 4, btftest.E{}) }, evidence.Strings, "has no name"},
		{"a pointer's name", func(s *btftest.Builder, k kernel) { s.Raw(btf.Ptr, false, 0, s.Str("net"), uint32(k.vr)) }, evidence.Strings, "has a name"},
		{"FUNC of a struct", func(s *btftest.Builder, k kernel) { s.Func("f", k.net) }, evidence.Kinds, "its prototype is [11] STRUCT net"},
		{"pointer to FUNC", func(s *btftest.Builder, k kernel) { s.Ptr(k.fn) }, evidence.Kinds, "refers to"},
		{"pointer to VAR", func(s *btftest.Builder, k kernel) { s.Const(k.vr) }, evidence.Kinds, "VAR init_net"},
		{"restrict of a struct", func(s *btftest.Builder, k kernel) { s.Restrict(k.net) }, evidence.Kinds, "restricts"},
		{"restrict of a pointer", func(s *btftest.Builder, k kernel) { s.Restrict(s.Typedef("p", k.pvoid)) }, none, ""},
		{"const const", func(s *btftest.Builder, k kernel) { s.Const(s.Const(k.list)) }, evidence.Kinds, "again"},
		{"array of void", func(s *btftest.Builder, k kernel) { s.Array(0, k.u, 3) }, evidence.Kinds, "an array of [0] void"},
		{"array of FWD", func(s *btftest.Builder, k kernel) { s.Array(k.fwd, k.u, 3) }, evidence.Kinds, "FWD inode"},
		{"array by struct", func(s *btftest.Builder, k kernel) { s.Array(k.i, k.net, 3) }, evidence.Kinds, "indexed by"},
		{"huge array", func(s *btftest.Builder, k kernel) {
			s.Struct("s", 8, btftest.M("a", s.Array(k.net, k.u, 0xffffffff), 0))
		}, evidence.Kinds, "ARRAY"},
		{"member of FUNC_PROTO", func(s *btftest.Builder, k kernel) { s.Struct("s", 8, btftest.M("a", k.proto, 0)) }, evidence.Kinds, "member a at bit 0 is"},
		{"member of void", func(s *btftest.Builder, k kernel) { s.Struct("s", 8, btftest.M("a", s.Typedef("v", 0), 0)) }, evidence.Kinds, "member a"},
		{"bitfield of a struct", func(s *btftest.Builder, k kernel) { s.Struct("s", 40, btftest.BF("a", k.net, 0, 3)) }, evidence.Kinds, "bitfield a of 3 bits"},
		{"wide bitfield", func(s *btftest.Builder, k kernel) { s.Struct("s", 8, btftest.BF("a", k.i, 0, 33)) }, evidence.Kinds, "33 bits"},
		{"bitfield of an enum", func(s *btftest.Builder, k kernel) { s.Struct("s", 4, btftest.BF("a", s.Typedef("e", k.state), 0, 3)) }, none, ""},
		{"void in the middle", func(s *btftest.Builder, k kernel) { s.Proto(k.i, btftest.P("", 0), btftest.P("a", k.i)) }, evidence.Kinds, "parameter 0 is [0] void"},
		{"array as parameter", func(s *btftest.Builder, k kernel) { s.Proto(k.i, btftest.P("a", s.Array(k.i, k.u, 2))) }, evidence.Kinds, "parameter 0"},
		{"nameless union as parameter", func(s *btftest.Builder, k kernel) { s.Proto(k.i, btftest.P("a", k.nested)) }, evidence.Kinds, "UNION (anon)"},
		{"huge parameter", func(s *btftest.Builder, k kernel) { s.Proto(k.i, btftest.P("a", s.Struct("big", 2048))) }, evidence.Kinds, "STRUCT big"},
		{"returns a function", func(s *btftest.Builder, k kernel) { s.Proto(k.proto) }, evidence.Kinds, "returns"},
		{"returns const void", func(s *btftest.Builder, k kernel) { s.Proto(s.Const(0), btftest.P("a", k.net)) }, none, ""},
		{"VAR of FUNC_PROTO", func(s *btftest.Builder, k kernel) { s.Var("v", k.proto) }, evidence.Kinds, "a variable of"},
		{"DATASEC of a struct", func(s *btftest.Builder, k kernel) { s.Datasec(".data", 40, btftest.Entry{Var: k.net, Size: 40}) }, evidence.Kinds, "its entry at 0"},
		{"VAR of another size", func(s *btftest.Builder, k kernel) {
			s.Datasec(".data", 48, btftest.Entry{Var: s.Var("v", k.net), Size: 48})
		}, evidence.Sizes, "variable v has 48 bytes, its type [11] STRUCT net has 40"},
		{"VAR of no type", func(s *btftest.Builder, k kernel) {
			s.Datasec(".data", 48, btftest.Entry{Var: s.Var("v", 5000), Size: 48})
		}, evidence.Range, "5000"},
		{"tag on an INT", func(s *btftest.Builder, k kernel) { s.DeclTag("t", k.i, -1) }, evidence.Kinds, "tags [1] INT int"},
		{"tag on a missing parameter", func(s *btftest.Builder, k kernel) { s.DeclTag("t", k.fn, 2) }, evidence.Kinds, "component 2"},
		{"tag on a parameter", func(s *btftest.Builder, k kernel) { s.DeclTag("t", k.fn, 1) }, none, ""},
		{"tag on a member", func(s *btftest.Builder, k kernel) { s.DeclTag("t", k.net, 3) }, none, ""},
		{"tag on a variable", func(s *btftest.Builder, k kernel) { s.DeclTag("t", k.vr, -1) }, none, ""},
		{"member too large", func(s *btftest.Builder, k kernel) { s.Struct("s", 32, btftest.M("a", k.net, 0)) }, evidence.Sizes, "ends beyond its 32 bytes"},
		{"union member too large", func(s *btftest.Builder, k kernel) { s.Union("s", 32, btftest.M("a", k.net, 0)) }, evidence.Sizes, "ends beyond"},
		{"overlap", func(s *btftest.Builder, k kernel) {
			s.Struct("s", 64, btftest.M("a", k.net, 0), btftest.M("b", k.i, 32))
		}, evidence.Sizes, "overlaps"},
		{"hole", func(s *btftest.Builder, k kernel) {
			s.Struct("s", 64, btftest.M("a", k.list, 0), btftest.M("b", k.net, 24))
		}, evidence.Sizes, "follows a hole from bit 128"},
		{"hole at the end", func(s *btftest.Builder, k kernel) {
			s.Struct("s", 136, btftest.M("a", k.list, 0), btftest.M("b", k.net, 64))
		}, evidence.Sizes, "end at bit 832 of 1088"},
		{"aligned to 64", func(s *btftest.Builder, k kernel) {
			s.Struct("s", 128, btftest.M("a", k.list, 0), btftest.M("b", k.net, 64), btftest.M("c", k.list, 104))
		}, none, ""},
		{"hole behind an integer", func(s *btftest.Builder, k kernel) {
			s.Struct("s", 24, btftest.M("a", k.i, 0), btftest.M("b", k.list, 8))
		}, none, ""},
		{"unnamed bits at the end", func(s *btftest.Builder, k kernel) {
			s.Struct("s", 24, btftest.M("b", k.list, 0), btftest.BF("a", k.i, 128, 1))
		}, none, ""},
		{"a pointer again", func(s *btftest.Builder, k kernel) { s.Ptr(k.net) }, evidence.Dedup, "repeats [12] PTR (anon) of the base"},
		{"an INT again", func(s *btftest.Builder, k kernel) { s.Int("int", 4, btftest.Signed) }, evidence.Dedup, "repeats [1] INT int"},
		{"another INT", func(s *btftest.Builder, k kernel) { s.Int("int", 8, btftest.Signed) }, none, ""},
		{"a FUNC again", func(s *btftest.Builder, k kernel) { s.Func("printk", k.proto) }, evidence.Dedup, "FUNC printk"},
		{"another FUNC of that name", func(s *btftest.Builder, k kernel) { s.Func("printk", s.Proto(k.u)) }, none, ""},
		{"a VAR again", func(s *btftest.Builder, k kernel) { s.Var("init_net", k.net) }, none, ""},
		{"a struct again", func(s *btftest.Builder, k kernel) {
			s.Struct("file", 8, btftest.M("flags", s.ID(btf.Int, "long unsigned int"), 0))
		}, none, ""},
	} {
		base := btftest.Kernel(btftest.Plain)
		s := base.Split()
		c.build(s, typesOf(base))
		b, r := on(t, base, s)
		res := b.Judge(r, evidence.Module{})
		v := res.First()
		switch {
		case c.check == none && v != nil:
			t.Errorf("%s: %v: %s", c.name, v.Check, v.Text)
		case c.check == none:
		case c.name == "clone's name":
			if res.Checks[evidence.Strings].Hits != 0 {
				t.Errorf("%s: %+v", c.name, res.Checks)
			}
		case v == nil || res.Checks[c.check].Hits == 0 || !strings.Contains(res.Checks[c.check].First.Text, c.text):
			t.Errorf("%s: %+v, want %v %q", c.name, v, c.check, c.text)
		}
	}
}
