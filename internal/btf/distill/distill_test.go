package distill_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/where"
)

var m = btftest.M

// everything is a base with each kind that a split can reach, and some that
// it cannot; the split on it reaches all but "far" and "f".
func everything(b *btftest.Builder) (base, split *btftest.Builder) {
	b.Str("unused")
	b.Int("int", 4, btftest.Signed)                               // 1
	b.Struct("far", 8, m("a", 1, 0))                              // 2
	b.Struct("big", 24, m("a", 1, 0), btftest.BF("b", 1, 32, 3))  // 3
	b.Union("", 8, m("x", 1, 0), m("p", 5, 0))                    // 4
	b.Ptr(6)                                                      // 5
	b.Const(3)                                                    // 6
	b.Enum("signed", 4, btftest.E{Name: "MINUS", Value: -1})      // 7
	b.Enum64("wide", 8, btftest.E{Name: "WIDE", Value: -1 << 40}) // 8
	b.Enum64("", 8, btftest.E{Name: "LOOSE", Value: 1 << 40})     // 9
	b.Int("long unsigned int", 8, btftest.Unsigned)               // 10
	b.Typedef("size_t", 10)                                       // 11
	b.Fwd("inode", true)                                          // 12
	b.Float("double", 8)                                          // 13
	b.Array(4, 1, 5)                                              // 14
	b.Proto(5, btftest.P("from", 11), btftest.P("", 0))           // 15
	b.TypeTag("user", 11)                                         // 16
	b.Restrict(16)                                                // 17
	b.Volatile(17)                                                // 18
	b.Func("f", 15)                                               // 19
	b.Union("both", 16, m("l", 10, 0))                            // 20
	s := b.Split()
	s.Str("dropped")
	s.Func("init", 22)                                                                                                                    // 21
	s.Proto(0, btftest.P("from", 14), btftest.P("mine", 18))                                                                              // 22
	s.Struct("own", 64, m("a", 20, 0), m("both", 7, 16), m("x", 8, 24), m("own", 9, 32), m("fp", 13, 40), m("i", 12, 48), m("q", 24, 56)) // 23
	s.Ptr(15)                                                                                                                             // 24
	s.Func("unused", 22)                                                                                                                  // 25
	return b, s
}

// TestEveryKind compares both blobs, byte for byte, with those written down
// here record by record; the builder interns strings as libbpf does.
func TestEveryKind(t *testing.T) {
	for _, start := range []func() *btftest.Builder{btftest.Base, btftest.BigBase} {
		_, split := everything(start())
		base := start()
		base.Int("int", 4, btftest.Signed)                 // 1 was 1
		base.Struct("big", 24)                             // 2 was 3
		base.Enum("signed", 4)                             // 3 was 7
		base.Enum("wide", 8)                               // 4 was 8
		base.Int("long unsigned int", 8, btftest.Unsigned) // 5 was 10
		base.Fwd("inode", true)                            // 6 was 12
		base.Float("double", 8)                            // 7 was 13
		base.Union("both", 16)                             // 8 was 20
		want := base.Split()
		want.Func("init", 10)                                       // 9 was 21
		want.Proto(0, btftest.P("from", 19), btftest.P("mine", 23)) // 10 was 22
		want.Struct("own", 64, m("a", 8, 0), m("both", 3, 16), m("x", 4, 24), m("own", 17, 32), m("fp", 7, 40), m("i", 6, 48), m("q", 12, 56))
		want.Ptr(20)                                                 // 12 was 24
		want.Func("unused", 10)                                      // 13 was 25
		want.Union("", 8, m("x", 1, 0), m("p", 15, 0))               // 14 was 4
		want.Ptr(16)                                                 // 15 was 5
		want.Const(2)                                                // 16 was 6
		want.Enum64("", 8, btftest.E{Name: "LOOSE", Value: 1 << 40}) // 17 was 9
		want.Typedef("size_t", 5)                                    // 18 was 11
		want.Array(14, 1, 5)                                         // 19 was 14
		want.Proto(15, btftest.P("from", 18), btftest.P("", 0))      // 20 was 15
		want.TypeTag("user", 18)                                     // 21 was 16
		want.Restrict(21)                                            // 22 was 17
		want.Volatile(22)                                            // 23 was 18
		got, err := new(distill.Distiller).Distill(split.Parse())
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.Base, base.Bytes()) {
			t.Errorf("base:\n%q, want\n%q", got.Base, base.Bytes())
		}
		if !bytes.Equal(got.Split, want.Bytes()) {
			t.Errorf("split:\n%q, want\n%q", got.Split, want.Bytes())
		}
		ids := [...]btf.ID{0, 1, 0, 2, 14, 15, 16, 3, 4, 17, 5, 18, 6, 7, 19, 20, 21, 22, 23, 0, 8, 9, 10, 11, 12, 13, 0}
		for old, want := range ids {
			id, ok := got.ID(btf.ID(old))
			if ok != (want != 0 || old == 0) || ok && id != want {
				t.Errorf("id %d became %d, %v; want %d", old, id, ok, want)
			}
		}
	}
}

