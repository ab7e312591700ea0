package loadcheck_test

import (
	"slices"
	"testing"

	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/kmodtest"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/symvers"
)

// three is a chain: c needs b, b needs a.
func three(t *testing.T, change func(a, b, c *kmodtest.Module)) ([]*kmod.Facts, []string) {
	t.Helper()
	a, b, c := module(), using("from_a:11"), using("from_b:12")
	a.Name, b.Name, c.Name = "a", "b", "c"
	a.Exports, b.Exports = []symvers.Symbol{sym("from_a", 11)}, []symvers.Symbol{sym("from_b", 12)}
	b.Depends, c.Depends = []string{"a"}, []string{"b"}
	if change != nil {
		change(&a, &b, &c)
	}
	return []*kmod.Facts{facts(t, signed(a)), facts(t, signed(b)), facts(t, signed(c))}, []string{"a", "b", "c"}
}

func all(k *loadcheck.Kernel, list []*kmod.Facts, names []string, earlier *loadcheck.Modules) []loadcheck.Result {
	s := loadcheck.Environment{Kernel: k, Peers: loadcheck.Of(list, names), AlreadyLoaded: earlier}
	one, many := s.All(list, names, 1), s.All(list, names, 3)
	for i := range one {
		if !slices.Equal(one[i].Reasons, many[i].Reasons) {
			panic("another answer with more workers")
		}
	}
	return many
}

func TestChain(t *testing.T) {
	list, names := three(t, nil)
	for i, r := range all(kernel(), list, names, nil) {
		if r.Why(true) != nil || len(r.Gaps) > 0 {
			t.Errorf("%s: %+v", names[i], r)
		}
	}
	// a is refused, and with it b and c.
	list, names = three(t, func(a, _, _ *kmodtest.Module) { a.Imports = append(a.Imports, "gone") })
	got := all(kernel(), list, names, nil)
	compare(t, &got[0], []string{"a: Unknown symbol gone (err -2)"}, nil)
	compare(t, &got[1], []string{"b: Unknown symbol from_a (err -2): a does not load"}, nil)
	compare(t, &got[2], []string{"c: Unknown symbol from_b (err -2): b does not load"}, nil)
	// The exporter itself disagrees with its user.
	list, names = three(t, func(a, _, _ *kmodtest.Module) { a.Exports[0].CRC = 99 })
	got = all(kernel(), list, names, nil)
	compare(t, &got[0], nil, nil)
	compare(t, &got[1], []string{"b: disagrees about version of symbol from_a (err -22)"}, nil)
}

// In a ring of modules each needs the next.
func TestRing(t *testing.T) {
	list, names := three(t, func(a, b, c *kmodtest.Module) {
		a.Imports, c.Exports = append(a.Imports, "from_c", "gone"), []symvers.Symbol{sym("from_c", 13)}
	})
	for i, r := range all(kernel(), list, names, nil) {
		if r.Why(false) == nil {
			t.Errorf("%s loads", names[i])
		}
	}
}

// An unsigned exporter is refused where signatures are enforced, and only there.
func TestChainEnforced(t *testing.T) {
	list, names := three(t, nil)
	m := module()
	m.Name, m.Exports = "a", []symvers.Symbol{sym("from_a", 11)}
	list[0] = facts(t, m.Bytes())
	for i, r := range all(kernel(), list, names, nil) {
		if r.Why(true) == nil || r.Why(false) != nil {
			t.Errorf("%s: enforced %v, not %v", names[i], r.Why(true) != nil, r.Why(false) != nil)
		}
	}
}

// Modules of the kernel's own release may be loaded before.
func TestEarlier(t *testing.T) {
	list, names := three(t, nil)
	for _, c := range []struct {
		name    string
		earlier []symvers.Symbol
		want    [3][]string
	}{
		{"the same", []symvers.Symbol{owned("x/a", sym("from_a", 11)), owned("x/b", sym("from_b", 12))}, [3][]string{}},
		{"another version", []symvers.Symbol{owned("x/a", sym("from_a", 99)), owned("x/b", sym("from_b", 12))}, [3][]string{
			nil,
			{"b: disagrees about version of symbol from_a (err -22), where the older a is loaded"},
			{"c: Unknown symbol from_b (err -2): b does not load, where the older a is loaded"},
		}},
		{"the older one lacks it", []symvers.Symbol{owned("x/b", sym("from_b", 12))}, [3][]string{
			nil,
			{"b: Unknown symbol from_a (err -2), where the older a is loaded"},
			{"c: Unknown symbol from_b (err -2): b does not load, where the older a is loaded"},
		}},
		{"moved from another", []symvers.Symbol{owned("x/old-a", sym("from_a", 11)), owned("x/b", sym("from_b", 12))}, [3][]string{
			{"a: exports duplicate symbol from_a (owned by old_a) (err -8), where the older old_a is loaded"},
			{"b: Unknown symbol from_a (err -2): a does not load, where the older old_a is loaded"},
			{"c: Unknown symbol from_b (err -2): b does not load, where the older old_a is loaded"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			earlier := loadcheck.InTable(symvers.NewTable(c.earlier), []string{"a", "b", "c", "old_a"})
			got := all(kernel(), list, names, earlier)
			for i := range got {
				compare(t, &got[i], c.want[i], nil)
			}
		})
	}
}
