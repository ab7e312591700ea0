package evidence_test

import (
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/btf/symbols"
)

// opsBase is a base with two operation tables and prototypes in a row: struct
// a_ops of 16 bytes wants int (a *) and void (a *), struct b_ops of 24 int (b *)
// and, at 16, void (b *). pad types stand in front of the prototypes, so that
// ids after them are one further on.
func opsBase(pad int) *btftest.Builder {
	b := btftest.Base()
	i := b.Int("int", 4, btftest.Signed)
	b.Int("long unsigned int", 8, btftest.Unsigned)
	a, c := b.Struct("alpha", 40), b.Struct("beta", 48)
	pa, pc := b.Ptr(a), b.Ptr(c)
	for range pad {
		b.Array(i, i, 77)
	}
	get := b.Proto(i, btftest.P("alpha", pa))
	put := b.Proto(0, btftest.P("alpha", pa))
	read := b.Proto(i, btftest.P("beta", pc))
	drop := b.Proto(0, btftest.P("beta", pc))
	pget, pput, pread, pdrop := b.Ptr(get), b.Ptr(put), b.Ptr(read), b.Ptr(drop)
	b.Struct("a_ops", 16, btftest.M("get", pget, 0), btftest.M("put", pput, 8))
	b.Struct("b_ops", 24, btftest.M("read", pread, 0), btftest.M("owner", pa, 8), btftest.M("drop", pdrop, 16))
	return b
}

// opsModule has four functions with the base's prototypes, and tells that they
// stand in two objects.
func opsModule(base *btftest.Builder) (*btftest.Builder, *symbols.Code) {
	raw, s := base.Parse(), base.Split()
	var protos []btf.ID
	for t := range raw.Types {
		if t.Kind == btf.FuncProto {
			protos = append(protos, t.ID)
		}
	}
	code := &symbols.Code{Whole: true}
	for i, f := range []struct {
		name      string
		size, off uint32
	}{{"x_get", 16, 0}, {"x_put", 16, 8}, {"y_read", 24, 0}, {"y_drop", 24, 16}} {
		s.Func(f.name, protos[i])
		code.Funcs = append(code.Funcs, symbols.Hash(f.name))
		code.Stored = append(code.Stored, symbols.Stored{Func: symbols.Hash(f.name), Size: f.size, Off: f.off})
	}
	slices.Sort(code.Funcs)
	return s, code
}

func TestOperationTables(t *testing.T) {
	base := opsBase(1)
	split, code := opsModule(base)
	b, r := on(t, base, split)
	res := b.Judge(r, evidence.Module{Code: code})
	if res.Conclusion != evidence.Consistent || res.Checks[evidence.Tables].Looked != 4 || res.Shift != nil {
		t.Fatalf("own base: %v, %+v, shift %+v", res.Conclusion, res.Checks[evidence.Tables], res.Shift)
	}
	if names := res.Names(); !slices.Contains(names, "tables") || !slices.Contains(names, "symbols") {
		t.Errorf("names %v", names)
	}
}

// A base in which the prototypes are one further on, of the same number of
// types: get is int (a *) there as what put was before, and so on.
func TestShiftIsDoubted(t *testing.T) {
	base := opsBase(1)
	split, code := opsModule(base)
	other := btftest.Base()
	i := other.Int("int", 4, btftest.Signed)
	other.Int("long unsigned int", 8, btftest.Unsigned)
	a, c := other.Struct("alpha", 40), other.Struct("beta", 48)
	pa, pc := other.Ptr(a), other.Ptr(c)
	get := other.Proto(i, btftest.P("alpha", pa))
	put := other.Proto(0, btftest.P("alpha", pa))
	read := other.Proto(i, btftest.P("beta", pc))
	drop := other.Proto(0, btftest.P("beta", pc))
	other.Proto(i) // moved here from another place: what y_drop is on this base
	pget, pput, pread, pdrop := other.Ptr(get), other.Ptr(put), other.Ptr(read), other.Ptr(drop)
	other.Struct("a_ops", 16, btftest.M("get", pget, 0), btftest.M("put", pput, 8))
	other.Struct("b_ops", 24, btftest.M("read", pread, 0), btftest.M("owner", pa, 8), btftest.M("drop", pdrop, 16))
	if base.Parse().NumTypes() != other.Parse().NumTypes() {
		t.Fatal("the bases differ in size")
	}
	b, r := on(t, other, split)
	res := b.Judge(r, evidence.Module{Code: code})
	if res.Conclusion != evidence.Doubtful || res.Shift == nil || res.Shift.By != -1 || res.Shift.From > res.Shift.To {
		t.Fatalf("%v, %+v, first %+v", res.Conclusion, res.Shift, res.First())
	}
	if !res.Shift.Touches(r) {
		t.Error("the stretch is not one the module uses")
	}
	// What no symbol tells cannot be doubted.
	if res := b.Judge(r, evidence.Module{}); res.Conclusion != evidence.Consistent {
		t.Errorf("without symbols: %v", res.Conclusion)
	}
}

