package rebase_test

import (
	"bytes"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/btf/rebase"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/where"
)

// module is the source of a module: what a build of it on a base gives. It
// names types of the base by name, and one that has no name.
func module(b *btftest.Builder) *btftest.Builder {
	s := b.Split()
	net, list, i := b.ID(btf.Struct, "net"), b.ID(btf.Struct, "list_head"), b.ID(btf.Int, "int")
	conn := b.ID(btf.Struct, "nf_conn")
	first := s.Next()
	s.Func("alpha_init", first+1)
	s.Proto(i, btftest.P("skb", first+2))
	s.Ptr(conn)
	s.Struct("alpha_priv", 64, btftest.M("list", list, 0), btftest.M("name", first+4, 16), btftest.M("own_member", first+5, 32))
	s.Typedef("alpha_t", i)
	s.Ptr(net)
	return s
}

var builders = []func(btftest.Variant) *btftest.Builder{btftest.Kernel, btftest.BigKernel}

// TestAsIfEncodedThere: a module carried to another base has the bytes that
// its encoder would have written there, is accepted and means the same.
func TestAsIfEncodedThere(t *testing.T) {
	for _, build := range builders {
		for _, c := range [][2]btftest.Variant{{btftest.Plain, btftest.Grown}, {btftest.Grown, btftest.Plain}, {btftest.Plain, btftest.Permuted}, {btftest.Permuted, btftest.Grown}, {btftest.Plain, btftest.Plain}} {
			from, to := build(c[0]), build(c[1])
			r, err := rebase.New(from.Parse(), to.Parse())
			if err != nil {
				t.Fatal(err)
			}
			split, want := module(from).Parse(), module(to).Bytes()
			res, err := r.Rebase(split, []btf.ID{from.ID(btf.Func, "printk")})
			if err != nil {
				t.Fatalf("%v: %v", c, err)
			}
			if !bytes.Equal(res.Split, want) {
				t.Errorf("%v:\n%x\n%x", c, res.Split, want)
			}
			for _, k := range []struct {
				kind btf.Kind
				name string
			}{{btf.Struct, "net"}, {btf.Struct, "nf_conn"}, {btf.Func, "printk"}} {
				if id, ok := res.ID(from.ID(k.kind, k.name)); !ok || id != to.ID(k.kind, k.name) {
					t.Errorf("%v: %s became %d, %v", c, k.name, id, ok)
				}
			}
			if id, ok := res.ID(split.FirstID() + 2); !ok || id != btf.ID(to.Parse().NumTypes())+2 {
				t.Errorf("%v: an own id became %d, %v", c, id, ok)
			}
			if _, ok := res.ID(btf.ID(split.NumTypes())); ok {
				t.Errorf("%v: an id beyond the last", c)
			}
			accepted(t, from, to, split, res)
		}
	}
}

// accepted: kernels from 5.11 on take it, and it means what it did.
func accepted(t *testing.T, from, to *btftest.Builder, split *btf.Raw, res *rebase.Result) {
	t.Helper()
	for _, v := range [][2]int{{5, 11}, {5, 15}, {6, 1}, {6, 12}, {7, 3}} {
		p := verdict.ForVersion(v[0], v[1], 0)
		b, err := verdict.NewBase(&p, to.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		if !b.Own().OK { // a kind of the fake kernel that came later
			continue
		}
		if got := b.Module(res.Split, nil); !got.OK {
			t.Errorf("%v: %+v", v, got)
		}
	}
	there, err := btf.ParseSplit(res.Split, to.Parse())
	if err != nil {
		t.Fatal(err)
	}
	both, n := meaning.Classify(from.Parse(), to.Parse()), 0
	for t1 := range split.Types {
		t2, _ := there.Record(t1.ID - split.FirstID() + there.FirstID())
		if t1.Kind != t2.Kind || split.Name(t1.Name) != there.Name(t2.Name) {
			t.Errorf("%s became %s", split.Label(t1.ID), there.Label(t2.ID))
		}
		var ids []btf.ID
		for _, id := range t2.Refs {
			ids = append(ids, id)
		}
		for _, id := range t1.Refs {
			if id < split.FirstID() && ids[0] < there.FirstID() {
				if n++; !both.Same(meaning.Identity, id, ids[0]) {
					t.Errorf("%s of %s became %s", split.Label(id), split.Label(t1.ID), there.Label(ids[0]))
				}
			}
			ids = ids[1:]
		}
	}
	if n < 4 {
		t.Errorf("%d references compared", n)
	}
}

// TestCopies: a type without a name that the other base lacks goes along.
func TestCopies(t *testing.T) {
	from, to := btftest.Base(), btftest.Base()
	i := from.Int("int", 4, btftest.Signed)
	v := from.Volatile(i)
	alias := from.Typedef("only_here", v)
	to.Fwd("other", false)
	j := to.Int("int", 4, btftest.Signed)
	s := from.Split()
	s.Ptr(alias)
	r, err := rebase.New(from.Parse(), to.Parse())
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.Rebase(s.Parse(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := to.Split()
	first := want.Next()
	want.Ptr(first + 1)
	want.Typedef("only_here", first+2)
	want.Volatile(j)
	if !bytes.Equal(res.Split, want.Bytes()) {
		t.Errorf("%x\n%x", res.Split, want.Bytes())
	}
	if id, ok := res.ID(alias); !ok || id != first+1 {
		t.Errorf("the typedef became %d, %v", id, ok)
	}
}

// TestRefusals: what the other kernel does not have is named.
func TestRefusals(t *testing.T) {
	from := btftest.Kernel(btftest.Changed)
	to := btftest.Kernel(btftest.Plain)
	two := btftest.Base()
	two.Int("int", 4, btftest.Signed)
	for _, c := range []struct {
		what     string
		from, to *btftest.Builder
		add      func(s *btftest.Builder)
		names    string
		kind     where.Kind
	}{
		{"another size", from, to, func(s *btftest.Builder) { s.Ptr(from.ID(btf.Struct, "net")) }, "STRUCT net", where.Unsupported},
		{"not there", from, two, func(s *btftest.Builder) { s.Ptr(from.ID(btf.Struct, "sk_buff")) }, "STRUCT sk_buff", where.Unsupported},
		{"beyond the last", from, to, func(s *btftest.Builder) { s.Ptr(9999) }, "9999", where.Malformed},
	} {
		s := c.from.Split()
		c.add(s)
		r, err := rebase.New(c.from.Parse(), c.to.Parse())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Rebase(s.Parse(), nil); where.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
	if _, err := rebase.New(from.Parse(), btftest.BigBase().Parse()); err == nil {
		t.Error("bases of two byte orders")
	}
	r, err := rebase.New(from.Parse(), to.Parse())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rebase(module(btftest.Kernel(btftest.Grown)).Parse(), nil); err == nil {
		t.Error("a module of another base")
	}
	if _, err := r.Rebase(from.Parse(), nil); err == nil {
		t.Error("a base")
	}
}
