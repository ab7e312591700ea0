//go:build !race

package evidence_test

import (
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/evidence"
)

// (The race detector makes a sync.Pool forget at random.)
func TestJudgeAllocatesLittle(t *testing.T) {
	base := btftest.Kernel(btftest.Plain)
	b, r := on(t, base, module(base))
	b.Judge(r, evidence.Module{}) // the split's index
	if n := testing.AllocsPerRun(50, func() { b.Judge(r, evidence.Module{}) }); n > 3 {
		t.Errorf("%v allocations for a consistent module", n)
	}
}
