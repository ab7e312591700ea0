package report

import (
	"bytes"
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/joshdk/go-junit"
	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/xeipuuv/gojsonschema"

	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
	"kpkg-btf/internal/where"
)

// busy is a decision with a finding of every sort.
func busy() *model.Report {
	r := sample()
	v := &r.Releases[0]
	v.Release.Arch, v.Release.Base.SHA256 = model.X8664, strings.Repeat("cd", 32)
	v.Release.Packages = []string{"linux image 2"}
	v.Findings[0].Encounter, v.Findings[0].Against = model.Window, "6.1.0-1"
	v.Findings[2].Encounter = model.Self
	v.Findings = append(v.Findings,
		model.Finding{Rule: "self.note", Encounter: model.Self, Severity: model.Info, Message: "a note"},
		model.Finding{Rule: "window.dropped", Encounter: model.Window, Against: "6.1.0-1", Severity: model.Warning, Message: "no BTF until reboot"},
		model.Finding{Rule: "self.lost", Encounter: model.Self, Severity: model.Error, Action: model.Strip, Message: "repair", Subjects: []string{"kernel/<a>.ko"}, Count: 3})
	v.Modules = []model.ModuleDecision{{Path: "kernel/a.ko", Name: "a", Verdict: model.Attached, Meaning: model.Same,
		Load: model.ModuleLoad{Loads: model.LoadsYes, IfEnforced: model.LoadsYes}}}
	r.Schema = model.DecisionSchema
	return r
}

// What decides is in every format, when it is about the run itself too.
func TestRunFindings(t *testing.T) {
	r := busy()
	r.Findings = []model.Finding{{Rule: "set.missing", Severity: model.Error, Encounter: model.Run, Inconclusive: true, Message: "a release is missing", Subjects: []string{"6.1.0-2 aarch64"}},
		{Rule: "policy.note", Severity: model.Info, Encounter: model.Run, Message: "a waiver"}}
	for _, f := range []string{"github", "gitlab", "html", "json", "jsonl", "junit", "markdown", "sarif", "text"} {
		if text := rendered(t, r, f); !strings.Contains(text, "set.missing") || !strings.Contains(strings.ToLower(text), "a release is missing") {
			t.Errorf("%s leaves it out:\n%s", f, text)
		}
	}
	suites, err := junit.Ingest([]byte(rendered(t, r, "junit")))
	if err != nil || len(suites) != 2 || suites[1].Name != "kpkg-btf this run" || suites[1].Totals.Error != 1 || suites[1].Totals.Passed != 0 {
		t.Fatalf("%v %+v", err, suites)
	}
	if out := suites[1].Tests[0].SystemOut; suites[1].Tests[0].Name != "set" || !strings.Contains(out, "[policy.note] a waiver") {
		t.Errorf("notes of the run: %q", out)
	}
}

