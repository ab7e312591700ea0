package decision

import (
	"bytes"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/document"
	"kpkg-btf/internal/document/documenttest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

const sumA, sumB = "aa", "bb"

func sum(c string) string { return strings.Repeat(c, 32) }

func loads() model.LoadCounts {
	return model.LoadCounts{Ignored: []model.Count{{Word: "yes", Count: 1}}, Enforced: []model.Count{{Word: "no", Count: 1}}}
}

var load = model.ModuleLoad{Loads: model.LoadsYes, IfEnforced: model.LoadsNo, Signature: "none", Says: []string{"Loading of unsigned module is rejected (err -129)"}}

// sample is a decision with something in every part.
func sample() *model.Report {
	ref := model.ReleaseRef{Name: "6.1.0-2-amd64", Arch: model.X8664, Packages: []string{"linux-image 2"}, Scope: "full", Modules: 2, BTFBytes: 10,
		Base: model.BaseRef{SHA256: sum(sumA), Types: 5, StringBytes: 6, Where: "vmlinuz"}}
	old := ref
	old.Name, old.Base.SHA256 = "6.1.0-1-amd64", sum(sumB)
	f := model.Finding{Rule: "window.base", Severity: model.Error, Encounter: model.Window, Release: ref.Name, Against: old.Name, Action: model.Strip,
		Message: "the base changed", Hint: "h", Count: 1, Subjects: []string{"kernel/a.ko"}}
	v := model.ReleaseVerdict{Release: ref, Findings: []model.Finding{f}, Outcome: model.Outcome{Action: model.Strip}, Decision: "strip",
		Self: model.SelfResult{Judged: true, Modules: 2, WithBTF: 1, Verdicts: []model.Count{{Word: "attached", Count: 1}}, Meanings: []model.Count{}, Missing: []model.Count{}, Loads: loads(),
			Evidence: []model.EvidenceCount{{Evidence: model.ByIDs, Supports: 1}}},
		Windows: []model.WindowResult{{Old: old, Judged: true, Why: "w", BaseEqual: model.Differs, Symbols: &model.SymbolFacts{Old: 3}, Verdicts: []model.Count{}, Meanings: []model.Count{}, Loads: loads(),
			Reverse: model.ReverseResult{Judged: true, Modules: 1, Verdicts: []model.Count{}, Meanings: []model.Count{}, Loads: loads(),
				Each: []model.ReverseModule{{Path: "kernel/a.ko", Verdict: model.Blocked, Meaning: model.MeaningNone, Load: load}}}, Action: model.Strip}},
		Modules: []model.ModuleDecision{
			{Path: "kernel/a.ko", Name: "a", BTF: sum(sumA), BTFIDs: sum(sumB), Action: model.Strip, Reasons: []string{"window.base"}, Verdict: model.Attached, Meaning: model.Same, BuildBase: model.BaseConsistent, BuildBaseBy: model.ByIDs, Load: load,
				Windows: []model.ModuleWindow{{Old: 0, Verdict: model.Rejected, Meaning: model.MeaningUnknown, Action: model.Strip, Why: "x", Load: load}}},
			{Path: "kernel/b.ko", Name: "b", Reasons: []string{}, Verdict: model.Inert, Meaning: model.MeaningNone, Missing: model.NoneExpected, BuildBase: model.BaseUnknown, BuildBaseBy: model.ByAssumed, Load: load},
		}}
	return &model.Report{Schema: model.DecisionSchema, Policy: model.PolicyRef{Source: "p", SHA256: sum(sumA), Effective: sum(sumB)},
		New: []model.ReleaseRef{ref}, Old: []model.ReleaseRef{old}, Ignored: []model.IgnoredInput{{File: "f", Why: "w"}}, Releases: []model.ReleaseVerdict{v},
		Findings: []model.Finding{}, Outcome: v.Outcome, Decision: "strip", ExitCode: 3}
}

func text(t testing.TB, rep *model.Report) []byte {
	t.Helper()
	return written(rep)
}

func TestRead(t *testing.T) {
	rep := sample()
	got, err := Read(text(t, rep))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, rep) {
		t.Errorf("got  %+v\nwant %+v", got, rep)
	}
	rep.FailOn, rep.ExitCode = "bump", 0
	if _, err := Read(text(t, rep)); err != nil {
		t.Errorf("passed by --fail-on: %v", err)
	}
}

