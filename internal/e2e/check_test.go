//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/realtest"
)

// check runs the program and gives its JSON report; the exit code in the
// report must be that of the process.
func check(t *testing.T, args ...string) (*model.Report, int) {
	t.Helper()
	out, complaint, code := realtest.Run(t, append([]string{"check", "--format", "json"}, args...)...)
	if out == "" {
		t.Fatalf("check %v: exit %d: %s", args, code, complaint)
	}
	var rep model.Report
	if err := json.Unmarshal([]byte(out), &rep); err != nil {
		t.Fatal(err)
	}
	if rep.ExitCode != code {
		t.Errorf("report says exit %d, the process %d", rep.ExitCode, code)
	}
	return &rep, code
}

// pair is two releases with measured truths (docs/kernel-rules.md, "Measured pairs").
type pair struct {
	name     string
	old, new string // specs
	modules  int
	oldBTF   int64
	oldBase  string
	newBase  string
	symbols  int // with equal CRCs
	repair   model.Action
	attached int // of the newer modules on the older kernel, seen on a booted one
	movable  int // modules whose every reference has a type like it in the older base
}

var pairs = []pair{
	{"A", realtest.PairAOld, realtest.PairANew, 4023, 60226433, "c09f1a7c", "a53c4b97", 24683, model.Strip, 523, 4022},
	{"B", realtest.PairBOld, realtest.PairBNew, 4230, 72944928, "", "", 26762, model.Distill, 4230, 4230},
}

func TestPairs(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			old, new := realtest.Deb(t, p.old), realtest.Deb(t, p.new)
			t.Run("different names", func(t *testing.T) { p.apart(t, old, new) })
			t.Run("as if same", func(t *testing.T) { p.together(t, old, new) })
		})
	}
}

// apart: Debian's own names. No window; facts are still told.
func (p *pair) apart(t *testing.T, old, new string) {
	rep, code := check(t, new, "--against", old)
	if code != 0 || rep.Outcome.Action != model.Keep {
		t.Errorf("exit %d, %s: want 0, keep: %+v", code, rep.Decision, rep.Releases[0].Findings)
	}
	w := rep.Releases[0].Windows[0]
	if w.Judged || !strings.Contains(w.Why, "different names") {
		t.Errorf("window judged %v: %s", w.Judged, w.Why)
	}
	o := rep.Old[0]
	if o.Modules != p.modules || o.BTFBytes != p.oldBTF || !strings.HasPrefix(o.Base.SHA256, p.oldBase) || !strings.HasPrefix(rep.New[0].Base.SHA256, p.newBase) {
		t.Errorf("old %+v, new base %s", o, rep.New[0].Base.SHA256)
	}
	if s := rep.Releases[0].Self; s.Modules != p.modules || s.WithBTF != p.modules || len(s.Meanings) != 1 || s.Meanings[0].Word != "same" {
		t.Errorf("self %+v", s)
	}
	if w.BaseEqual != model.Differs || w.Symbols == nil || w.Symbols.Compared != p.symbols || w.Symbols.Changed != 0 || w.Symbols.Lost != 0 {
		t.Errorf("facts: base %s, symbols %+v", w.BaseEqual, w.Symbols)
	}
}

// together: could the name have been kept, as the CRCs say?
func (p *pair) together(t *testing.T, old, new string) {
	page := filepath.Join(t.TempDir(), "page.html")
	rep, code := check(t, new, "--against", old, "--as-if-same-release", "--report", "html="+page)
	p.page(t, page)
	if code != model.ExitBump {
		t.Errorf("signatures enforced: exit %d, want 4: the signing key changed", code)
	}
	w := rep.Releases[0].Windows[0]
	if w.IfEnforced != model.Bump || w.IfIgnored != p.repair {
		t.Errorf("both answers: %s and %s, want bump and %s", w.IfEnforced, w.IfIgnored, p.repair)
	}
	rep, code = check(t, new, "--against", old, "--as-if-same-release", "--signatures", "ignored")
	if code != model.ExitRepair || rep.Outcome.Action != p.repair {
		t.Errorf("signatures ignored: exit %d %s, want 3 %s", code, rep.Decision, p.repair)
	}
	w = rep.Releases[0].Windows[0]
	if got := counted(w.Verdicts, "attached"); got != p.attached {
		t.Errorf("the old kernel takes %d modules, a booted one took %d", got, p.attached)
	}
	p.meanings(t, &w)
	if p.attached < p.modules {
		loadsTogether(t, rep)
	}
	n := 0
	for _, m := range rep.Releases[0].Modules {
		if m.Action == p.repair {
			n++
		} else if m.Action != model.Keep || m.Windows[0].Verdict != model.Dropped {
			t.Errorf("%s: %s, %+v", m.Path, m.Action, m.Windows)
		}
	}
	// nf_conntrack is refused in pair A and has a plain list of base ids.
	if n < p.attached || n > p.attached+1 {
		t.Errorf("%d modules to %s, want those %d that are taken with another meaning", n, p.repair, p.attached)
	}
}