func rendered(t *testing.T, r *model.Report, format string) string {
	t.Helper()
	if strings.HasPrefix(format, "json") {
		r = whole(t, r)
	}
	var b bytes.Buffer
	if err := Render(&b, r, format, Options{Tool: "kpkg-btf 1.2", Source: "debian/changelog"}); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

func TestRenderKnowsItsFormats(t *testing.T) {
	if got := strings.Join(Formats(), " "); got != "github gitlab html json jsonl junit kbuild markdown sarif substvars text" {
		t.Errorf("formats %q", got)
	}
	for _, f := range Formats() {
		first, again := rendered(t, busy(), f), rendered(t, busy(), f)
		if first != again || rendered(t, &model.Report{}, f) == "" {
			t.Errorf("%s: not the same bytes, or nothing of an empty report", f)
		}
	}
	if err := Render(&bytes.Buffer{}, busy(), "pdf", Options{}); where.KindOf(err) != where.Usage {
		t.Error(err)
	}
}

// Another reader of JUnit sees one test an encounter, failed where it fails.
func TestJUnit(t *testing.T) {
	cases := func(r *model.Report) []string {
		suites, err := junit.Ingest([]byte(rendered(t, r, "junit")))
		if err != nil || len(suites) != 1 || suites[0].Name != "kpkg-btf 6.1-N x86_64" {
			t.Fatalf("%v %+v", err, suites)
		}
		var got []string
		totals := junit.Totals{}
		for _, c := range suites[0].Tests {
			got = append(got, c.Name+": "+string(c.Status))
			totals.Tests++
			switch c.Status {
			case junit.StatusFailed:
				totals.Failed++
			case junit.StatusError:
				totals.Error++
			case junit.StatusSkipped:
				totals.Skipped++
			}
		}
		if s := suites[0].Totals; s.Tests != totals.Tests || s.Failed != totals.Failed || s.Error != totals.Error || s.Skipped != totals.Skipped {
			t.Errorf("totals %+v, counted %+v", s, totals)
		}
		return got
	}
	r := busy()
	if got, want := cases(r), []string{"self: failed", "window on 6.1-N: failed", "reverse of 6.1-N: passed"}; !slices.Equal(got, want) {
		t.Errorf("cases %q, want %q", got, want)
	}
	text := rendered(t, r, "junit")
	for _, want := range []string{"kernel/&lt;a&gt;.ko", "- and 2 more", "warning: [window.dropped] no BTF until reboot", "does not decide: policy signatures: ignored",
		`<failure type="bump" message="1 exported symbol changed`, "6.1.0-2, 6.1.0-1"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if strings.Contains(text, "time") {
		t.Errorf("a time in\n%s", text)
	}
	// Where nothing fails an open question is an error, and what --fail-on lets
	// pass is said.
	r.FailOn = "rebuild"
	if got, want := cases(r)[:2], []string{"self: error", "window on 6.1-N: passed"}; !slices.Equal(got, want) {
		t.Errorf("cases %q, want %q", got, want)
	}
	if text := rendered(t, r, "junit"); strings.Count(text, "passed by --fail-on rebuild") != 2 {
		t.Errorf("what --fail-on lets pass is not named:\n%s", text)
	}
	// An encounter that was not judged has not passed.
	r.Releases[0].Windows[0].Judged, r.Releases[0].Windows[0].Why = false, "the names differ"
	if text := rendered(t, r, "junit"); !strings.Contains(text, `<skipped message="the names differ">`) {
		t.Errorf("not judged:\n%s", text)
	}
	none, err := junit.Ingest([]byte(rendered(t, &model.Report{}, "junit")))
	if err != nil || len(none) != 1 || none[0].Totals.Error != 1 {
		t.Errorf("nothing judged: %v %+v", err, none)
	}
}

// sarifSchema is OASIS's schema as go-sarif carries it, in a constant that it
// keeps to itself: its own Validate looks at what it would write, not at ours.
func sarifSchema(t *testing.T) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif").Output()
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(strings.TrimSpace(string(dir)), "schema.go"), nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	spec := file.Scope.Lookup("schema").Decl.(*ast.ValueSpec)
	text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
	if err != nil || len(text) < 100000 {
		t.Fatalf("schema of %d bytes: %v", len(text), err)
	}
	return text
}

// The schema of OASIS accepts the log, full and empty.
func TestSARIF(t *testing.T) {
	for _, r := range []*model.Report{busy(), {}} {
		text := rendered(t, r, "sarif")
		res, err := gojsonschema.Validate(gojsonschema.NewStringLoader(sarifSchema(t)), gojsonschema.NewStringLoader(text))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range res.Errors() {
			t.Errorf("%v in\n%s", e, text)
		}
	}
	log, _ := sarif.FromString(rendered(t, busy(), "sarif"))
	run := log.Runs[0]
	if *run.Tool.Driver.Name != "kpkg-btf" || *run.Tool.Driver.Version != "1.2" || len(run.Results) != 6 || len(run.Tool.Driver.Rules) != 6 {
		t.Fatalf("run %+v", run)
	}
	var levels []string
	for _, res := range run.Results {
		if *run.Tool.Driver.Rules[res.RuleIndex].ID != *res.RuleID {
			t.Errorf("rule index of %s", *res.RuleID)
		}
		levels = append(levels, res.Level)
	}
	if got := strings.Join(levels, " "); got != "error warning note error error warning" {
		t.Errorf("levels %s", got)
	}
	if s := run.Results[1].Suppressions; len(s) != 1 || *s[0].Justification != "policy signatures: ignored" {
		t.Errorf("suppressions %+v", s)
	}
	loc := run.Results[3].Locations[0]
	if uri := *loc.PhysicalLocation.ArtifactLocation.URI; uri != "debian/changelog" || *loc.LogicalLocations[0].FullyQualifiedName != "kernel/<a>.ko" {
		t.Errorf("uri %q, %+v", uri, loc)
	}
	if id := *run.AutomationDetails.ID; id != "kpkg-btf/6.1-N/x86_64/" {
		t.Errorf("automation %q", id)
	}
	for _, d := range run.Tool.Driver.Rules {
		about, known := rules.Of(*d.ID)
		if !known {
			if d.ShortDescription != nil {
				t.Errorf("%s is described and not in the catalogue", *d.ID)
			}
			continue
		}
		if *d.ShortDescription.Text != screen.Sentence(about.Summary) || *d.FullDescription.Text != about.Means || !strings.Contains(*d.Help.Text, about.Do) || d.DefaultConfiguration.Level == "" {
			t.Errorf("%s is not described as in the catalogue", *d.ID)
		}
	}
}

// GitLab's page on code quality names these fields as required and their
// severities as the only ones.
func TestGitLab(t *testing.T) {
	var issues []struct {
		Description string `json:"description"`
		CheckName   string `json:"check_name"`
		Fingerprint string `json:"fingerprint"`
		Severity    string `json:"severity"`
		Location    struct {
			Path  string `json:"path"`
			Lines struct {
				Begin int `json:"begin"`
			} `json:"lines"`
		} `json:"location"`
	}
	if err := json.Unmarshal([]byte(rendered(t, busy(), "gitlab")), &issues); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	var severities []string
	for _, i := range issues {
		if i.Description == "" || i.CheckName == "" || i.Location.Path != "debian/changelog" || i.Location.Lines.Begin != 1 || len(i.Fingerprint) != 32 || seen[i.Fingerprint] {
			t.Errorf("issue %+v", i)
		}
		seen[i.Fingerprint] = true
		severities = append(severities, i.Severity)
	}
	if got := strings.Join(severities, " "); got != "critical minor info major critical minor" {
		t.Errorf("severities %s", got)
	}
	r := busy()
	r.Releases[0].Findings[0].Message = "2 exported symbols changed"
	if a, b := rendered(t, busy(), "gitlab"), rendered(t, r, "gitlab"); strings.Split(a, "fingerprint")[1][:40] != strings.Split(b, "fingerprint")[1][:40] {
		t.Error("another count is another finding")
	}
	var none bytes.Buffer
	if err := Render(&none, busy(), "gitlab", Options{}); err != nil || strings.Count(none.String(), `"path": "kpkg-btf"`) != len(issues) {
		t.Errorf("without a file of the repository: %v %s", err, none.String())
	}
	if got := rendered(t, &model.Report{}, "gitlab"); !strings.Contains(got, "no kernel release") {
		t.Errorf("nothing judged is a clean report: %s", got)
	}
}

func TestJSONLines(t *testing.T) {
	var kinds []string
	for line := range strings.Lines(rendered(t, busy(), "jsonl")) {
		var e struct{ Event, Schema, Release, Decision string }
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, e.Event)
		if e.Event == "start" && e.Schema != EventsSchema || e.Event == "finding" && e.Release != "6.1.0-2" || e.Event == "decision" && e.Decision != "bump" {
			t.Errorf("line %s", line)
		}
	}
	if got := strings.Join(kinds, " "); got != "start release finding finding finding finding finding finding module decision" {
		t.Errorf("events %s", got)
	}
}

func TestSubstvars(t *testing.T) {
	sum := strings.Repeat("cd", 32)
	want := "btf:Base=" + sum + "\nbtf:Provides=kernel-btf-cdcdcdcdcdcdcdcd\nbtf:Depends=\nbtf:Decision=bump\n"
	if got := rendered(t, busy(), "substvars"); got != want {
		t.Errorf("%q", got)
	}
	r := busy()
	r.Releases = append(r.Releases, r.Releases[0], model.ReleaseVerdict{Release: model.ReleaseRef{Base: model.BaseRef{SHA256: strings.Repeat("12", 32)}}})
	got := rendered(t, r, "substvars")
	if !strings.Contains(got, "btf:Provides=kernel-btf-1212121212121212, kernel-btf-cdcdcdcdcdcdcdcd\n") {
		t.Errorf("%q", got)
	}
	// deb-substvars(5): a name begins with a letter or digit and goes on with those, - and :.
	for line := range strings.Lines(got) {
		if !regexp.MustCompile(`^[A-Za-z0-9][-:A-Za-z0-9]*=.*\n$`).MatchString(line) {
			t.Errorf("line %q", line)
		}
	}
}