func written(rep *model.Report) []byte {
	b, _, err := document.Marshal(model.DecisionSchema, "t", rep)
	if err != nil {
		panic(err)
	}
	return b
}

// An edited decision is refused, whoever reads it.
func TestEdited(t *testing.T) {
	for old, new := range map[string]string{
		`"decision": "strip"`: `"decision": "keep"`, `"exit_code": 3`: `"exit_code": 0`, `"action":"strip"`: `"action":"keep"`, `"path":"kernel/a.ko"`: `"path":"kernel/c.ko"`,
	} {
		edited := bytes.Replace(text(t, sample()), []byte(old), []byte(new), 1)
		if rep, err := Read(edited); rep != nil || where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), "the digest does not match") {
			t.Errorf("%s: %v", new, err)
		}
	}
}

// What contradicts itself is refused although its digest fits.
func TestRefusals(t *testing.T) {
	good := text(t, sample())
	for _, c := range []struct {
		what, from, to string
		kind           where.Kind
		msg            string
	}{
		{"other major", "decision/2.1", "decision/3.0", where.Unsupported, "version 3.0, this program reads 2.x"},
		{"another document", "kpkg-btf/decision/2.1", "kpkg-btf/manifest/2.1", where.Malformed, "not that of a decision"},
		{"must understand", `"policy": {`, "\"must_understand\": [\"policy.signed\"],\n\"policy\": {\"signed\": 1,", where.Unsupported, `member "policy.signed" must be understood`},
		{"unknown verdict", `"verdict":"rejected"`, `"verdict":"pondered"`, where.Unsupported, "pondered"},
		{"missing", `"exit_code": 3`, `"exit": 3`, where.Malformed, "exit_code is missing"},
		{"bad sum", sum(sumA), sum("zz"), where.Malformed, "not a SHA-256"},
		{"a lower decision", `"decision": "strip"`, `"decision": "keep"`, where.Malformed, "strip"},
		{"a better exit code", `"exit_code": 3`, `"exit_code": 0`, where.Malformed, "exit code 0 for strip"},
		{"another window", `"windows":[{"old":0`, `"windows":[{"old":1`, where.Malformed, "window 1"},
		{"order", "kernel/b.ko", "kernel/a.ko", where.Malformed, "out of order"},
		{"an unasked action", `"action":"keep"`, `"action":"bump"`, where.Malformed, "more than the release's"},
	} {
		_, err := Read(documenttest.Edit(t, good, c.from, c.to))
		if err == nil || where.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.msg) {
			t.Errorf("%s: %v (%v)", c.what, err, where.KindOf(err))
		}
	}
	if _, err := Read(documenttest.Edit(t, good, `"policy": {`, "\"later\": {\"a\": [1]}, \"policy\": {\"new\": 1,")); err != nil {
		t.Errorf("unknown members of a minor version: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(text(f, sample()))
	f.Fuzz(func(t *testing.T, b []byte) {
		check(t, b)
		check(t, documenttest.Resum(b)) // the digest would stop nearly every mutant
	})
}

func check(t *testing.T, b []byte) {
	rep, err := Read(b)
	if (rep == nil) == (err == nil) {
		t.Fatalf("%v and %v", rep, err)
	}
	if err != nil {
		if k := where.KindOf(err); k != where.Malformed && k != where.Unsupported && k != where.Limit {
			t.Fatalf("kind %v of %v", k, err)
		}
		return
	}
	again, err := Read(text(t, rep))
	if err != nil || !reflect.DeepEqual(again, rep) {
		t.Fatalf("not read again: %v", err)
	}
}
