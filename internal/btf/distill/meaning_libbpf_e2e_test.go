//go:build e2e

package distill_test

import (
	"runtime"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
)

// TestMeaningBesideLibbpf: to class the types of both bases of a pair and to
// judge every module takes no more CPU than libbpf takes to distil the same
// modules.
func TestMeaningBesideLibbpf(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			old, b, l := load(t, p.old, p.modules), load(t, p.new, p.modules), newLibbpf(t)
			l.base(t, b.base)
			for _, s := range b.splits {
				l.split(t, s)
			}
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			begun := threadTime(t)
			theirs, err := btf.Parse(old.base)
			if err != nil {
				t.Fatal(err)
			}
			own, err := btf.Parse(b.base)
			if err != nil {
				t.Fatal(err)
			}
			c := meaning.Classify(theirs, own)
			differ := 0
			for i, s := range b.splits {
				split, err := btf.ParseSplit(s, own)
				if err != nil {
					t.Fatalf("%s: %v", b.paths[i], err)
				}
				if res := c.Judge(meaning.Module{Split: split}); !res.Same(meaning.Identity) {
					differ++
				}
			}
			took := threadTime(t) - begun
			_, libbpf := l.distill(t)
			t.Logf("pair %s: both bases classed and %d modules judged in %v of CPU, libbpf distils them in %v: ratio %.2f",
				p.name, len(b.splits), took, libbpf, took.Seconds()/libbpf.Seconds())
			if differ != p.modules || took > libbpf {
				t.Errorf("%d of %d differ; CPU %v, libbpf %v", differ, p.modules, took, libbpf)
			}
		})
	}
}
