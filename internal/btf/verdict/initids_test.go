package verdict

import (
	"reflect"
	"slices"
	"testing"

	"kpkg-btf/internal/btf/btftest"
)

// initCase is a module with functions of every sort on a small kernel.
type initCase struct {
	base  *Base
	split []byte
	ids   map[string]uint32
}

func newInitCase(t *testing.T, p Profile) initCase {
	t.Helper()
	k := btftest.Base()
	i := k.Int("int", 4, btftest.Signed)
	pi := k.Ptr(i)
	k.Func("kernel_fn", k.Proto(i))
	m := k.Split()
	ids := map[string]uint32{"int": uint32(i)}
	void := m.Proto(0, btftest.P("p", pi))
	ids["release"] = uint32(m.Func("release", void))
	ids["two"] = uint32(m.Func("two", m.Proto(0, btftest.P("p", pi), btftest.P("q", pi))))
	ids["byvalue"] = uint32(m.Func("byvalue", m.Proto(0, btftest.P("p", i))))
	ids["returns"] = uint32(m.Func("returns", m.Proto(i, btftest.P("p", pi))))
	ids["noproto"] = uint32(m.Func("noproto", i))
	ids["kernel_fn"] = uint32(m.Func("kernel_fn", void))
	ids["constp"] = uint32(m.Func("constp", m.Proto(0, btftest.P("p", m.Const(pi)))))
	it := m.Struct("bpf_iter_num", 8)
	pit := m.Ptr(it)
	ids["bpf_iter_num_new"] = uint32(m.Func("bpf_iter_num_new", m.Proto(i, btftest.P("it", pit), btftest.P("n", i))))
	ids["bpf_iter_num_next"] = uint32(m.Func("bpf_iter_num_next", m.Proto(pi, btftest.P("it", m.Const(pit)))))
	ids["bpf_iter_num_destroy"] = uint32(m.Func("bpf_iter_num_destroy", m.Proto(0, btftest.P("it", pit))))
	ids["end"] = uint32(m.Next())
	b, err := NewBase(&p, k.Bytes())
	if err != nil || !b.Own().OK {
		t.Fatal(err, b.Own())
	}
	if r := b.Module(m.Bytes(), nil); !r.OK {
		t.Fatal(r.String())
	}
	return initCase{b, m.Bytes(), ids}
}

func TestInitIDsOfKfuncs(t *testing.T) {
	c := newInitCase(t, ForVersion(7, 3, 4))
	for _, tc := range []struct {
		id    string
		flags uint32
		rule  string
	}{
		{"release", 0, ""}, {"two", 0, ""}, {"int", 0, "kfunc.func"}, {"end", 0, "kfunc.func"}, {"noproto", 0, "kfunc.proto"},
		{"kernel_fn", 0, "kfunc.duplicate"},
		{"bpf_iter_num_new", iterNew, ""}, {"bpf_iter_num_next", iterNext, ""}, {"bpf_iter_num_destroy", iterDestroy, ""},
		{"bpf_iter_num_new", iterNext, "kfunc.iter"}, {"bpf_iter_num_next", iterNew, "kfunc.iter"}, {"two", iterDestroy, "kfunc.iter"},
		{"bpf_iter_num_new", iterNew | iterNext, "kfunc.iter"}, {"returns", iterNext, "kfunc.iter"},
	} {
		reg := Registered{Kfuncs: []Kfuncs{{Name: "set", Flags: set8Kfuncs, IDs: []uint32{c.ids[tc.id]}, PairFlags: []uint32{tc.flags}}}}
		got := c.base.InitIDs(c.split, nil, reg, nil)
		if got.Rule != tc.rule || got.OK != (tc.rule == "") || !got.OK && (got.Errno != EINVAL || got.ID != c.ids[tc.id] || got.Set != "set") {
			t.Errorf("%s with flags %#x: %+v, want %q", tc.id, tc.flags, got, tc.rule)
		}
	}
	reg := Registered{Kfuncs: []Kfuncs{{Flags: set8Kfuncs, IDs: []uint32{c.ids["two"]}}}}
	if got := c.base.InitIDs(c.split, nil, reg, func(n string) (string, uint32) { return map[string]string{"two": "other"}[n], 9 }); got.Rule != "kfunc.duplicate" ||
		got.Text != "kfunc two (id: 9) is already present in module other." {
		t.Errorf("a name that a loaded module has: %+v", got)
	}
	reg.Kfuncs[0].Flags = 0
	if got := c.base.InitIDs(c.split, nil, reg, nil); got.Rule != "kfunc.flags" || got.Errno != EINVAL {
		t.Errorf("a set without BTF_SET8_KFUNCS: %+v", got)
	}
}

