package repack

import (
	"strings"
	"testing"
	"testing/iotest"
)

// Whatever is asked for fits, what was given back is given again, and no more
// is held than the bound.
func TestPools(t *testing.T) {
	var p pools
	long := strings.Repeat("0123456789", 5<<20/10)
	for _, n := range []int{0, 1, 2, 3, 511, 512, 513, 1 << 20, 1<<20 + 1} {
		b := p.get(n)
		if len(b) != 0 || cap(b) < n {
			t.Fatalf("get(%d): %d of %d", n, len(b), cap(b))
		}
		p.put(append(b, make([]byte, n)...))
		if n == 0 {
			continue
		}
		again := p.get(n)
		if len(again) != 0 || &again[:1][0] != &b[:1][0] {
			t.Errorf("get(%d) gave other memory", n)
		}
	}
	p.put(make([]byte, 700)) // of another's making: holds 512 for sure
	if b := p.get(512); cap(b) < 512 {
		t.Errorf("get(512): %d", cap(b))
	}
	for _, claim := range []int{0, 10, 5 << 20, 1 << 30} { // true, too little, too much
		b, err := p.readAll(iotest.HalfReader(strings.NewReader(long)), claim)
		if err != nil || string(b) != long {
			t.Errorf("claim %d: %d bytes, %v", claim, len(b), err)
		}
		if cap(b) > 8<<20 {
			t.Errorf("claim %d: %d bytes of memory", claim, cap(b))
		}
		p.put(b)
	}
	if _, err := p.readAll(iotest.TimeoutReader(strings.NewReader(long)), 1); err != iotest.ErrTimeout {
		t.Errorf("an error of the reader: %v", err)
	}
	p = pools{}
	for range mostHeld>>20 + 2 {
		p.put(make([]byte, 0, 1<<20))
	}
	if p.held != mostHeld {
		t.Errorf("%d bytes held, at most %d", p.held, mostHeld)
	}
	p.put(nil)
	large := make([]byte, 0, mostHeld/2)
	p.put(large) // in place of many small ones
	if b := p.get(mostHeld/2 - 5); p.held != mostHeld/2 || cap(b) != cap(large) || &b[:1][0] != &large[:1][0] {
		t.Errorf("a large buffer found no room: %d held", p.held)
	}
}
