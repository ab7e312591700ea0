package evidence_test

import (
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/evidence"
)

// module is an honest module of the fake kernel: nothing in it repeats a type
// of its base.
func module(base *btftest.Builder) *btftest.Builder {
	s := base.Split()
	i, net := base.ID(btf.Int, "int"), base.ID(btf.Struct, "net")
	conn, u := base.ID(btf.Struct, "nf_conn"), base.ID(btf.Int, "unsigned int")
	pconn := s.Ptr(conn)
	foo := s.Struct("nf_foo", 80, btftest.M("ct", pconn, 0), btftest.M("net", net, 8), btftest.M("next", s.Next()+1, 48),
		btftest.BF("flags", u, 448, 3), btftest.BF("mark", u, 451, 29), btftest.M("ids", s.Next()+2, 60))
	pfoo := s.Ptr(foo)
	s.Array(i, u, 4)
	s.Func("nf_foo_get", s.Proto(pfoo, btftest.P("net", s.Ptr(s.Const(foo))), btftest.P("n", i), btftest.P("", 0)))
	v := s.Var("nf_foos", foo)
	s.Datasec(".data..percpu", 80, btftest.Entry{Var: v, Off: 0, Size: 80})
	s.DeclTag("bpf_kfunc", s.ID(btf.Func, "nf_foo_get"), 0)
	return s
}

// on puts a module's bytes on a base.
func on(t testing.TB, base, split *btftest.Builder) (*evidence.Base, *btf.Raw) {
	t.Helper()
	raw := base.Parse()
	r, err := btf.ParseSplit(split.Bytes(), raw)
	if err != nil {
		t.Fatal(err)
	}
	return evidence.Index(raw), r
}

func TestOwnBaseIsConsistent(t *testing.T) {
	for _, kernel := range []func(btftest.Variant) *btftest.Builder{btftest.Kernel, btftest.BigKernel} {
		for _, v := range []btftest.Variant{btftest.Plain, btftest.Permuted, btftest.Grown, btftest.Changed} {
			base := kernel(v)
			if v == btftest.Changed {
				continue // its struct net has another size than module() assumes
			}
			b, r := on(t, base, module(base))
			res := b.Judge(r, evidence.Module{})
			if res.Conclusion != evidence.Consistent || res.First() != nil {
				t.Errorf("variant %d: %v, %+v", v, res.Conclusion, res.First())
			}
			if !slices.Equal(res.Names(), []string{"dedup"}) {
				t.Errorf("variant %d: names %v", v, res.Names())
			}
		}
	}
}

func TestOtherBaseIsContradicted(t *testing.T) {
	all := []btftest.Variant{btftest.Plain, btftest.Permuted, btftest.Grown}
	for _, built := range all {
		for _, booted := range all {
			if built == booted {
				continue
			}
			b, r := on(t, btftest.Kernel(booted), module(btftest.Kernel(built)))
			res := b.Judge(r, evidence.Module{})
			if res.Conclusion != evidence.Contradicted || res.First() == nil || res.Names() != nil {
				t.Errorf("built on %d, on %d: %v", built, booted, res)
			}
		}
	}
}

// Permuted bases have the same strings: nothing shows in those.
func TestPermutedShowsInTypesAlone(t *testing.T) {
	b, r := on(t, btftest.Kernel(btftest.Plain), module(btftest.Kernel(btftest.Permuted)))
	res := b.Judge(r, evidence.Module{})
	if res.Checks[evidence.Range].Hits+res.Checks[evidence.Strings].Hits != 0 {
		t.Errorf("range %+v, strings %+v", res.Checks[evidence.Range], res.Checks[evidence.Strings])
	}
	if res.Checks[evidence.Kinds].Hits+res.Checks[evidence.Sizes].Hits == 0 {
		t.Errorf("%+v", res.Checks)
	}
}

func TestSilent(t *testing.T) {
	base := btftest.Kernel(btftest.Plain)
	s := base.Split()
	s.Struct("own_name", 0)
	b, r := on(t, base, s)
	if res := b.Judge(r, evidence.Module{}); res.Conclusion != evidence.Silent || res.Names() != nil {
		t.Errorf("%+v", res)
	}
	s = base.Split()
	b, r = on(t, base, s)
	if res := b.Judge(r, evidence.Module{}); res.Conclusion != evidence.Silent {
		t.Errorf("an empty module: %+v", res)
	}
}

// Violations carry the type, the offset of the word, and words.
func TestViolationSaysWhere(t *testing.T) {
	base := btftest.Kernel(btftest.Plain)
	s := base.Split()
	proto := base.ID(btf.Func, "printk") - 1
	id := s.Struct("nf_foo", 16, btftest.M("foo", base.ID(btf.Int, "int"), 0), btftest.M("bar", proto, 8))
	b, r := on(t, base, s)
	res := b.Judge(r, evidence.Module{})
	v := res.First()
	if v == nil {
		t.Fatal("nothing found")
	}
	rec, _ := r.Record(id)
	if v.ID != id || v.Off != rec.WordPos(4) || v.Check != evidence.Kinds {
		t.Errorf("%+v, want id %d at %d", v, id, rec.WordPos(4))
	}
	if !strings.Contains(v.Text, "STRUCT nf_foo: member bar at bit 64 is [") || !strings.Contains(v.Text, "FUNC_PROTO") {
		t.Errorf("%q", v.Text)
	}
}

func TestJudgeInParallel(t *testing.T) {
	base := btftest.Kernel(btftest.Plain)
	b, good := on(t, base, module(base))
	bad, err := btf.ParseSplit(module(btftest.Kernel(btftest.Grown)).Bytes(), b.Raw())
	if err != nil {
		t.Fatal(err)
	}
	res := b.Judge(bad, evidence.Module{})
	want := res.First().Text
	done := make(chan string)
	for range 4 {
		go func() {
			for range 50 {
				g, w := b.Judge(good, evidence.Module{}), b.Judge(bad, evidence.Module{})
				if g.Conclusion != evidence.Consistent || w.First() == nil || w.First().Text != want {
					done <- "answers change"
					return
				}
			}
			done <- ""
		}()
	}
	for range 4 {
		if s := <-done; s != "" {
			t.Error(s)
		}
	}
}

func TestNoModule(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a base was judged as a module")
		}
	}()
	raw := btftest.Kernel(btftest.Plain).Parse()
	evidence.Index(raw).Judge(raw, evidence.Module{})
}
