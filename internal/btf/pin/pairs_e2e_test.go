//go:build e2e || long

package pin_test

import (
	"context"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/btf/pin"
	"kpkg-btf/internal/btf/rebase"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest"
)

// built is a real kernel: its base, and its modules' BTF on it.
type built struct {
	base   *btf.Raw
	splits [][]byte
	paths  []string
}

func load(t *testing.T, specs ...string) *built {
	t.Helper()
	var debs []string
	for _, s := range specs {
		debs = append(debs, realtest.Deb(t, s))
	}
	real := vmtest.LoadBuild(t, nil, debs...)
	facts, err := kimage.Parse(context.Background(), real.Kernel.Image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	b := &built{base: parse(t, facts.BTF)}
	for _, m := range real.Modules {
		if m.BTF != nil {
			b.splits, b.paths = append(b.splits, m.BTF), append(b.paths, m.Path)
		}
	}
	return b
}

// onto carries all modules to another base; the same base leaves them.
func (b *built) onto(t *testing.T, base *btf.Raw) *built {
	t.Helper()
	r, err := rebase.New(b.base, base)
	if err != nil {
		t.Fatal(err)
	}
	out := &built{base: base, paths: b.paths}
	for i, s := range b.splits {
		split, err := btf.ParseSplit(s, b.base)
		if err != nil {
			t.Fatalf("%s: %v", b.paths[i], err)
		}
		res, err := r.Rebase(split, nil)
		if err != nil {
			t.Fatalf("%s: %v", b.paths[i], err)
		}
		out.splits = append(out.splits, res.Split)
	}
	return out
}

func (b *built) uses(t *testing.T) (out []pin.Use) {
	t.Helper()
	for i, s := range b.splits {
		split, err := btf.ParseSplit(s, b.base)
		if err != nil {
			t.Fatalf("%s: %v", b.paths[i], err)
		}
		out = append(out, pin.Use{Module: b.paths[i], Refs: meaning.RefsOf(split, nil)})
	}
	return out
}

// on counts the modules that a kernel attaches, and of these those that mean
// the same on it at a depth.
func (b *built) on(t *testing.T, kernel *btf.Raw, p verdict.Profile) (attached int, same [meaning.NumDepths]int) {
	t.Helper()
	v, err := verdict.NewBase(&p, kernel.Bytes())
	if err != nil || !v.Own().OK {
		t.Fatal(err, v.Own())
	}
	c := meaning.Classify(kernel, b.base)
	for i, s := range b.splits {
		if res := v.Module(s, nil); !res.OK {
			t.Logf("%s: %s", b.paths[i], res.Text)
			continue
		}
		attached++
		split, err := btf.ParseSplit(s, b.base)
		if err != nil {
			t.Fatal(err)
		}
		res := c.Judge(meaning.Module{Split: split})
		for d := range meaning.Depth(meaning.NumDepths) {
			if res.Same(d) {
				same[d]++
			}
		}
	}
	return attached, same
}

// pair is two uploads of a kernel.
type pair struct {
	name     string
	old, new []string
	version  [3]int
	slack    int
	rebuild  bool // of one source: nothing but what came and went differs
}

// TestPairs: rebuilds, which need no slack. The pairs that reserve some first are
// in make long.
func TestPairs(t *testing.T) {
	for _, p := range []pair{
		{"A", []string{realtest.PairAOld}, []string{realtest.PairANew}, [3]int{6, 1, 192}, 0, true},
		{"B", []string{realtest.PairBOld}, []string{realtest.PairBNew}, [3]int{6, 12, 115}, 0, true},
	} {
		t.Run(p.name, func(t *testing.T) { carry(t, p) })
	}
}

// carry tells of a pair: the newer base of real pairs is pinned on the older one and the
// newer modules carried to it; then both kernels' own rules and the meaning of
// every module are asked, both ways. A rebuild needs no slack, and no module of
// the older build loses anything; of the newer one, only a module that names what
// came (in A one of 4023, a prototype) can mean something else. One that uses a
// string that came finds NULs there on the older kernel, and is refused.
func carry(t *testing.T, p pair) {
	old := load(t, p.old...)
	if p.slack > 0 {
		start, err := pin.Start(old.base, pin.Slack{Types: p.slack, Strings: 32 * p.slack}, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		old = old.onto(t, parse(t, start.Data))
	}
	shipped := load(t, p.new...)
	res, err := pin.On(shipped.base, old.base, old.uses(t))
	if err != nil {
		t.Fatal(err)
	}
	rep := res.Report
	lost := len(rep.Lost)
	touched := len(rep.Touched)
	rep.Lost, rep.Touched = nil, nil
	t.Logf("%d lost, %d modules touched, %+v", lost, touched, rep)
	if !rep.Sorted && rep.Moved != 0 || rep.Types != old.base.NumTypes() || rep.Strings != old.base.StrLen() {
		t.Errorf("%d types moved, %d types and %d bytes", rep.Moved, rep.Types, rep.Strings)
	}
	pinned, fits := shipped.onto(t, parse(t, res.Data)), 0
	for _, u := range shipped.uses(t) {
		if res.Holds(u.Refs) {
			fits++
		}
	}
	if rep.Sorted && !pinned.base.Sorted() {
		t.Error("not sorted")
	}
	profile := verdict.ForVersion(p.version[0], p.version[1], p.version[2])
	for _, c := range []struct {
		what   string
		of     *built
		kernel *btf.Raw
		want   int // that name the same; mean the same, where no type changed
	}{
		{"new modules on the old kernel", pinned, old.base, fits},
		{"old modules on the new kernel", old, pinned.base, len(old.splits) - touched},
		{"new modules on their own", pinned, pinned.base, len(pinned.splits)},
	} {
		n, same := c.of.on(t, c.kernel, profile)
		t.Logf("%s: %d of %d attached; the same: named %d, identity %d, by value %d, deep %d", c.what, n, len(c.of.splits),
			same[meaning.Named], same[meaning.Identity], same[meaning.ByValue], same[meaning.Deep])
		if n < c.want || same[meaning.Named] != c.want || (p.rebuild || c.kernel == c.of.base) && (same[meaning.Identity] != c.want || same[meaning.ByValue] != c.want) {
			t.Errorf("%s: %d of %d attached, %v the same, expected %d", c.what, n, len(c.of.splits), same, c.want)
		}
	}
}