// TestInitOwn: a kernel's own sets are looked at as those of modules, since 6.4,
// and their names are the kernel's own.
func TestInitOwn(t *testing.T) {
	k := btftest.Base()
	i := k.Int("int", 4, btftest.Signed)
	fn := uint32(k.Func("fn", k.Proto(i)))
	for _, c := range []struct {
		minor     int
		id, flags uint32
		rule      string
	}{
		{12, fn, 0, ""}, {12, uint32(i), 0, "kfunc.func"}, {12, 1 << 20, 0, "kfunc.func"}, {12, fn, iterNew, "kfunc.iter"}, {1, uint32(i), 0, ""},
	} {
		p := ForVersion(6, c.minor, 0)
		b, err := NewBase(&p, k.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		got := b.InitOwn([]Kfuncs{{Name: "own", IDs: []uint32{c.id}, PairFlags: []uint32{c.flags}}})
		if got.Rule != c.rule || got.OK != (c.rule == "") || !got.OK && (got.Set != "own" || got.ID != c.id) {
			t.Errorf("6.%d, id %d, flags %#x: %+v", c.minor, c.id, c.flags, got)
		}
	}
}

func TestInitIDsUnchecked(t *testing.T) {
	c := newInitCase(t, ForVersion(6, 1, 192))
	reg := Registered{Kfuncs: []Kfuncs{{IDs: []uint32{c.ids["int"], c.ids["two"], c.ids["kernel_fn"]}}}}
	got := c.base.InitIDs(c.split, nil, reg, nil)
	if !got.OK || !slices.Equal(got.Wild, []uint32{c.ids["int"]}) {
		t.Errorf("before 6.4 any id is taken, and named: %+v", got)
	}
}

func TestInitIDsOfDestructors(t *testing.T) {
	c := newInitCase(t, ForVersion(6, 12, 0))
	for id, rule := range map[string]string{
		"release": "", "two": "dtor.args", "byvalue": "dtor.ptr", "constp": "dtor.ptr", "returns": "dtor.return", "noproto": "dtor.proto", "int": "dtor.func",
	} {
		got := c.base.InitIDs(c.split, nil, Registered{Dtors: []uint32{c.ids["release"], c.ids[id]}}, nil)
		if got.Rule != rule || got.OK != (rule == "") {
			t.Errorf("%s: %+v, want %q", id, got, rule)
		}
	}
	if got := c.base.InitIDs(c.split, nil, Registered{Dtors: make([]uint32, 256)}, nil); got.Errno != E2BIG {
		t.Errorf("256 destructors: %+v", got)
	}
}

func TestInitIDsAreRelocated(t *testing.T) {
	p := ForVersion(6, 12, 0)
	k, dist, m, fn := btftest.Distilled()
	b, err := NewBase(&p, k.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	ids, r := b.Relocate(m.Bytes(), dist.Bytes())
	if !r.OK || !slices.Equal(ids, []uint32{0, 3, 5, 6}) {
		t.Fatal(ids, r.String())
	}
	for id, rule := range map[uint32]string{uint32(fn): "", 1: "kfunc.func"} {
		reg := Registered{Kfuncs: []Kfuncs{{Flags: set8Kfuncs, IDs: []uint32{id}}}}
		if got := b.InitIDs(m.Bytes(), dist.Bytes(), reg, nil); got.Rule != rule {
			t.Errorf("id %d: %+v, want %q", id, got, rule)
		}
	}
}

// The kernel has no answer to an id past its map: nothing says how long that is.
func TestInitIDsBeyondTheMap(t *testing.T) {
	p := ForVersion(6, 12, 0)
	k, dist, m, _ := btftest.Distilled()
	b, err := NewBase(&p, k.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		dist []byte
		reg  Registered
		want Init
		says string
	}{
		{dist.Bytes(), Registered{Kfuncs: []Kfuncs{{Name: "set", Flags: set8Kfuncs, IDs: []uint32{3, 4}}}},
			Init{Errno: EINVAL, Undefined: true, Rule: "kfunc.beyond", Set: "set", ID: 4},
			"the kernel reads outside its map of this module's ids: init fails, or the kernel oopses (kfunc.beyond, set set, id 4)"},
		{dist.Bytes(), Registered{Dtors: []uint32{1 << 31}},
			Init{Errno: EINVAL, Undefined: true, Rule: "dtor.beyond", ID: 1 << 31},
			"the kernel reads outside its map of this module's ids: init fails, or the kernel oopses (dtor.beyond, id 2147483648)"},
		// Without a map there is nothing to read beyond: the id is looked up, and not found.
		{nil, Registered{Kfuncs: []Kfuncs{{Name: "set", Flags: set8Kfuncs, IDs: []uint32{4}}}},
			Init{Errno: EINVAL, Rule: "kfunc.func", Set: "set", ID: 4}, "init fails with EINVAL (kfunc.func, set set, id 4)"},
	} {
		got := b.InitIDs(m.Bytes(), tc.dist, tc.reg, nil)
		if !reflect.DeepEqual(got, tc.want) {
			t.Errorf("%+v, want %+v", got, tc.want)
		}
		if got.String() != tc.says {
			t.Errorf("%s, want %s", got.String(), tc.says)
		}
	}
}

func TestInitMissing(t *testing.T) {
	kfuncs := Registered{Kfuncs: []Kfuncs{{Name: "s", Flags: set8Kfuncs, IDs: []uint32{1}}}}
	dtors := Registered{RegistersDtors: true}
	for _, tc := range []struct {
		at   [3]int
		reg  Registered
		want Errno
	}{
		{[3]int{5, 17, 0}, kfuncs, 0}, {[3]int{5, 18, 0}, kfuncs, ENOENT}, {[3]int{6, 1, 38}, kfuncs, ENOENT}, {[3]int{6, 1, 39}, kfuncs, 0},
		{[3]int{6, 4, 3}, kfuncs, ENOENT}, {[3]int{6, 5, 0}, kfuncs, 0}, {[3]int{6, 12, 0}, kfuncs, 0},
		{[3]int{5, 18, 0}, dtors, 0}, {[3]int{6, 1, 192}, dtors, ENOENT}, {[3]int{6, 8, 0}, dtors, ENOENT}, {[3]int{6, 9, 0}, dtors, 0},
		{[3]int{6, 9, 0}, Registered{Kfuncs: []Kfuncs{{}}}, EINVAL},
	} {
		p := ForVersion(tc.at[0], tc.at[1], tc.at[2])
		if got := p.InitMissing(tc.reg); got.Errno != tc.want || got.OK != (tc.want == 0) {
			t.Errorf("%v: %+v, want %v", tc.at, got, tc.want)
		}
	}
}
