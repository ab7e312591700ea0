//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

// wantLoads wants one word for all modules in each state of enforcement.
func wantLoads(t *testing.T, what string, l model.LoadCounts, n int, ignored, enforced model.Loads) {
	t.Helper()
	for _, s := range []struct {
		state string
		list  []model.Count
		want  model.Loads
	}{{"ignored", l.Ignored, ignored}, {"enforced", l.Enforced, enforced}} {
		if len(s.list) != 1 || s.list[0] != (model.Count{Word: string(s.want), Count: n}) {
			t.Errorf("%s, signatures %s: %v, want %d %s", what, s.state, s.list, n, s.want)
		}
	}
}

// loadsTogether: between two builds of one ABI only the key stands, and the
// kernel's words are there for every module and encounter.
func loadsTogether(t *testing.T, rep *model.Report) {
	t.Helper()
	r := &rep.Releases[0]
	w := &r.Windows[0]
	const key = "Loading of module with unavailable key is rejected (err -129)"
	wantLoads(t, "window", w.Loads, r.Self.Modules, model.LoadsYes, model.LoadsNo)
	wantLoads(t, "reverse", w.Reverse.Loads, w.Reverse.Modules, model.LoadsYes, model.LoadsNo)
	if !w.Reverse.Judged || w.Reverse.Modules != rep.Old[0].Modules || len(w.Reverse.Each) != w.Reverse.Modules {
		t.Fatalf("reverse: %v, %d of %d", w.Reverse.Judged, w.Reverse.Modules, rep.Old[0].Modules)
	}
	for _, m := range r.Modules {
		x := m.Windows[0]
		if len(x.Load.Says) != 1 || x.Load.Says[0] != key || (x.Verdict == model.Dropped) != (x.Words != "") {
			t.Errorf("%s: %+v", m.Path, x)
		}
	}
	for _, x := range w.Reverse.Each {
		if len(x.Load.Says) != 1 || x.Load.Says[0] != key || (x.Verdict == model.Dropped) != (x.Words != "") || x.Verdict == model.VerdictUnknown {
			t.Errorf("reverse: %+v", x)
		}
	}
	t.Logf("reverse: %v, meaning %v", w.Reverse.Verdicts, w.Reverse.Meanings)
}

// One module of pair A as if it were somebody's own, on three kernels: its
// own, that of the build before, and one of another series.
func TestOutside(t *testing.T) {
	own, before, other := realtest.Deb(t, realtest.PairANew), realtest.Deb(t, realtest.PairAOld), realtest.Deb(t, realtest.PairBOld)
	dir := t.TempDir()
	module := filepath.Join(dir, "lib/modules/6.1.0-56-amd64/extra/overlay.ko")
	if err := realtest.WriteFile(module, bytes.NewReader(realtest.Member(t, own, "*/overlay.ko"))); err != nil {
		t.Fatal(err)
	}
	out, complaint, code := realtest.Run(t, "check", dir, "--on", own, "--on", before, "--on", other, "--format", "json")
	var rep model.Report
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatalf("exit %d: %s", code, complaint)
	}
	if code != model.ExitBump || rep.ExitCode != code || rep.Decision != "rebuild for 6.12.115+deb13-amd64" {
		t.Errorf("exit %d, %s", code, rep.Decision)
	}
	m := rep.Releases[0].Modules[0]
	a, b, c := m.On[0], m.On[1], m.On[2]
	if len(rep.Releases[0].Modules) != 1 || m.BuiltOn != rep.Kernels[0].Base.SHA256 || m.Path != "extra/overlay.ko" {
		t.Errorf("%+v", m)
	}
	if a.Verdict != model.Attached || a.Meaning != model.Same || a.Vermagic != "equal" || a.Load.Signature != "valid" || a.Action != model.Keep || a.Compared < 50 || a.Changed != 0 {
		t.Errorf("own: %+v", a)
	}
	if b.Verdict != model.Dropped || b.Vermagic != "other-release" || b.Load.Signature != "unknown-key" || b.Action != model.Keep || b.Compared != a.Compared || b.Changed != 0 {
		t.Errorf("the build before: %+v", b)
	}
	if c.Verdict != model.Blocked || c.Action != model.RebuildFor || c.Changed == 0 || !strings.Contains(strings.Join(c.Load.Says, "\n"), "disagrees about version of symbol module_layout") {
		t.Errorf("another series: %+v", c)
	}
}
