package distill_test

import (
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/distill"
)

// TestAllocations: a warm Distiller allocates its result and no more.
func TestAllocations(t *testing.T) {
	_, split := everything(btftest.Base())
	raw, d := split.Parse(), new(distill.Distiller)
	run := func() {
		if _, err := d.Distill(raw); err != nil {
			t.Fatal(err)
		}
	}
	run()
	if n := testing.AllocsPerRun(50, run); n > 5 {
		t.Errorf("%v allocations, want the result and its four slices", n)
	}
}