// meanings: nothing means what it meant on the old kernel, taken or not. No type
// changed; the sources are of two versions, so no cause is claimed. Made
// reproducibly, all would be keep but one of pair A, which refers to a type that
// only the newer base has (docs/kernel-rules.md, "Measured pairs").
func (p *pair) meanings(t *testing.T, w *model.WindowResult) {
	t.Helper()
	if got := counted(w.Meanings, "different"); got != p.modules {
		t.Errorf("meanings %+v, want %d different, taken or not", w.Meanings, p.modules)
	}
	if want := (model.SameAt{Known: p.modules, Movable: p.movable}); w.SameAt != want {
		t.Errorf("%+v, want %+v", w.SameAt, want)
	}
	c := w.Change
	if c == nil || c.Cause != "not-shown" || c.Changed != 0 || c.Prevent != "" {
		t.Fatalf("change %+v", c)
	}
	switch p.name {
	case "A":
		if c.FunctionsAdded != 108 || c.FunctionsGone != 157 || c.Added != 6 || c.Gone != 6 || c.Shifts < 1000 {
			t.Errorf("%+v", c)
		}
	case "B":
		moved := []model.Shift{{Down: 2, Count: 6067}, {Up: 1, Count: 926}}
		if len(c.Moved) < 2 || !slices.Equal(c.Moved[:2], moved) || len(c.Arrays) != 2 || !strings.Contains(c.Text, "two char arrays changed length with the version banner") {
			t.Errorf("%+v", c)
		}
	}
}

