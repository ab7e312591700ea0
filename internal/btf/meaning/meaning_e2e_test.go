//go:build e2e

package meaning_test

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest"
)

func threadTime(t *testing.T) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func baseOf(t *testing.T, image []byte) *btf.Raw {
	t.Helper()
	facts, err := kimage.Parse(context.Background(), image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	raw, err := btf.Parse(facts.BTF)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// TestPairs: of two builds of one source, no module of the newer means the
// same on the older base (docs/kernel-rules.md, "Measured pairs"), and every one means the same on
// its own.
func TestPairs(t *testing.T) {
	for _, p := range []struct {
		name, old, new string
		modules        int
	}{
		{"A", realtest.PairAOld, realtest.PairANew, 4023},
		{"B", realtest.PairBOld, realtest.PairBNew, 4230},
	} {
		t.Run(p.name, func(t *testing.T) {
			old := baseOf(t, vmtest.LoadBuild(t, nil, realtest.Deb(t, p.old)).Kernel.Image)
			b := vmtest.LoadBuild(t, nil, realtest.Deb(t, p.new))
			own := baseOf(t, b.Kernel.Image)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			begun := threadTime(t)
			c := meaning.Classify(old, own)
			classed := threadTime(t) - begun
			var differ [meaning.NumDepths]int
			modules, shown := 0, 0
			for _, m := range b.Modules {
				if m.BTF == nil {
					continue
				}
				split, err := btf.ParseSplit(m.BTF, own)
				if err != nil {
					t.Fatal(m.Path, err)
				}
				modules++
				res := c.Judge(meaning.Module{Split: split})
				for d := range differ {
					if !res.Same(meaning.Depth(d)) {
						differ[d]++
					}
				}
				if shown++; shown < 5 {
					t.Logf("%s: %s", m.Path, c.Text(split, res.First[meaning.Deep]))
				}
			}
			t.Logf("%d modules, differ %v; classes %d %d %d %d; classing %v, all %v", modules, differ,
				c.NumClasses(0), c.NumClasses(1), c.NumClasses(2), c.NumClasses(3), classed, threadTime(t)-begun)
			if modules != p.modules || differ != [meaning.NumDepths]int{p.modules, p.modules, p.modules, p.modules} {
				t.Errorf("%d modules, %v differ", modules, differ)
			}
			same := meaning.Classify(own, own)
			for _, m := range b.Modules {
				split, err := btf.ParseSplit(m.BTF, own)
				if err != nil {
					continue
				}
				if res := same.Judge(meaning.Module{Split: split}); !res.Same(meaning.Deep) {
					t.Fatalf("%s on its own base: %s", m.Path, same.Text(split, res.First[meaning.Deep]))
				}
			}
		})
	}
}
