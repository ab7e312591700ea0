//go:build e2e

package verdict_test

import (
	"context"
	"maps"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest"
)

func baseOf(t *testing.T, p verdict.Profile, b *vmtest.Build) *verdict.Base {
	t.Helper()
	facts, err := kimage.Parse(context.Background(), b.Kernel.Image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	base, err := verdict.NewBase(&p, facts.BTF)
	if err != nil {
		t.Fatal(err)
	}
	if own := base.Own(); !own.OK {
		t.Fatal(own.String())
	}
	return base
}

// TestPairs: the verdicts on every module of two real pairs are those that
// booted kernels gave (docs/kernel-rules.md, "Measured pairs"), and each build's own modules are
// accepted and sound on their own base.
func TestPairs(t *testing.T) {
	for _, c := range []struct {
		old, new          string
		profile           verdict.Profile
		modules, attached int
		first             map[string]int
	}{
		{
			old: realtest.PairAOld, new: realtest.PairANew,
			profile: verdict.ForVersion(6, 1, 192), modules: 4023, attached: 523,
			first: map[string]int{"member.name": 1639, "struct.name": 803, "enumerator.name": 791, "func.name": 181, "enum.name": 60, "typedef.name": 26},
		},
		{
			old: realtest.PairBOld, new: realtest.PairBNew,
			profile: verdict.ForVersion(6, 12, 115), modules: 4230, attached: 4230, first: map[string]int{},
		},
	} {
		t.Run(c.new, func(t *testing.T) {
			old, newer := vmtest.LoadBuild(t, nil, realtest.Deb(t, c.old)), vmtest.LoadBuild(t, nil, realtest.Deb(t, c.new))
			base, own := baseOf(t, c.profile, old), baseOf(t, c.profile, newer)
			attached, first := 0, map[string]int{}
			start := time.Now()
			for _, m := range newer.Modules {
				if r := base.Module(m.BTF, m.Base); r.OK {
					attached++
				} else {
					first[group(r.Rule)]++
				}
			}
			took := time.Since(start)
			if len(newer.Modules) != c.modules || attached != c.attached || !maps.Equal(first, c.first) {
				t.Errorf("%s: %d of %d attached, first refusals %v", c.new, attached, len(newer.Modules), first)
			}
			start, wrong := time.Now(), 0
			for _, m := range newer.Modules {
				if r := own.Module(m.BTF, m.Base); !r.OK {
					t.Errorf("%s on its own base: %s", m.Path, r.String())
				}
			}
			self := time.Since(start)
			start = time.Now()
			for _, m := range newer.Modules {
				if r := own.Sound(m.BTF, m.Base, 8); !r.OK {
					t.Errorf("%s is not sound: %s", m.Path, r.String())
				}
				if r := base.Sound(m.BTF, m.Base, 8); !r.OK {
					wrong++
				}
			}
			t.Logf("%s: verdicts on the older base %v, on its own %v; soundness on both %v, unsound on the older %d", c.new, took, self, time.Since(start), wrong)
		})
	}
}

// group folds the rules of structs and unions into the words of §8.
func group(rule string) string {
	for _, part := range []string{"member.name", "enumerator.name"} {
		if strings.HasSuffix(rule, part) {
			return part
		}
	}
	if rule == "union.name" {
		return "struct.name"
	}
	return rule
}
