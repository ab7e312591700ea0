package abi_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/diff"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/symvers"
)

// TestAgreesWithDiff: on every pair of bases that diff is tested with, and in
// both directions, an exported function that points at a definition is changed
// exactly when diff says that this definition, or one that it reaches, is; and
// what it is said to reach is in diff's own words.
func TestAgreesWithDiff(t *testing.T) {
	text, err := os.ReadFile("../btf/diff/testdata/changes.c")
	if err != nil {
		t.Fatal(err)
	}
	pairs := 0
	for c := range strings.SplitSeq(string(text), "// ---- ") {
		name, body, _ := strings.Cut(c, "\n")
		sides := map[string]*strings.Builder{"old": {}, "new": {}}
		side := ""
		for line := range strings.Lines(body) {
			switch line = strings.TrimSpace(line); {
			case line == "// both", line == "// old", line == "// new":
				side = line[3:]
			case side == "", line == "", strings.HasPrefix(line, "//"):
			default:
				for s, b := range sides {
					if side == "both" || side == s {
						b.WriteString(line + "\n")
					}
				}
			}
		}
		if sides["old"].Len()+sides["new"].Len() == 0 {
			continue
		}
		old, new := pointing(sides["old"].String()), pointing(sides["new"].String())
		t.Run(name, func(t *testing.T) { agree(t, old, new) })
		t.Run(name+", back", func(t *testing.T) { agree(t, new, old) })
		pairs++
	}
	if pairs < 15 {
		t.Errorf("%d pairs", pairs)
	}
	for v := btftest.Plain; v <= btftest.Changed; v++ {
		for w := btftest.Plain; w <= btftest.Changed; w++ {
			agree(t, btftest.Kernel(v).Parse(), btftest.Kernel(w).Parse())
		}
	}
}

// pointing adds to every struct and union of a source a function that takes a
// pointer to it.
func pointing(src string) *btf.Raw {
	b := btftest.Base().C(src)
	for r := range b.Parse().Types {
		name := b.Parse().Name(r.Name)
		if name == "" || r.Kind != btf.Struct && r.Kind != btf.Union {
			continue
		}
		ptr := b.Raw(btf.Ptr, false, 0, 0, uint32(r.ID))
		proto := b.Raw(btf.FuncProto, false, 1, 0, 0, uint32(b.Str("p")), uint32(ptr))
		b.Raw(btf.Func, false, 1, b.Str("use_"+name), uint32(proto))
	}
	return b.Parse()
}

func agree(t *testing.T, old, new *btf.Raw) {
	t.Helper()
	var names []string
	for r := range new.Types {
		if r.Kind != btf.Func {
			continue
		}
		_, was := abi.Describe(old, new.Name(r.Name))
		if _, is := abi.Describe(new, new.Name(r.Name)); was == abi.Described && is == abi.Described {
			names = append(names, new.Name(r.Name))
		}
	}
	var list []symvers.Symbol
	for _, n := range names {
		list = append(list, symvers.Symbol{Name: n, Owner: symvers.Vmlinux})
	}
	tab := symvers.NewTable(list)
	none := func(string) *btf.Raw { return nil }
	x := abi.CompareTypes(tab, tab, abi.TypeSide{Base: old, Module: none}, abi.TypeSide{Base: new, Module: none}, meaning.Classify(old, new))

	d := diff.Compare(old, new)
	var ids []btf.ID
	own := map[string]bool{} // functions that are spelled otherwise themselves
	for i := range d.Changed {
		c := &d.Changed[i]
		switch {
		case !c.Real():
		case c.New.Kind == btf.Func:
			own[c.New.Name] = true
		case c.New.Kind != btf.Var && c.New.Kind != btf.Datasec:
			ids = append(ids, c.New.ID)
		}
	}
	reaches := diff.NewReach(new, nil).Types(ids...)
	var want []string
	for _, n := range names {
		if id, _ := abi.Describe(new, n); reaches[id] || own[n] {
			want = append(want, n)
		}
	}
	got := append(changes(x.Layout), changes(x.Deep)...)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("changed by abi: %q, by diff: %q", got, want)
	}
	for _, c := range x.Changed {
		if !slices.ContainsFunc(d.Changed, func(y diff.Change) bool { return d.Sentence(&y) == c.Text }) {
			t.Errorf("%q is not what diff says", c.Text)
		}
	}
}
