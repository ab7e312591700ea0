package limits

import (
	"math"
	"sync"
	"testing"

	"kpkg-btf/internal/where"
)

func TestBudget(t *testing.T) {
	b := NewBudget("bytes", 100)
	if err := b.Take(60); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int64{41, math.MaxInt64} {
		if err := b.Take(n); where.KindOf(err) != where.Limit {
			t.Errorf("Take(%d): %v", n, err)
		}
	}
	if err := b.Take(-1); where.KindOf(err) != where.Malformed {
		t.Errorf("negative: %v", err)
	}
	if b.Used() != 60 || b.Left() != 40 {
		t.Errorf("a refused Take changed the budget: used %d, left %d", b.Used(), b.Left())
	}
	b.Give(60)
	if err := b.Take(100); err != nil {
		t.Error(err)
	}
	var none *Budget
	none.Give(1)
	if none.Take(math.MaxInt64) != nil || none.Used() != 0 || none.Left() != math.MaxInt64 {
		t.Error("the nil budget bounds")
	}
}

func TestBudgetConcurrent(t *testing.T) {
	b := NewBudget("bytes", 1000)
	var wg sync.WaitGroup
	for range 8 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for range 1000 {
				if b.Take(3) == nil {
					b.Give(3)
				}
			}
		}()
	}
	wg.Wait()
	if b.Used() != 0 {
		t.Errorf("used %d", b.Used())
	}
}

// Kernel images are zero-padded: a ratio counts only beyond 64 MiB and 1000:1.
func TestRatio(t *testing.T) {
	for _, c := range []struct {
		in, out int64
		bomb    bool
	}{{1, 64 << 20, false}, {1000, 65 << 20, true}, {1 << 20, 1000 << 20, false}, {1 << 20, 1002 << 20, true}} {
		if err := Ratio(c.in, c.out); (err != nil) != c.bomb {
			t.Errorf("Ratio(%d, %d) = %v", c.in, c.out, err)
		}
	}
}

// What Cap allows Ratio does not refuse, but for the floor.
func TestCap(t *testing.T) {
	for _, c := range []struct{ in, max, want int64 }{
		{0, 1 << 30, 64 << 20}, {1000, 1 << 30, 64<<20 + 16000}, {1 << 20, 192 << 20, 80 << 20}, {8 << 20, 192 << 20, 192 << 20}, {1 << 40, 1 << 30, 1 << 30},
	} {
		if got := Cap(c.in, c.max); got != c.want {
			t.Errorf("Cap(%d, %d) = %d, want %d", c.in, c.max, got, c.want)
		}
	}
}
