package verdict

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/verdict/vector"
)

const vectorDir = "../../../testdata/vectors/btf"

// vectorVersions are the kernels at which every vector is judged: both sides
// of every version switch.
var vectorVersions = []vector.Version{
	{5, 10, 262}, {5, 11, 0}, {5, 12, 0}, {5, 13, 0}, {5, 15, 0}, {5, 15, 118}, {5, 15, 119}, {5, 16, 0}, {5, 17, 0}, {5, 18, 0}, {5, 19, 0}, {6, 0, 0},
	{6, 1, 0}, {6, 1, 35}, {6, 1, 36}, {6, 1, 192}, {6, 3, 9}, {6, 3, 10}, {6, 4, 0}, {6, 8, 0}, {6, 9, 0}, {6, 10, 13}, {6, 11, 0}, {6, 11, 2},
	{6, 12, 0}, {6, 12, 115}, {6, 14, 0}, {6, 15, 0}, {6, 18, 15}, {6, 19, 14}, {7, 0, 0}, {7, 1, 0}, {7, 1, 13}, {7, 2, 0}, {7, 3, 4},
}

// vectorBase stands for a kernel's base; it has only kinds that the kernel knows.
func vectorBase(p *Profile) *btf.Raw {
	b := btftest.Base()
	b.Int("int", 4, btftest.Signed)
	b.Struct("list_head", 16, btftest.M("next", b.Ptr(3), 0), btftest.M("prev", 2, 8))
	for range 2 { // as in real ones
		b.Struct("perf_aux_event", 16)
	}
	if p.KindMax >= btf.TypeTag {
		b.TypeTag("user", 1)
	}
	return b.Parse()
}

func TestVectors(t *testing.T) {
	vectors, err := vector.Load(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	judged := 0
	for _, v := range vectors {
		t.Run(v.ID, func(t *testing.T) {
			for _, at := range vectorVersions {
				judged += judge(t, v, at)
			}
		})
	}
	t.Logf("%d judgements", judged)
	if len(vectors) < 150 {
		t.Errorf("only %d vectors", len(vectors))
	}
}

// TestVectorsSeen counts what rests on a booted kernel and what was read in
// the source alone: a vector may be booted and yet say something of versions
// that nobody can boot any more. That the kernels it names were asked is
// checked where they are booted, in internal/vmtest.
func TestVectorsSeen(t *testing.T) {
	vectors, err := vector.Load(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	var all, part, none, lines, seen int
	kernels := map[string]int{}
	for _, v := range vectors {
		n := 0
		for i := range v.Expect {
			if v.Seen(&v.Expect[i]) {
				n++
			}
		}
		for _, b := range v.Booted {
			kernels[b]++
		}
		lines, seen = lines+len(v.Expect), seen+n
		switch {
		case n == len(v.Expect):
			all++
		case n > 0:
			part++
		default:
			none++
			if v.Source == "" {
				t.Errorf("%s: no kernel that it names as booted is one that it says anything of", v.ID)
			}
		}
	}
	t.Logf("%d vectors: %d booted in all they say, %d in part, %d source-only; of %d expectations %d seen on a booted kernel, %d source-only",
		len(vectors), all, part, none, lines, seen, lines-seen)
	for _, k := range slices.Sorted(maps.Keys(kernels)) {
		t.Logf("booted on %s: %d", k, kernels[k])
	}
}

// judge compares one vector at one version on each of its paths.
func judge(t *testing.T, v *vector.Vector, at vector.Version) (n int) {
	p := ForVersion(at[0], at[1], at[2])
	check := func(path string, first uint32, got Result) {
		want := v.Want(path, at)
		if want == nil {
			return
		}
		n++
		if got.OK != want.OK || !got.OK && (got.Errno.String() != want.Errno || got.Rule != want.Rule || !want.Says(got.Text, first)) {
			t.Errorf("%s %s: got %s %q, want ok=%v %s %s %q", path, at, got.String(), got.Text, want.OK, want.Errno, want.Rule, want.Message(first))
		}
	}
	if v.Has("own") || v.Has("user") {
		blob, err := v.Alone()
		if err != nil {
			t.Fatal(err)
		}
		check("own", 1, Vmlinux(&p, blob))
		check("user", 1, User(&p, blob, 8, false))
	}
	if v.Split == nil {
		return n
	}
	raw := vectorBase(&p)
	split, distilled, err := v.Module(raw)
	var absent *vector.Absent
	if errors.As(err, &absent) {
		return n
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewBase(&p, raw.Bytes())
	if err != nil || !b.Own().OK {
		t.Fatal(err, b.Own())
	}
	got := b.Module(split, distilled)
	check("module", v.First(raw), got)
	sane(t, got)
	return n
}

// TestEveryRuleHasAVector: no rule is without a file that breaks it, and every
// vector says something of every version that has its path.
func TestEveryRuleHasAVector(t *testing.T) {
	vectors, err := vector.Load(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, v := range vectors {
		for _, e := range v.Expect {
			seen[e.Rule] = true
		}
	}
	for _, rule := range allRules() {
		if !seen[rule] {
			t.Errorf("no vector breaks %s", rule)
		}
	}
}

// allRules are the rules of the first pass, the chains and the relocation by
// their ids.
func allRules() []string {
	out := []string{
		"H1", "H2", "H3", "H4", "H5", "H6", "H7", "S1", "S2", "S3", "S4", "S5", "T1", "T2", "T3", "M1", "M2", "M3", "M4",
		"chain.eloop", "chain.order", "chain.dangling",
		"reloc.anonymous", "reloc.kind", "reloc.unmapped", "reloc.string",
	}
	for kind, rules := range map[string][]string{
		"int": {"left", "vlen", "kflag", "data", "bits", "size", "encoding"}, "ptr": {"vlen"}, "const": {"kflag"}, "volatile": {"type"},
		"restrict": {"name"}, "typedef": {"name"}, "type_tag": {"name", "kflag"}, "array": {"left", "name", "vlen", "kflag", "size", "elem", "index"},
		"struct": {"left", "name", "member.name_offset", "member.name", "member.type", "member.order", "member.size"}, "union": {"member.offset"},
		"enum":   {"left", "kflag", "size", "name", "enumerator.name_offset", "enumerator.name"},
		"enum64": {"left", "size", "name", "enumerator.name_offset", "enumerator.name"}, "fwd": {"vlen", "type", "name"},
		"func_proto": {"left", "name", "kflag"}, "func": {"name", "linkage", "kflag"}, "var": {"left", "vlen", "kflag", "name", "type", "linkage"},
		"datasec": {"left", "vlen", "size", "kflag", "name", "entry.type", "entry.offset", "entry.size", "entry.end", "sum"},
		"float":   {"vlen", "kflag", "size"}, "decl_tag": {"left", "value", "vlen", "kflag", "component"},
	} {
		for _, r := range rules {
			out = append(out, fmt.Sprintf("%s.%s", kind, r))
		}
	}
	return out
}
