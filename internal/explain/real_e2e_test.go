//go:build e2e

package explain

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/release"
)

func loadReal(t *testing.T, spec string) Given {
	t.Helper()
	inputs, err := pack.Expand([]string{realtest.Deb(t, spec)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := release.Load(context.Background(), inputs, release.Options{Jobs: 2})
	if err != nil || len(l.Releases) != 1 {
		t.Fatal(err, l)
	}
	g := Given{Release: l.Releases[0]}
	k, err := kernel.Of(g.Release)
	if err != nil || k.Rules() == nil {
		t.Fatal(err, k)
	}
	g.Rules = k.Rules()
	return g
}

// TestRealPair: a boot of pair A's older kernel on the newer modules logs 3500
// refusals; each is traced to its module, its build and its kernel, and most
// of them, without the line that names the module, still are.
func TestRealPair(t *testing.T) {
	older, newer := loadReal(t, realtest.PairAOld), loadReal(t, realtest.PairANew)
	var named, bare strings.Builder
	refused := 0
	for _, m := range newer.Release.Modules {
		r := older.Rules.Module(m.Facts.BTF.Bytes(), m.Facts.BTFBase.Bytes())
		if r.OK {
			continue
		}
		refused++
		for _, l := range r.Lines {
			fmt.Fprintf(&named, "[   12.345678] %s\n", l)
			fmt.Fprintf(&bare, "[   12.345678] %s\n", l)
		}
		fmt.Fprintf(&named, "[   12.345678] failed to validate module [%s] BTF: %d\n", moduleName(m.Path), r.Errno)
	}
	if refused != 4023-523 {
		t.Fatalf("%d refused", refused)
	}
	start := time.Now()
	x := explained(t, named.String(), older, newer)
	took := time.Since(start)
	if len(x.Events) != refused || x.Unknown != 0 {
		t.Fatalf("%d events, %d unknown", len(x.Events), x.Unknown)
	}
	ambiguous := 0
	for i := range x.Events {
		e, right := &x.Events[i], false
		for _, s := range e.Sources {
			right = right || s.Exact && s.Own == "accepted" && moduleName(s.Module) == e.Module && s.Of.Name == newer.Release.Name && s.On.Name == older.Release.Name
		}
		if !right {
			t.Errorf("%+v", *e)
		}
		if len(e.Sources) != 1 {
			ambiguous++
		}
	}
	// Of 30 modules the older build on the newer kernel gives the same words.
	if ambiguous != 30 {
		t.Errorf("%d with more than one source", ambiguous)
	}
	t.Logf("%d refusals explained twice in %v; the first: %s; %s", refused, took, x.Events[0].Sources[0].Says, x.Events[0].Name)
	start = time.Now()
	x = explained(t, bare.String(), older, newer)
	single, none, total := 0, 0, 0
	for i := range x.Events {
		total++
		switch e := &x.Events[i]; {
		case len(e.Sources) == 0:
			none++
		case len(e.Sources) == 1 && e.More == 0:
			single++
		}
	}
	t.Logf("without the last lines: %d events, %d with one source, %d with none, in %v", total, single, none, time.Since(start))
	if none != 0 {
		t.Errorf("%d without a source", none)
	}
}
