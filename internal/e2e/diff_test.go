//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

func typeDiff(t *testing.T, old, new string) *model.TypeDiff {
	t.Helper()
	out, complaint, code := realtest.Run(t, "diff", "--format", "json", "--limit", "-1", realtest.Deb(t, old), realtest.Deb(t, new))
	if code != 0 {
		t.Fatalf("diff: exit %d %s", code, complaint)
	}
	var d model.TypeDiff
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Fatal(err)
	}
	return &d
}

func kind(d *model.TypeDiff, kind string) model.KindDelta {
	i := slices.IndexFunc(d.Kinds, func(k model.KindDelta) bool { return k.Kind == kind })
	if i < 0 {
		return model.KindDelta{}
	}
	return d.Kinds[i]
}

// Pair B: nothing changed, and 6994 ids moved.
func TestDiffOfAPureRebuild(t *testing.T) {
	d := typeDiff(t, realtest.PairBOldHeaders, realtest.PairBNewHeaders)
	if !d.Same || d.Identical || len(d.Changed)+len(d.Added)+len(d.Removed) != 0 || d.Reach.Symbols < 10000 {
		t.Errorf("same %v, %d changes, %d symbols", d.Same, len(d.Changed), d.Reach.Symbols)
	}
	if s := kind(d, "struct"); s.Old != 8753 || s.New != 8753 {
		t.Errorf("structs: %+v", s)
	}
	if d.Moved.Moved < 6990 || d.Moved.Moved > 7002 || len(d.Moved.By) < 2 || d.Moved.By[0].By != -2 || d.Moved.By[1] != (model.IDShift{By: 1, Count: 926}) {
		t.Errorf("moved: %+v", d.Moved)
	}
}

// Pair A: functions came and went with the compiler's mood, no layout changed.
func TestDiffOfRebuildNoise(t *testing.T) {
	d := typeDiff(t, realtest.PairAOld, realtest.PairANew)
	if f := kind(d, "func"); f.Added != 106 || f.Removed != 155 || f.Changed != 2 {
		t.Errorf("functions: %+v", f)
	}
	for _, c := range d.Changed {
		if !c.NamesOnly {
			t.Errorf("%s", c.Text)
		}
	}
}

// Pair C is a true change: how it is told, and what it reaches.
func TestDiffOfAnABIBreak(t *testing.T) {
	d := typeDiff(t, realtest.PairCOld, realtest.PairAOld)
	if s := kind(d, "struct"); s.Changed != 70 || s.Added != 4 || s.Removed != 0 {
		t.Errorf("structs: %+v", s)
	}
	find := func(name string) *model.TypeChange {
		for i := range d.Changed {
			if d.Changed[i].Name == name && d.Changed[i].Kind == "struct" {
				return &d.Changed[i]
			}
		}
		t.Fatalf("struct %s is not among the changes", name)
		return nil
	}
	queue := find("request_queue")
	if queue.Text != "struct request_queue grew from 936 to 968: member rq_qos_mutex added at 48, 56 members moved by +32" {
		t.Error(queue.Text)
	}
	if !slices.ContainsFunc(queue.C, func(l string) bool { return strings.HasPrefix(l, "+\tstruct mutex rq_qos_mutex; /* 48 */") }) {
		t.Errorf("%q", queue.C)
	}
	if u := find("net_device").Used; u.ModulesByValue.Count != 33 || !slices.Contains(u.ModulesByValue.First, "hfi1") || u.SymbolsPointer.Count < 6000 {
		t.Errorf("net_device: %+v", u)
	}
	if u := find("amd_iommu").Used; u.SymbolsByValue.Count+u.SymbolsPointer.Count+u.ModulesByValue.Count+u.ModulesPointer.Count != 0 {
		t.Errorf("no export reaches amd_iommu: %+v", u)
	}
}
