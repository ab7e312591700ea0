//go:build vm

package vmtest

import (
	"slices"
	"syscall"
	"testing"

	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest/wire"
)

const kernel61 = realtest.PairANew

// whole finds a module that load was told to keep.
func whole(t *testing.T, b *Build, name string) []byte {
	t.Helper()
	i := slices.IndexFunc(b.Modules, func(m Module) bool { return m.Name == name && m.Data != nil })
	if i < 0 {
		t.Fatalf("%s is not among the modules", name)
	}
	return b.Modules[i].Data
}

// TestModulesInOrder loads real modules on top of each other, as they are.
func TestModulesInOrder(t *testing.T) {
	order := []string{"crc32c_generic", "libcrc32c", "nf_defrag_ipv4", "nf_defrag_ipv6", "nf_conntrack", "nf_nat"}
	b := load(t, kernel61)
	job := Job{Cases: []Case{{ID: "too early", Kind: WholeModule, Module: whole(t, b, "nf_conntrack")}}}
	var modules []Module
	for _, name := range order {
		ko := whole(t, b, name)
		btf, err := wire.Section(ko, ".BTF")
		if err != nil {
			t.Fatal(name, err)
		}
		modules = append(modules, Module{Name: name, Data: ko, BTF: btf})
	}
	job.Cases = append(job.Cases, InOrder(modules...)...)
	job.Cases = append(job.Cases, Case{ID: "twice", Kind: WholeModule, Module: whole(t, b, "nf_nat")})
	res, err := Boot(t.Context(), b.Kernel, job)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(res.Speed())
	last := len(res.Verdicts) - 1
	if v := &res.Verdicts[0]; v.Errno != syscall.ENOENT || !v.Printed("Unknown symbol") {
		t.Errorf("want ENOENT and unknown symbols: %v", v)
	}
	for i := range res.Verdicts[1:last] {
		v := &res.Verdicts[1+i]
		if !v.Loaded() || !v.Attached || v.Deleted || v.Printed("missing module BTF") || v.Digest != digest(modules[i].BTF) {
			t.Errorf("want it loaded with its BTF, and kept: %v", v)
		}
	}
	if v := &res.Verdicts[last]; v.Errno != syscall.EEXIST {
		t.Errorf("want EEXIST: %v", v)
	}
	if res.Tainted != "0" {
		t.Errorf("signed modules alone, yet tainted %s", res.Tainted)
	}
}
