package report

import (
	"strings"
	"testing"

	"kpkg-btf/internal/model"
)

func sample() *model.Report {
	subjects := []string{"kernel/a.ko", "kernel/b.ko"}
	return &model.Report{
		Policy: model.PolicyRef{Source: "embedded default", SHA256: "abc"},
		New:    []model.ReleaseRef{{Name: "6.1.0-2", Arch: model.X8664, Packages: []string{"linux-image \x1b[31m2"}, Modules: 2, BTFBytes: 12345678}},
		Old:    []model.ReleaseRef{{Name: "6.1.0-1", Arch: model.X8664, Packages: []string{"linux-image 1"}, Base: model.BaseRef{SHA256: strings.Repeat("ab", 32), Types: 5, StringBytes: 7}}},
		Releases: []model.ReleaseVerdict{{
			Release: model.ReleaseRef{Name: "6.1.0-2"},
			Self: model.SelfResult{Judged: true, Modules: 2, WithBTF: 1, Verdicts: []model.Count{{Word: "attached", Count: 1}, {Word: "inert", Count: 1}}, Meanings: []model.Count{{Word: "same", Count: 1}, {Word: "none", Count: 1}},
				Missing:  []model.Count{{Word: "lost", Count: 1}},
				Evidence: []model.EvidenceCount{{Evidence: "dedup", Contradicts: 1, FirstExample: "kernel/a.ko: [5] PTR"}, {Evidence: "signature", Supports: 2}}},
			Windows: []model.WindowResult{{Action: model.Bump, Old: model.ReleaseRef{Name: "6.1.0-1"}, Judged: true, Why: "both are called so", BaseEqual: model.Differs,
				Symbols: &model.SymbolFacts{Compared: 5, Common: 6, Changed: 1, Uncovered: 1}, IfEnforced: model.Bump, IfIgnored: model.Strip}},
			Modules: []model.ModuleDecision{
				{Path: "kernel/a.ko", Verdict: model.Attached, Meaning: model.Same, Load: model.ModuleLoad{IfEnforced: model.LoadsNo}, Windows: []model.ModuleWindow{{Verdict: model.Attached, Meaning: model.Different}}},
				{Path: "kernel/b.ko", Verdict: model.Inert, Meaning: model.MeaningNone, Windows: []model.ModuleWindow{{Verdict: model.Dropped, Meaning: model.MeaningNone}}},
			},
			Findings: []model.Finding{
				{Rule: "abi.crc-changed", Encounter: model.Window, Against: "6.1.0-1", Action: model.Bump, Message: "1 exported symbol changed (kernel/a.ko, kernel/b.ko)", Count: 2, Subjects: subjects, Hint: "look"},
				{Rule: "open", Encounter: model.Self, Inconclusive: true, Message: "not known"},
				{Rule: "waived", Severity: model.Warning, Message: "the key changed", Waived: "policy signatures: ignored"},
			},
		}},
		Decision: "bump", ExitCode: 4,
	}
}

func render(t *testing.T, r *model.Report, o Options) string {
	t.Helper()
	var b strings.Builder
	if err := Text(&b, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The verdict comes first; then which modules meet which kernel, why, next.
func TestText(t *testing.T) {
	r := sample()
	r.Releases[0].Outcome = model.Outcome{Action: model.Bump, Inconclusive: true}
	r.Outcome = r.Releases[0].Outcome
	r.Policy.Source = "site.yaml"
	got := render(t, r, Options{Run: Run{Stored: "d.json"}})
	want := []string{
		"BUMP   6.1.0-2 could not have kept the name 6.1.0-1                       exit 4",
		"       1 exported symbol changed (kernel/a.ko, kernel/b.ko).",
		"       Where no machine enforces signatures: STRIP.",
		"       By policy: waived does not decide (policy signatures: ignored).",
		"",
		"  modules         on kernel     fine  without BTF  wrong types  refused",
		"  new 6.1.0-2     new              1            1            -       1*  open",
		"  new 6.1.0-2     old, running     -            1            1        -  BUMP",
		"  old and initrd  new              -            -            -        -  open",
		"  * where signatures are enforced",
		"  Why   open: not known [open]",
		"        warning: the key changed (does not decide: policy signatures: ignored)",
		"        [waived]",
		"  ABI   symbol CRCs equal: 4 of 6, changed: 1; symbols lost: 0, new: 0, without",
		"        a CRC: 1",
		"  Next  nothing to do: it ships under a new name already",
		"  By    policy site.yaml (sha256 abc…)",
		"  More  kpkg-btf help abi.crc-changed  what this finding means",
		"        kpkg-btf show d.json           everything",
		"",
	}
	if got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if v := render(t, r, Options{Verbose: true}); !strings.Contains(v, "\n             kernel/b.ko\n") || !strings.Contains(v, `new     linux-image \x1b[31m2 (6.1.0-2 x86_64)`) {
		t.Errorf("verbose is not whole:\n%s", v)
	}
}

// However many findings there are, the report fits a screen, and says how many
// it leaves out; -v has all.
func TestTextFitsAScreen(t *testing.T) {
	r := sample()
	for range 100 {
		r.Releases[0].Findings = append(r.Releases[0].Findings, r.Releases[0].Findings[0])
	}
	got := render(t, r, Options{})
	if n := strings.Count(got, "\n"); n > 24 || !strings.Contains(got, "more findings (-v)") {
		t.Errorf("%d lines:\n%s", n, got)
	}
	if n := strings.Count(render(t, r, Options{Verbose: true}), "[abi.crc-changed]"); n != 101 {
		t.Errorf("-v has %d of 101 findings", n)
	}
}

func TestBytesAndShare(t *testing.T) {
	for n, want := range map[int64]string{0: "0 bytes", 999: "999 bytes", 1500: "1.5 kB", 60226433: "60.2 MB", 2 << 30: "2.1 GB"} {
		if got := Bytes(n); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
	if share(1, 3) != "33.3 %" || share(2, 3) != "66.7 %" || share(1, 0) != "0.0 %" {
		t.Errorf("%s %s", share(1, 3), share(2, 3))
	}
}
