//go:build e2e

package distill_test

import (
	"bytes"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/distill"
)

// TestLibbpfRandom: thousands of random splits, both byte orders, come out of
// libbpf with the same bytes.
func TestLibbpfRandom(t *testing.T) {
	const n = 4000
	l := newLibbpf(t)
	var ours []*distill.Result
	d := new(distill.Distiller)
	for seed := range uint64(n) {
		start := btftest.Base
		if seed%2 == 1 {
			start = btftest.BigBase
		}
		base, split := random(start(), seed)
		if seed < 2 {
			base, split = everything(start())
		}
		res, err := d.Distill(split.Parse())
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		ours = append(ours, res)
		l.base(t, base.Bytes())
		l.split(t, split.Bytes())
	}
	theirs, _ := l.distill(t)
	differ := 0
	for i, o := range ours {
		if !bytes.Equal(o.Base, theirs[i].base) || !bytes.Equal(o.Split, theirs[i].split) {
			if differ++; differ < 5 {
				t.Errorf("seed %d: base\n%q, libbpf\n%q; split\n%q, libbpf\n%q", i, o.Base, theirs[i].base, o.Split, theirs[i].split)
			}
		}
	}
	t.Logf("%d of %d differ", differ, len(ours))
}

// TestLibbpfPairs: every module of both builds of both pairs comes out of
// libbpf with the same bytes, and not in less time.
func TestLibbpfPairs(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			for _, spec := range []string{p.old, p.new} {
				b, l := load(t, spec, p.modules), newLibbpf(t)
				l.base(t, b.base)
				for _, s := range b.splits {
					l.split(t, s)
				}
				_, ours, took := b.distil(t)
				theirs, theirTime := l.distill(t)
				differ := 0
				for i, o := range ours {
					if !bytes.Equal(o.Base, theirs[i].base) || !bytes.Equal(o.Split, theirs[i].split) {
						if differ++; differ < 10 {
							t.Errorf("%s: base of %d bytes, split of %d; libbpf %d and %d", b.paths[i], len(o.Base), len(o.Split), len(theirs[i].base), len(theirs[i].split))
						}
					}
				}
				t.Logf("%s: %d modules, %d differ; CPU %v, libbpf %v", spec, len(ours), differ, took, theirTime)
				if differ != 0 || took > theirTime {
					t.Errorf("%s: %d of %d differ; CPU %v, libbpf %v", spec, differ, len(ours), took, theirTime)
				}
			}
		})
	}
}
