//go:build !race

package verdict

import (
	"testing"

	"kpkg-btf/internal/btf/btftest"
)

// TestModuleAllocatesNothing: an accepted module costs no allocation once the
// pool is warm. (The race detector makes a sync.Pool forget at random.)
func TestModuleAllocatesNothing(t *testing.T) {
	kernel := btftest.Kernel(btftest.Plain)
	b, err := NewBase(profile(6, 12), kernel.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	m := kernel.Split()
	for range 100 {
		m.Struct("s", 8, btftest.M("a", m.Const(1), 0))
	}
	blob := m.Bytes()
	b.Module(blob, nil)
	if n := testing.AllocsPerRun(100, func() { b.Module(blob, nil) }); n > 1 {
		t.Errorf("%v allocations for an accepted module", n)
	}
}