// TestScratch: what a Distiller did before, whether it ended well or not, on
// whichever base, does not show.
func TestScratch(t *testing.T) {
	_, one := everything(btftest.Base())
	kernel := btftest.Kernel(btftest.Plain)
	bad := kernel.Split()
	bad.Ptr(kernel.ID(btf.Struct, "nf_conn"))
	bad.Ptr(kernel.ID(btf.Func, "printk"))
	two := kernel.Split()
	two.Struct("s", 32, m("c", kernel.ID(btf.Struct, "nf_conn"), 0))
	many := btftest.Base()
	for i := range 5000 { // tables grow, and are small again afterwards
		many.Int(name("i", i), 4, btftest.Signed)
	}
	wide := many.Split()
	for i := range 5000 {
		wide.Typedef(name("t", i), btf.ID(1+i))
	}
	d := new(distill.Distiller)
	for n, s := range []*btftest.Builder{one, bad, two, wide, bad, one, wide, two, one} {
		got, err := d.Distill(s.Parse())
		want, wantErr := new(distill.Distiller).Distill(s.Parse())
		if (err != nil) != (s == bad) || (wantErr != nil) != (s == bad) {
			t.Fatalf("%d: %v, %v", n, err, wantErr)
		}
		if err == nil && (!bytes.Equal(got.Base, want.Base) || !bytes.Equal(got.Split, want.Split)) {
			t.Errorf("%d differs from a fresh run", n)
		}
	}
}

func name(prefix string, i int) string {
	return prefix + string(rune('a'+i%26)) + string(rune('a'+i/26%26)) + string(rune('a'+i/26/26))
}

// TestEqualStringsAtTwoOffsets: strings are interned by content, as libbpf
// does it.
func TestEqualStringsAtTwoOffsets(t *testing.T) {
	base := btftest.Base()
	base.Int("int", 4, btftest.Signed)
	s := base.Split()
	s.Typedef("one", 1)
	s.Typedef("two", 1)
	blob := bytes.Replace(s.Bytes(), []byte("two"), []byte("one"), 1)
	raw, err := btf.ParseSplit(blob, base.Parse())
	if err != nil {
		t.Fatal(err)
	}
	got, err := new(distill.Distiller).Distill(raw)
	if err != nil {
		t.Fatal(err)
	}
	if want := "one\x00"; !strings.HasSuffix(string(got.Split), "\x00"+want) || strings.Count(string(got.Split), want) != 1 {
		t.Errorf("%q", got.Split)
	}
	if want := "\x00int\x00"; !strings.HasSuffix(string(got.Base), want) {
		t.Errorf("%q", got.Base)
	}
}

