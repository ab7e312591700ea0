package decision

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/strictjson"
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
	b, err := json.MarshalIndent(rep, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return b
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

// Every member that is required is missed, wherever it stands.
func TestMissingMembers(t *testing.T) {
	var walk func(v any, path string, visit func(path string, parent map[string]any, key string))
	walk = func(v any, path string, visit func(string, map[string]any, string)) {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				visit(strictjson.Join(path, k), v, k)
				walk(e, strictjson.Join(path, k), visit)
			}
		case []any:
			for _, e := range v {
				walk(e, path, visit)
			}
		}
	}
	optional := map[string]bool{"findings.hint": true, "findings.subjects": true, "findings.against": true, "modules.windows": true, "modules.missing": true, "windows.why": true,
		"load.says": true, "reverse.why": true, "windows.words": true, "each.words": true, "modules.self_words": true}
	n := 0
	var doc any
	if err := json.Unmarshal(text(t, sample()), &doc); err != nil {
		t.Fatal(err)
	}
	walk(doc, "", func(path string, parent map[string]any, key string) {
		n++
		if path == "schema" {
			return // schemaFirst brings it back
		}
		kept := parent[key]
		delete(parent, key)
		b, _ := json.Marshal(doc)
		parent[key] = kept
		short := path[strings.LastIndex(path[:max(strings.LastIndex(path, "."), 0)], ".")+1:]
		_, err := Read(schemaFirst(b))
		if (err == nil) != optional[short] && short != "windows.why" { // one of two is optional
			t.Errorf("without %s: %v", path, err)
		}
	})
	if n < 80 {
		t.Errorf("only %d members", n)
	}
}

// schemaFirst puts the schema where a document has it: Go's maps sort keys.
func schemaFirst(b []byte) []byte {
	s := []byte(`"schema":"` + model.DecisionSchema + `"`)
	b = bytes.Replace(b, append([]byte(","), s...), nil, 1)
	return bytes.Replace(b, []byte("{"), append([]byte("{"), append(s, ',')...), 1)
}

func TestRefusals(t *testing.T) {
	good := string(text(t, sample()))
	for _, c := range []struct {
		what, from, to string
		kind           where.Kind
		msg            string
	}{
		{"other major", "decision/1.0", "decision/2.0", where.Unsupported, "version 2.0, this program reads 1.x"},
		{"no version", "decision/1.0", "decision/one", where.Malformed, "no version"},
		{"another document", "kpkg-btf/decision/1.0", "kpkg-btf/manifest/1.0", where.Malformed, "not a decision"},
		{"must understand", `"policy": {`, `"must_understand": ["policy.signed"], "policy": {"signed": 1,`, where.Unsupported, `field "policy.signed" must be understood`},
		{"twice", `"exit_code": 3`, `"exit_code": 3, "exit_code": 3`, where.Malformed, `member "exit_code" twice`},
		{"unknown action", `"action": "strip"`, `"action": "shred"`, where.Unsupported, `"shred" is a word`},
		{"unknown verdict", `"verdict": "rejected"`, `"verdict": "pondered"`, where.Unsupported, "pondered"},
		{"fraction", `"exit_code": 3`, `"exit_code": 3.5`, where.Malformed, "exit_code: want an integer"},
		{"negative", `"old": 0`, `"old": -1`, where.Malformed, "want an integer"},
		{"too large", `"types": 5`, `"types": 5000000000`, where.Malformed, "want an integer"},
		{"null", `"new": [`, `"new": null, "x": [`, where.Malformed, "new: null"},
		{"wrong type", `"name": "a"`, `"name": ["a"]`, where.Malformed, "name: want a string"},
		{"bad sum", sum(sumA), sum("zz"), where.Malformed, "not a SHA-256"},
		{"a lower decision", `"decision": "strip"`, `"decision": "keep"`, where.Malformed, "strip"},
		{"a better exit code", `"exit_code": 3`, `"exit_code": 0`, where.Malformed, "exit code 0 for strip"},
		{"another window", `"old": 0`, `"old": 1`, where.Malformed, "window 1"},
		{"order", "kernel/b.ko", "kernel/a.ko", where.Malformed, "out of order"},
		{"an unasked action", `"action": "keep"`, `"action": "bump"`, where.Malformed, "more than the release's"},
		{"truncated", "\n}", "", where.Malformed, "truncated"},
		{"not UTF-8", "linux-image", "linux-\xff", where.Malformed, "not UTF-8"},
		{"no JSON", `"ignored": [`, `"ignored": [}`, where.Malformed, "not JSON"},
	} {
		bad := strings.Replace(good, c.from, c.to, 1)
		if c.what == "truncated" {
			bad = good[:len(good)-2]
		}
		if bad == good {
			t.Fatalf("%s: nothing replaced", c.what)
		}
		_, err := Read([]byte(bad))
		if err == nil || where.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.msg) {
			t.Errorf("%s: %v (%v)", c.what, err, where.KindOf(err))
		}
	}
	if _, err := Read([]byte(good + "\n{}")); err == nil || !strings.Contains(err.Error(), "data after") {
		t.Errorf("data after the document: %v", err)
	}
	if _, err := Read([]byte(strings.Replace(good, `"policy": {`, `"later": {"a": [1]}, "policy": {"new": 1,`, 1))); err != nil {
		t.Errorf("unknown fields of a minor version: %v", err)
	}
	if _, err := Read([]byte(`{"schema":"` + model.DecisionSchema + `","later":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "}")); err == nil {
		t.Error("20000 arrays in each other")
	}
}

func FuzzRead(f *testing.F) {
	f.Add(text(f, sample()))
	f.Add([]byte(`{"schema":"kpkg-btf/decision/1.0","must_understand":["a"],"a":1}`))
	f.Fuzz(func(t *testing.T, b []byte) {
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
	})
}

func mustText(rep *model.Report) []byte {
	b, err := json.Marshal(rep)
	if err != nil {
		panic(err)
	}
	return b
}
