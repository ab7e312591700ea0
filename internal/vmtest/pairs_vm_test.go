//go:build vm

package vmtest

import (
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/realtest"
)

// A pair is two builds of one kernel: the modules of the newer are put to the
// older. The numbers were seen on these very packages.
type pair struct {
	name     string
	old, new string
	modules  int
	attached int
}

var pairs = []pair{
	// Another number of types and strings: most are refused, and dropped
	// because Debian has MODULE_ALLOW_BTF_MISMATCH.
	{
		name: "A", modules: 4023, attached: 523,
		old: realtest.PairAOld,
		new: realtest.PairANew,
	},
	// The same numbers, other ids: nothing shows.
	{
		name: "B", modules: 4230, attached: 4230,
		old: realtest.PairBOld,
		new: realtest.PairBNew,
	},
}

func TestPairs(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) { p.test(t) })
	}
}

func (p *pair) test(t *testing.T) {
	old, newer, res := p.boot(t)
	t.Logf("pair %s: %d of %d attached", p.name, res.Attached(), len(res.Verdicts))
	if len(res.Verdicts) != p.modules || res.Attached() != p.attached {
		t.Errorf("%d of %d modules attached, want %d of %d", res.Attached(), len(res.Verdicts), p.attached, p.modules)
	}
	for i := range res.Verdicts {
		v := &res.Verdicts[i]
		switch {
		case !v.Loaded() || !v.Deleted:
			t.Errorf("mismatch is allowed here, yet: %v", v)
		case v.Attached && v.Digest != digest(newer.Modules[i].BTF):
			t.Errorf("sysfs has other bytes than were given: %v", v)
		// 6.1 says so for every module it drops.
		case p.name == "A" && v.Attached == v.Printed("failed to validate module ["+old.TemplateName+"] BTF: -22"):
			t.Errorf("the log and sysfs contradict each other: %v", v)
		case t.Failed() && i > 0:
			return // one is enough to look at
		}
	}
}

// boot puts the modules of the newer build to the older one, once for all
// tests that look at the answers.
func (p *pair) boot(t *testing.T) (old, newer *Build, res *Result) {
	t.Helper()
	old, newer = load(t, p.old), load(t, p.new)
	if answers[p.name] == nil {
		job := Job{Template: old.Template}
		for _, m := range newer.Modules {
			c := Case{ID: m.Path, BTF: m.BTF, Base: m.Base, WantDigest: true}
			if m.Base != nil {
				c.Kind = DistilledBTF
			}
			job.Cases = append(job.Cases, c)
		}
		res, err := Boot(t.Context(), old.Kernel, job)
		if err != nil {
			t.Fatal(err)
		}
		t.Log(res.Speed())
		answers[p.name] = res
	}
	return old, newer, answers[p.name]
}

// Several tests look at the same builds and boots; none changes them.
var (
	answers = map[string]*Result{}
	builds  = map[string]*Build{}
)

// load fetches and reads the packages of one build, once. Of the modules that
// tests load as they are the whole contents are kept.
func load(t *testing.T, specs ...string) *Build {
	t.Helper()
	key := strings.Join(specs, " ")
	if builds[key] == nil {
		var debs []string
		for _, s := range specs {
			debs = append(debs, realtest.Deb(t, s))
		}
		keep := func(name string) bool {
			return name == "crc7" || slices.Contains(initOrder, name) || slices.Contains(hostModules, name)
		}
		builds[key] = LoadBuild(t, keep, debs...)
	}
	b := builds[key]
	t.Logf("%s: %d modules, template %s", key, len(b.Modules), b.TemplateName)
	return b
}