func TestRefuses(t *testing.T) {
	for what, c := range map[string]struct {
		fill func(base *btftest.Builder) *btftest.Builder
		text string
		kind where.Kind
	}{
		"a base": {func(b *btftest.Builder) *btftest.Builder { return b },
			"BTF without a base", where.Malformed},
		"nothing to distil": {func(b *btftest.Builder) *btftest.Builder { s := b.Split(); s.Ptr(0); s.Ptr(2); return s },
			"would be empty", where.Unsupported},
		"a function of the base": {func(b *btftest.Builder) *btftest.Builder { s := b.Split(); s.Ptr(b.ID(btf.Func, "f")); return s },
			"at 0x20: BTF type [6] refers to type [4] of the base, which is a FUNC", where.Unsupported},
		"a function in the base": {func(b *btftest.Builder) *btftest.Builder { x := b.Ptr(4); s := b.Split(); s.Ptr(x); return s },
			"base+0x60: BTF type [6] refers to type [4]", where.Unsupported},
		"an id beyond the last": {func(b *btftest.Builder) *btftest.Builder { s := b.Split(); s.Ptr(7); return s },
			"at 0x20: BTF type [6] refers to type [7], the last is [6]", where.Malformed},
		"an id of the split in the base": {func(b *btftest.Builder) *btftest.Builder { x := b.Ptr(7); s := b.Split(); s.Ptr(x); return s },
			"the last is [6]", where.Malformed},
		"a name within a string": {func(b *btftest.Builder) *btftest.Builder {
			s := b.Split()
			s.Raw(btf.Typedef, false, 0, b.Str("int")+1, 1)
			return s
		},
			"at 0x18: BTF type [6] TYPEDEF: name offset 0x2 is not the beginning", where.Malformed},
		"a name beyond the last": {func(b *btftest.Builder) *btftest.Builder {
			s := b.Split()
			s.Raw(btf.Typedef, false, 0, 1000, 1)
			return s
		},
			"name offset 0x3e8", where.Malformed},
		"a name of the split in the base": {func(b *btftest.Builder) *btftest.Builder {
			x := b.Raw(btf.Struct, false, 0, b.Str("end")+4, 8)
			s := b.Split()
			s.Typedef("mine", x)
			return s
		}, "base+0x58: BTF type [6] STRUCT: name offset", where.Malformed},
		"an empty name": {func(b *btftest.Builder) *btftest.Builder {
			b.Str("z")
			x := b.Raw(btf.Struct, false, 0, b.Str("\x00")+1, 8)
			s := b.Split()
			s.Typedef("mine", x)
			return s
		}, "base+0x58: BTF type [6] STRUCT has no name", where.Unsupported},
		"an INT without a name": {func(b *btftest.Builder) *btftest.Builder { x := b.Int("", 4, 0); s := b.Split(); s.Ptr(x); return s },
			"INT has no name", where.Unsupported},
		"an odd ENUM": {func(b *btftest.Builder) *btftest.Builder { x := b.Enum("e", 3); s := b.Split(); s.Ptr(x); return s },
			"an ENUM of 3 bytes", where.Malformed},
		"an ENUM of nothing": {func(b *btftest.Builder) *btftest.Builder { x := b.Enum("e", 0); s := b.Split(); s.Ptr(x); return s },
			"an ENUM of 0 bytes", where.Malformed},
		"a large ENUM64": {func(b *btftest.Builder) *btftest.Builder { x := b.Enum64("e", 16); s := b.Split(); s.Ptr(x); return s },
			"an ENUM64 of 16 bytes", where.Malformed},
		"the split's first name in the base": {func(b *btftest.Builder) *btftest.Builder {
			x := b.Raw(btf.Typedef, false, 0, b.Str("end")+4, 1)
			s := b.Split()
			s.Typedef("mine", x)
			return s
		}, "base+0x58: BTF type [6] TYPEDEF: name offset", where.Malformed},
		"a FWD that refers": {func(b *btftest.Builder) *btftest.Builder {
			s := b.Split()
			s.Raw(btf.Fwd, false, 0, s.Str("x"), 1)
			return s
		},
			"FWD refers to type [1]", where.Malformed},
	} {
		b := btftest.Base()
		b.Int("int", 4, btftest.Signed) // 1
		b.Ptr(0)                        // 2
		b.Proto(0)                      // 3
		b.Func("f", 3)                  // 4
		b.Ptr(1)                        // 5
		got, err := new(distill.Distiller).Distill(c.fill(b).Parse())
		if err == nil || got != nil || !strings.Contains(err.Error(), c.text) || where.KindOf(err) != c.kind {
			t.Errorf("%s: %v (%s)", what, err, where.KindOf(err))
		}
		if errors.Is(err, distill.ErrEmpty) != (what == "nothing to distil") {
			t.Errorf("%s: ErrEmpty is told by %v", what, err)
		}
	}
}
