//go:build e2e

package e2e

import (
	"context"
	"runtime"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/release"
	"kpkg-btf/policy"
)

// loaded is the one release of a package.
func loaded(t *testing.T, spec string) *release.Release {
	t.Helper()
	in, err := pack.Expand([]string{realtest.Deb(t, spec)})
	if err != nil {
		t.Fatal(err)
	}
	l, err := release.Load(context.Background(), in, release.Options{Jobs: runtime.GOMAXPROCS(0)})
	if err != nil || len(l.Releases) != 1 {
		t.Fatalf("%s: %d releases, %v", spec, len(l.Releases), err)
	}
	return l.Releases[0]
}

// withMember is a release whose base has one member more in a struct. Its
// modules fit it as before: no id moves, and none holds the struct.
func withMember(t *testing.T, r *release.Release, target string) *release.Release {
	t.Helper()
	blob, im := r.Base()
	raw, err := btf.Parse(blob)
	if err != nil {
		t.Fatal(err)
	}
	facts, image, out := *im.Facts, *im, *r
	facts.BTF = btftest.AppendMember(raw, target, "old_timespec32", "expires")
	facts.BTFSize, image.Facts = int64(len(facts.BTF)), &facts
	out.Images = []*release.Image{&image}
	return &out
}

// Pair D: pair B, whose newer build has one member more in a private struct.
// The checksums are as before, as with __GENKSYMS__ around the member.
func TestPairD(t *testing.T) {
	new, old := loaded(t, realtest.PairBNew), loaded(t, realtest.PairBOld)
	if err := old.ToManifest(runtime.GOMAXPROCS(0)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, target string
		action       model.Action
		rule         string
		symbols      int
		message      string
	}{
		{"behind pointers", "gpio_device", model.Distill, "abi.deep", 19650,
			"with equal checksums and changed types behind pointers: struct gpio_device grew from 1112 to 1120: member expires added at 1112, reached by devm_gpio_regmap_register, "},
		{"by value", "cpuinfo_topology", model.Bump, "abi.layout", 1,
			"(cpu_info: struct cpuinfo_topology grew from 44 to 52: member expires added at 44; struct cpuinfo_x86 grew from 328 to 336: member topo now has 52 bytes, had 44, 15 members moved by +8)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			rep, err := judge.Check(context.Background(),
				&release.Loaded{Releases: []*release.Release{withMember(t, new, c.target)}}, []*release.Loaded{{Releases: []*release.Release{old}}},
				judge.Options{Policy: policy.Default().WithSignatures(policy.Ignored), AsIfSameRelease: true, Jobs: runtime.GOMAXPROCS(0)})
			if err != nil {
				t.Fatal(err)
			}
			r := &rep.Releases[0]
			if rep.Outcome.Action != c.action || rep.Outcome.Inconclusive || rep.ExitCode != (model.Outcome{Action: c.action}).ExitCode() {
				t.Errorf("exit %d, %s; want %s", rep.ExitCode, rep.Decision, c.action)
			}
			if s := r.Windows[0].Symbols; s == nil || s.Compared != 26762 || s.Changed+s.Lost != 0 {
				t.Errorf("symbols: %+v", s)
			}
			if n := counted(r.Self.Meanings, "same"); n != r.Self.Modules || n != 4230 {
				t.Errorf("of %d modules %d mean on their own image what they meant", r.Self.Modules, n)
			}
			pairDFindings(t, r.Findings, c.action, c.rule, c.symbols, c.message)
		})
	}
}

// pairDFindings wants one of the two rules alone, on so many symbols, as an
// error that asks for a new name or as a warning; nothing else may ask for one.
func pairDFindings(t *testing.T, list []model.Finding, action model.Action, rule string, symbols int, message string) {
	t.Helper()
	severity, seen := model.Warning, 0
	if action == model.Bump {
		severity = model.Error
	}
	for _, f := range list {
		switch {
		case f.Rule == rule:
			seen++
			if f.Count != symbols || f.Severity != severity || (f.Action == model.Bump) != (action == model.Bump) || !strings.Contains(f.Message, message) {
				t.Errorf("%s %s [%s] %d: %s, want %q", f.Severity, f.Action, f.Rule, f.Count, f.Message, message)
			}
		case f.Action >= model.Bump || f.Rule == "abi.deep" || f.Rule == "abi.layout":
			t.Errorf("%s %s [%s] %s", f.Severity, f.Action, f.Rule, f.Message)
		}
	}
	if seen != 1 {
		t.Errorf("%d findings %s", seen, rule)
	}
}
