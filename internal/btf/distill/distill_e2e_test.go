//go:build e2e

package distill_test

import (
	"context"
	"runtime"
	"syscall"
	"testing"
	"time"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest"
)

// pairs are two builds of one source each (docs/kernel-rules.md, "Measured pairs"), with the bytes of the
// newer build's BTF: what was, .BTF now, .BTF.base now.
var pairs = []struct {
	name, old, new string
	modules        int
	was, split     int
	base           int
}{
	{"A", realtest.PairAOld, realtest.PairANew, 4023, 60232885, 66581533, 2681476},
	{"B", realtest.PairBOld, realtest.PairBNew, 4230, 72945000, 79949820, 2872529},
}

// build is a kernel's base and its modules' BTF.
type build struct {
	base   []byte
	splits [][]byte
	paths  []string
}

var builds = map[string]*build{}

func load(t *testing.T, spec string, modules int) *build {
	t.Helper()
	if b := builds[spec]; b != nil {
		return b
	}
	real := vmtest.LoadBuild(t, nil, realtest.Deb(t, spec))
	facts, err := kimage.Parse(context.Background(), real.Kernel.Image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &build{base: facts.BTF}
	for _, m := range real.Modules {
		if m.BTF != nil {
			b.splits, b.paths = append(b.splits, m.BTF), append(b.paths, m.Path)
		}
	}
	if len(b.splits) != modules {
		t.Fatalf("%s: %d modules with BTF, want %d", spec, len(b.splits), modules)
	}
	builds[spec] = b
	return b
}

// distil distils all modules with one Distiller, and gives the CPU time that
// parsing and distilling took.
func (b *build) distil(t *testing.T) (splits []*btf.Raw, all []*distill.Result, took time.Duration) {
	t.Helper()
	base, err := btf.Parse(b.base)
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	d := new(distill.Distiller)
	begun := threadTime(t)
	for i, blob := range b.splits {
		split, err := btf.ParseSplit(blob, base)
		if err != nil {
			t.Fatalf("%s: %v", b.paths[i], err)
		}
		res, err := d.Distill(split)
		if err != nil {
			t.Fatalf("%s: %v", b.paths[i], err)
		}
		splits, all = append(splits, split), append(all, res)
	}
	return splits, all, threadTime(t) - begun
}

func threadTime(t *testing.T) time.Duration {
	t.Helper()
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestPairs: every module of both builds of a pair distils, and the kernels of
// both relocate it: onto its own base with the very types it had, onto the
// other's with types of the same kinds and names.
func TestPairs(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			old, newer := load(t, p.old, p.modules), load(t, p.new, p.modules)
			for _, c := range []struct {
				which     string
				of, other *build
			}{{"old", old, newer}, {"new", newer, old}} {
				own, other := kernelBase(t, c.of.base), kernelBase(t, c.other.base)
				splits, all, took := c.of.distil(t)
				var was, split, base, bad, strs int
				d := new(distill.Distiller)
				for i, s := range splits {
					was, split, base = was+len(c.of.splits[i]), split+len(all[i].Split), base+len(all[i].Base)
					if h, err := btf.ReadHeader(all[i].Split); err == nil {
						strs += int(h.StrLen) - int(s.StrLen())
					}
					_, err := relocated(s, d, own, true)
					if err == nil {
						_, err = relocated(s, d, other, false)
					}
					if err != nil {
						if bad++; bad < 10 {
							t.Errorf("%s: %v", c.of.paths[i], err)
						}
					}
				}
				t.Logf("pair %s, %s: %d modules in %v of CPU, %d bad; .BTF %d -> %d (%+d of strings) and .BTF.base %d bytes: +%.2f %%",
					p.name, c.which, len(splits), took, bad, was, split, strs, base, 100*float64(split+base-was)/float64(was))
				if bad != 0 || c.of == newer && (was != p.was || split != p.split || base != p.base) {
					t.Errorf("pair %s, %s: %d bad, %d -> %d and %d bytes", p.name, c.which, bad, was, split, base)
				}
			}
		})
	}
}
