package cdef_test

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/cdef"
)

func TestDefinitions(t *testing.T) {
	b := btftest.Base()
	i := b.Int("int", 4, btftest.Signed)
	key := b.Union("", 8, btftest.M("a", i, 0), btftest.M("b", b.Ptr(0), 0))
	in := b.Struct("", 4, btftest.BF("lo", i, 0, 3), btftest.BF("hi", i, 3, 5))
	kind := b.Enum("", 4, btftest.E{Name: "NEG", Value: -1})
	foo := b.Struct("foo", 40, btftest.M("x", i, 0), btftest.M("", key, 8), btftest.M("in", in, 16),
		btftest.M("list", b.Ptr(b.Array(in, i, 2)), 24), btftest.M("kind", kind, 32))
	v := b.Var("cpu", i)
	for id, want := range map[btf.ID]string{
		foo: `struct foo { /* 40 bytes */
	int x; /* 0 */
	union { /* 8 */
		int a; /* 8 */
		void *b; /* 8 */
	};
	struct { /* 16 */
		int lo:3; /* 16 */
		int hi:5; /* 16:3 */
	} in;
	struct { /* 24 */
		int lo:3; /* 0 */
		int hi:5; /* 0:3 */
	} (*list)[2];
	enum { /* 32 */
		NEG = -1,
	} kind;
};
`,
		b.Typedef("t", key):     "typedef union (anon) t { /* 8 bytes */\n\tint a; /* 0 */\n\tvoid *b; /* 0 */\n};\n",
		b.Typedef("n", foo):     "typedef struct foo n;\n",
		b.Func("f", b.Proto(i)): "int f(void);\n",
		b.Enum64("e", 8, btftest.E{Name: "BIG", Value: 1 << 40}):               "enum e { /* 8 bytes */\n\tBIG = 1099511627776,\n};\n",
		b.Datasec(".data..percpu", 4, btftest.Entry{Var: v, Off: 16, Size: 4}): "section .data..percpu { /* 4 bytes */\n\tint cpu (4 bytes); /* 16 */\n};\n",
		i: "int: 32 bits signed; /* 4 bytes */\n",
	} {
		if d := cdef.Of(b.Parse(), id); d.String() != want {
			t.Errorf("got:\n%swant:\n%s", d.String(), want)
		}
	}
}

// Keys tell fields apart, also those of anonymous types.
func TestKeys(t *testing.T) {
	b := btftest.Base()
	i := b.Int("int", 4, btftest.Signed)
	in := b.Struct("", 4, btftest.M("a", i, 0))
	b.Struct("foo", 12, btftest.M("", in, 0), btftest.M("key", in, 4), btftest.M("", b.Union("", 4, btftest.M("u", i, 0)), 8))
	var got []string
	d := cdef.Of(b.Parse(), b.ID(btf.Struct, "foo"))
	for _, f := range d.Fields {
		got = append(got, f.Key)
	}
	want := []string{"#1{", "a", "#1}", "key{", "key.a", "key}", "#2{", "u", "#2}"}
	if len(got) != len(want) {
		t.Fatalf("%q", got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// What refers to itself, or to nowhere, ends.
func TestHostile(t *testing.T) {
	b := btftest.Base()
	self := b.Struct("", 4, btftest.M("a", b.Next(), 0), btftest.M("b", b.Next(), 0))
	b.Struct("outer", 4, btftest.M("x", self, 0), btftest.M("y", 9999, 0))
	d := cdef.Of(b.Parse(), b.ID(btf.Struct, "outer"))
	if !d.Cut || len(d.Fields) > cdef.MaxFields {
		t.Errorf("%d fields, cut %v", len(d.Fields), d.Cut)
	}
}