// TestDroppedRepaired: a policy that does not want modules without BTF until
// the reboot has all of pair A stripped.
func TestDroppedRepaired(t *testing.T) {
	p := pairs[0]
	policy := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(policy, []byte("schema: kpkg-btf/policy/1.0\nsignatures: ignored\nwindow:\n  dropped: repair\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rep, code := check(t, realtest.Deb(t, p.new), "--against", realtest.Deb(t, p.old), "--as-if-same-release", "--policy", policy)
	n := 0
	for _, m := range rep.Releases[0].Modules {
		if m.Action == model.Strip {
			n++
		}
	}
	if code != model.ExitRepair || n != p.modules {
		t.Errorf("exit %d, %d modules to strip, want %d", code, n, p.modules)
	}
}

func counted(list []model.Count, word string) int {
	for _, c := range list {
		if c.Word == word {
			return c.Count
		}
	}
	return 0
}

// A release against itself is keep, whatever is asked.
func TestAgainstItself(t *testing.T) {
	for _, spec := range []string{realtest.PairAOld, realtest.PairBNew} {
		deb := realtest.Deb(t, spec)
		if rep, code := check(t, deb, "--against", deb, "--as-if-same-release"); code != 0 {
			t.Errorf("%s: exit %d %+v", spec, code, rep.Releases[0].Findings)
		} else {
			w := &rep.Releases[0].Windows[0]
			n := rep.New[0].Modules
			for _, l := range [][]model.Count{w.Verdicts, w.Reverse.Verdicts} {
				if len(l) != 1 || counted(l, "attached") != n {
					t.Errorf("%s: %v, want %d attached", spec, l, n)
				}
			}
			if counted(w.Meanings, "same") != n || counted(w.Reverse.Meanings, "same") != n {
				t.Errorf("%s: %v, reverse %v", spec, w.Meanings, w.Reverse.Meanings)
			}
			wantLoads(t, "window", w.Loads, n, model.LoadsYes, model.LoadsYes)
			wantLoads(t, "reverse", w.Reverse.Loads, n, model.LoadsYes, model.LoadsYes)
		}
	}
}

// Pair C is a true ABI break: 18272 CRCs changed, 9 symbols lost, 28 new.
func TestABIBreak(t *testing.T) {
	old, new := realtest.Deb(t, realtest.PairCOld), realtest.Deb(t, realtest.PairAOld)
	for _, signatures := range []string{"enforced", "ignored"} {
		rep, code := check(t, new, "--against", old, "--as-if-same-release", "--signatures", signatures)
		s := rep.Releases[0].Windows[0].Symbols
		if code != model.ExitBump || s.Changed != 18272 || s.Lost != 9 || s.Added != 28 || s.Old != 24664 {
			t.Errorf("%s: exit %d, %+v", signatures, code, s)
		}
	}
	if rep, code := check(t, new, "--against", old); code != 0 || rep.Releases[0].Windows[0].Symbols.Changed != 18272 {
		t.Errorf("without the question: exit %d", code)
	}
}

// The two newest of a series, whatever they are by now: each is coherent in
// itself and keep against itself, and a rebuild moves the base.
func TestNewestInvariants(t *testing.T) {
	for _, s := range []struct{ suite, regex string }{
		{"bookworm-security", `linux-image-6\.1\.0-[0-9]+-amd64`},
		{"trixie-security", `linux-image-6\.12\.[0-9]+[+]deb13([.][0-9]+)?-amd64`},
	} {
		debs := realtest.NewestDebs(t, s.suite, s.regex, 2)
		rep, code := check(t, debs[0], "--against", debs[1])
		if code != 0 || rep.Releases[0].Windows[0].BaseEqual != model.Differs {
			t.Errorf("%s: exit %d, %+v", debs[0], code, rep.Releases[0].Findings)
		}
		if rep, code := check(t, debs[0], "--against", debs[1], "--as-if-same-release"); code != model.ExitBump {
			t.Errorf("%s as if same: exit %d %+v", debs[0], code, rep.Releases[0].Findings)
		}
		if _, code := check(t, debs[1], "--against", debs[1], "--as-if-same-release"); code != 0 {
			t.Errorf("%s against itself: exit %d", debs[1], code)
		}
	}
}

// Image of one build, modules of another, under one name: exit 6 from the
// files alone. Each kind of evidence that caught modules is told apart.
func TestTwoBuildsUnderOneName(t *testing.T) {
	for _, p := range pairs {
		t.Run(p.name, func(t *testing.T) {
			old, new := realtest.Deb(t, p.old), realtest.Deb(t, p.new)
			tree := mixedTree(t, old, new)
			rep, code := check(t, tree)
			if code != model.ExitRebuild {
				t.Fatalf("exit %d, want 6: %+v", code, rep.Releases[0].Findings)
			}
			caught := map[model.Evidence]int{}
			for _, e := range rep.Releases[0].Self.Evidence {
				caught[e.Evidence] = e.Contradicts
				t.Logf("pair %s: %-9s contradicts %d, supports %d", p.name, e.Evidence, e.Contradicts, e.Supports)
			}
			if caught[model.BySignature] != p.modules {
				t.Errorf("the build key speaks against %d modules, want all %d", caught[model.BySignature], p.modules)
			}
			// Without signatures and names the BTF itself must tell.
			btf := 0
			for _, f := range rep.Releases[0].Findings {
				if f.Rule == "self.btf-other-base" {
					btf = f.Count
				}
			}
			t.Logf("pair %s: %d of %d modules contradicted by their BTF alone", p.name, btf, p.modules)
			if btf < p.modules/10 {
				t.Errorf("only %d of %d modules contradicted by BTF alone", btf, p.modules)
			}
		})
	}
}

// Debian 7.x splits a release over packages.
func TestSplitPackages(t *testing.T) {
	image, modules, base := realtest.Deb(t, realtest.Image73), realtest.Deb(t, realtest.Modules73), realtest.Deb(t, realtest.Base73)
	if rep, code := check(t, image, modules, base); code != 0 || len(rep.New) != 1 || len(rep.New[0].Packages) != 3 || rep.New[0].Modules < 4000 {
		t.Errorf("complete: exit %d %+v", code, rep.New)
	}
	rep, code := check(t, modules)
	if code != model.ExitInconclusive {
		t.Errorf("modules alone: exit %d", code)
	}
	if f := rep.Releases[0].Findings; len(f) == 0 || !strings.Contains(f[0].Hint, "linux-binary-7.3.4+deb13-amd64") {
		t.Errorf("modules alone: %+v", f)
	}
	if _, code := check(t, image, base); code != model.ExitInconclusive {
		t.Errorf("image alone: exit %d", code)
	}
}

// A manifest alone is a valid old side: it answers as the package does.
func TestManifestAsOld(t *testing.T) {
	old, new := realtest.Deb(t, realtest.PairAOld), realtest.Deb(t, realtest.PairANew)
	file := filepath.Join(t.TempDir(), "old.json")
	if _, complaint, code := realtest.Run(t, "record", old, "-o", file); code != 0 {
		t.Fatalf("record: exit %d %s", code, complaint)
	}
	byPackage, code1 := check(t, new, "--against", old, "--as-if-same-release")
	byManifest, code2 := check(t, new, "--against", file, "--as-if-same-release")
	a, b := byPackage.Releases[0].Windows[0], byManifest.Releases[0].Windows[0]
	if code1 != code2 || a.BaseEqual != b.BaseEqual || *a.Symbols != *b.Symbols || a.IfIgnored != b.IfIgnored || a.IfEnforced != b.IfEnforced {
		t.Errorf("by package %d %+v\nby manifest %d %+v", code1, a, code2, b)
	}
}

// Recording is deterministic: any -j, the same bytes.
func TestRecordDeterministic(t *testing.T) {
	deb := realtest.Deb(t, realtest.PairANew)
	one, _, _ := realtest.Run(t, "record", "-j", "1", deb)
	two, _, _ := realtest.Run(t, "record", "-j", "7", deb)
	if one != two || len(one) < 1000000 {
		t.Errorf("-j 1 and -j 7 differ, or are short: %d and %d bytes", len(one), len(two))
	}
}
