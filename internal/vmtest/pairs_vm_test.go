//go:build vm

package vmtest

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
)

// A pair is two builds of one kernel: the modules of the newer are put to the
// older. The numbers are CASES.md's, seen on these very packages.
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
		old: "bookworm-security/linux-image-6.1.0-55-amd64=6.1.192-1",
		new: "bookworm-security/linux-image-6.1.0-56-amd64=6.1.192-2",
	},
	// The same numbers, other ids: nothing shows.
	{
		name: "B", modules: 4230, attached: 4230,
		old: "trixie-security/linux-image-6.12.115+deb13-amd64=6.12.115-1",
		new: "trixie-security/linux-image-6.12.115+deb13.1-amd64=6.12.115-2",
	},
}

func TestPairs(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) { p.test(t) })
	}
}

func (p *pair) test(t *testing.T) {
	old := load(t, nil, p.old)
	newer := load(t, nil, p.new)
	job := Job{Template: old.Template}
	for _, m := range newer.Modules {
		job.Cases = append(job.Cases, Case{ID: m.Path, BTF: m.BTF, WantDigest: true})
	}
	res, err := Boot(t.Context(), old.Kernel, job)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(res.Speed())
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

// load fetches and reads the packages of one build. A version that left the
// archive skips the test by name: its number can no longer be looked at.
func load(t *testing.T, keep func(string) bool, specs ...string) *Build {
	t.Helper()
	paths := fetch(t, specs...)
	b, err := LoadBuild(t.Context(), keep, paths...)
	if err != nil {
		t.Fatal(err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	t.Logf("%v: %d modules, template %s", paths, len(b.Modules), b.TemplateName)
	return b
}

func fetch(t *testing.T, specs ...string) []string {
	t.Helper()
	paths, err := Fetch(context.WithoutCancel(t.Context()), specs...)
	var gone *Gone
	if errors.As(err, &gone) {
		t.Skip(gone)
	}
	if err != nil {
		t.Fatal(err)
	}
	return paths
}
