package verdict

import (
	"math/rand/v2"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

// TestNamesakes: sorted or looked through one by one, the same base types
// stand for a distilled one.
func TestNamesakes(t *testing.T) {
	p := ForVersion(6, 12, 0)
	compared, found := 0, 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(1, seed))
		kernel, dist := btftest.Base(), btftest.Base()
		names := []btf.StrOff{kernel.Str("x"), kernel.Str("xx") + 1, kernel.Str("xxx") + 2}
		for range 4 + rng.IntN(12) {
			crowd(rng, kernel, names[rng.IntN(len(names))])
		}
		x := dist.Str("x")
		for range 20 {
			crowd(rng, dist, x)
		}
		b, err := NewBase(&p, kernel.Bytes())
		if err != nil || !b.Own().OK {
			t.Fatal(err, b.Own())
		}
		s := newParser(&p, &b.rules, false)
		if r := s.vmlinux(dist.Bytes()); !r.OK {
			t.Fatal(r.String())
		}
		n := newNamesakes(b, s, "x")
		for id := uint32(1); id < s.total(); id++ {
			d := s.at(id)
			if d.kind == btf.Enum64 { // refused in a distilled base
				continue
			}
			for _, embedded := range []bool{false, d.kind.Composite()} {
				var want match
				for c := range b.candidates("x") {
					if matches(&d, &c, embedded, s.encoding(&d), func() bool { return b.namesake(&c) }) && !want.add(c) {
						break
					}
				}
				got := n.match(&d, embedded)
				if got.first.ID != want.first.ID || got.second.ID != want.second.ID {
					t.Fatalf("seed %d: %s of %d, embedded %v: [%d] and [%d], not [%d] and [%d]", seed, d.kind, d.size, embedded,
						got.first.ID, got.second.ID, want.first.ID, want.second.ID)
				}
				compared++
				if want.second.ID != 0 {
					found++
				}
			}
		}
		s.free()
	}
	if found*10 < compared || found == compared {
		t.Errorf("%d of %d have two", found, compared)
	}
}

// crowd adds a type of any kind that relocation looks at.
func crowd(rng *rand.Rand, b *btftest.Builder, name btf.StrOff) {
	size := uint32(1) << rng.IntN(4)
	switch rng.IntN(7) {
	case 0:
		b.Raw(btf.Int, false, 0, name, size, rng.Uint32N(2)<<24|8)
	case 1:
		b.Raw(btf.Float, false, 0, name, max(size, 2))
	case 2:
		b.Raw(btf.Enum, false, 0, name, size)
	case 3:
		b.Raw(btf.Enum64, false, 0, name, size)
	case 4:
		b.Raw(btf.Fwd, rng.IntN(2) == 0, 0, name, 0)
	case 5:
		b.Raw(btf.Struct, rng.IntN(4) == 0, 0, name, size/2)
	case 6:
		b.Raw(btf.Union, rng.IntN(4) == 0, 0, name, size/2)
	}
}