// One use is chance; the same by several modules of a release is not.
func TestTogether(t *testing.T) {
	raw := opsBase(20).Parse()
	lean := func(right []btf.ID, votes ...evidence.Vote) *evidence.Lean {
		return &evidence.Lean{Right: right, Votes: votes}
	}
	v := func(id btf.ID, by int32, why uint32) evidence.Vote {
		return evidence.Vote{ID: id, By: by, Why: why, Alone: true}
	}
	for _, c := range []struct {
		name  string
		leans []*evidence.Lean
		want  []evidence.Shift
	}{
		{"three ids", []*evidence.Lean{lean(nil, v(10, 1, 1)), lean(nil, v(12, 1, 1)), lean(nil, v(14, 1, 1))}, []evidence.Shift{{From: 10, To: 14, By: 1, Votes: 3}}},
		{"two", []*evidence.Lean{lean(nil, v(10, 1, 1)), lean(nil, v(12, 1, 1))}, nil},
		{"one reason over and over", []*evidence.Lean{lean(nil, v(10, 1, 1)), lean(nil, v(10, 1, 1)), lean(nil, v(10, 1, 1))}, nil},
		{"three reasons for one id", []*evidence.Lean{lean(nil, v(10, 1, 1)), lean(nil, v(10, 1, 2)), lean(nil, v(10, 1, 3))}, []evidence.Shift{{From: 10, To: 10, By: 1, Votes: 3}}},
		{"another distance", []*evidence.Lean{lean(nil, v(10, 1, 1)), lean(nil, v(12, 2, 1)), lean(nil, v(14, 1, 1))}, nil},
		{"one in between suits", []*evidence.Lean{lean([]btf.ID{13}, v(10, 1, 1)), lean(nil, v(12, 1, 1)), lean(nil, v(14, 1, 1))}, nil},
		{"most say that it suits", []*evidence.Lean{lean([]btf.ID{12}, v(10, 1, 1)), lean(nil, v(12, 1, 1)), lean(nil, v(14, 1, 1))}, nil},
		{"two stretches", []*evidence.Lean{lean([]btf.ID{15}, v(10, 1, 1), v(11, 1, 1), v(12, 1, 1)), lean(nil, v(20, -1, 1), v(21, -1, 1), v(22, -1, 1))},
			[]evidence.Shift{{From: 10, To: 12, By: 1, Votes: 3}, {From: 20, To: 22, By: -1, Votes: 3}}},
	} {
		if got := evidence.Together(raw, c.leans); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

// A module's FUNCs are functions of that module, and its per-CPU variables are
// where its symbols say: not so where the .BTF of another was put in.
func TestSymbols(t *testing.T) {
	base := btftest.Kernel(btftest.Plain)
	b, r := on(t, base, module(base))
	h := func(s string) uint32 { return symbols.Hash(s) }
	for _, c := range []struct {
		name string
		code symbols.Code
		text string
	}{
		{"as built", symbols.Code{Whole: true, Funcs: []uint32{h("nf_foo_get")}, PerCPU: []symbols.Variable{{Name: h("nf_foos"), Size: 80}}}, ""},
		{"another module's", symbols.Code{Whole: true, Funcs: []uint32{h("nf_bar_get")}}, "FUNC nf_foo_get: no function of the module has this name"},
		{"a stripped table", symbols.Code{}, ""},
		{"elsewhere", symbols.Code{PerCPU: []symbols.Variable{{Name: h("nf_foos"), Off: 8, Size: 80}}}, "no per-CPU variable nf_foos at 0"},
		{"another size", symbols.Code{PerCPU: []symbols.Variable{{Name: h("nf_foos"), Size: 72}}}, "variable nf_foos has 80 bytes, its symbol has 72"},
	} {
		res := b.Judge(r, evidence.Module{Code: &c.code})
		v := res.Checks[evidence.Symbols].First
		switch {
		case c.text == "" && (v != nil || res.Conclusion != evidence.Consistent):
			t.Errorf("%s: %v, %+v", c.name, res.Conclusion, v)
		case c.text != "" && (v == nil || !strings.Contains(v.Text, c.text) || res.Conclusion != evidence.Contradicted):
			t.Errorf("%s: %+v, want %q", c.name, v, c.text)
		}
	}
}
