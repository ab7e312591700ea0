package health

import (
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/ids"
)

const kfuncsInC = `
	typedef unsigned int u32;
	struct bpf_prog_aux { int cnt; };
	struct conn { int status; };
	struct pair { long a; long b; };
	struct wide { long a; long b; long c; };
	__bpf_kfunc struct conn *conn_get(u32 id);
	__bpf_kfunc void conn_put(struct conn *conn);
	__bpf_kfunc int conn_set(struct conn *conn, u32 status);
	__bpf_kfunc int conn_id(u32 id);
	__bpf_kfunc int bpf_res_spin_lock(struct conn *lock);
	__bpf_kfunc int scx_left_in(int cpu, struct bpf_prog_aux *aux);
	__bpf_kfunc int scx_taken(int cpu);
	int scx_taken_impl(int cpu, struct bpf_prog_aux *aux);
	__bpf_kfunc int scx_no_twin(int cpu);
	__bpf_kfunc int variadic(int n, ...);
	__bpf_kfunc int takes_pair(struct pair p);
	__bpf_kfunc int takes_wide(struct wide w);
	__bpf_kfunc struct pair returns_pair(int n);
	int untagged(int n);
	__bpf_kfunc int twice(int n);
	__bpf_kfunc int twice(u32 n);
`

// TestKfuncs: each fault of a kfunc is found, by name, and nothing else is.
func TestKfuncs(t *testing.T) {
	base := btftest.Base().C(kfuncsInC)
	r := base.Parse()
	for _, c := range []struct {
		name  string
		flags uint32
		kind  WrongKind
		text  string // "" where nothing is wrong
	}{
		{"conn_get", Acquire | RetNull, 0, ""},
		{"conn_put", Release, 0, ""},
		{"conn_set", 16, 0, ""},
		{"conn_put", Acquire | RetNull, Flagged, "KF_ACQUIRE|KF_RET_NULL, but it returns no pointer"},
		{"conn_set", Acquire, Flagged, "KF_ACQUIRE, but it returns no pointer"},
		{"conn_id", Release, Flagged, "KF_RELEASE, but it takes no pointer"},
		{"conn_id", Acquire | Release, Flagged, "KF_ACQUIRE|KF_RELEASE, but it returns no pointer, and it takes no pointer"},
		{"bpf_res_spin_lock", RetNull, 0, ""},
		{"bpf_res_spin_lock", RetNull | Acquire, Flagged, "KF_ACQUIRE|KF_RET_NULL, but it returns no pointer"},
		{"scx_left_in", ImplicitArgs, Implicit, "its last argument is still struct bpf_prog_aux *"},
		{"scx_left_in", 0, 0, ""},
		{"scx_taken", ImplicitArgs, 0, ""},
		{"scx_no_twin", ImplicitArgs, Implicit, "there is no function scx_no_twin_impl with all arguments"},
		{"variadic", 0, Unusable, "it takes variable arguments"},
		{"takes_pair", 0, 0, ""},
		{"takes_wide", 0, Unusable, "argument 1 is a STRUCT of 24 bytes"},
		{"returns_pair", 0, Unusable, "it returns a STRUCT by value"},
		{"untagged", 0, Untagged, "no tag bpf_kfunc"},
		{"twice", 0, Twice, "2 functions have this name"},
	} {
		sets := []ids.Set{{Name: "set", Set8: true, IDs: []uint32{uint32(base.ID(btf.Func, c.name))}, PairFlags: []uint32{c.flags}}}
		got := Kfuncs(r, sets, TagsOf(r), true)
		if len(got) != 1 || got[0].Name != c.name || got[0].Flags != c.flags || got[0].Set != "set" {
			t.Fatalf("%s: %+v", c.name, got)
		}
		k := got[0]
		switch {
		case c.text == "" && len(k.Wrong) > 0:
			t.Errorf("%s with %s: %+v", c.name, FlagNames(c.flags), k.Wrong)
		case c.text != "" && (k.Why(c.kind) != c.text || len(k.Wrong) != 1):
			t.Errorf("%s with %s: %+v, not %q", c.name, FlagNames(c.flags), k.Wrong, c.text)
		}
	}
}

// What is no function is told by its id; ids 0 are not looked at, and where the
// build writes no tags none is missed.
func TestKfuncsOfOddIDs(t *testing.T) {
	base := btftest.Base().C(kfuncsInC)
	r := base.Parse()
	conn := uint32(base.ID(btf.Struct, "conn"))
	sets := []ids.Set{{Set8: true, IDs: []uint32{0, conn, 1 << 20, uint32(base.ID(btf.Func, "untagged"))}}}
	got := Kfuncs(r, sets, Tags{}, false)
	if len(got) != 3 || !got[0].Is(NotThere) || !got[1].Is(NotThere) || got[0].Name != "" || got[2].Name != "untagged" || len(got[2].Wrong) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestFlagNames(t *testing.T) {
	for flags, want := range map[uint32]string{0: "none", 5: "KF_ACQUIRE|KF_RET_NULL", 1 << 16: "KF_IMPLICIT_ARGS", 1<<3 | 1<<20: "bit 3|bit 20"} {
		if got := FlagNames(flags); got != want {
			t.Errorf("%#x: %s, not %s", flags, got, want)
		}
	}
}

func TestLost(t *testing.T) {
	got := Lost([]string{"bpf_skb_ct_alloc", "bpf_ct_release", "scx_bpf_cpu_rq", "bpf_ct_insert_entry", "nobody_knows"})
	if !strings.HasPrefix(got, "sched_ext schedulers do not load; XDP and tc programs") || strings.Count(got, "XDP") != 1 {
		t.Error(got)
	}
	if got := Lost([]string{"nobody_knows"}); got != "" {
		t.Error(got)
	}
}
