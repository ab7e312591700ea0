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
			Windows: []model.WindowResult{{Old: model.ReleaseRef{Name: "6.1.0-1"}, Judged: true, Why: "both are called so", BaseEqual: model.Differs,
				Symbols: &model.SymbolFacts{Compared: 5, Common: 6, Changed: 1, Uncovered: 1}, IfEnforced: model.Bump, IfIgnored: model.Strip}},
			Findings: []model.Finding{
				{Rule: "abi.crc-changed", Action: model.Bump, Message: "1 exported symbol changed", Count: 2, Subjects: subjects, Hint: "look"},
				{Rule: "open", Inconclusive: true, Message: "not known"},
				{Rule: "waived", Severity: model.Warning, Message: "the key changed", Waived: "policy signatures: ignored"},
			},
		}},
		Decision: "bump", ExitCode: 4,
	}
}

func render(t *testing.T, r *model.Report, verbose bool) string {
	t.Helper()
	var b strings.Builder
	if err := Text(&b, r, verbose); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The first lines name what was taken as new and as old; the last the decision.
func TestText(t *testing.T) {
	got := render(t, sample(), false)
	want := []string{
		`new: linux-image \x1b[31m2 (6.1.0-2 x86_64), 2 modules with 12.3 MB of BTF, no base`,
		"old: linux-image 1 (6.1.0-1 x86_64), base abababab… (5 types, 7 string bytes)",
		"",
		"6.1.0-2 on its own image",
		"  2 modules, 1 with BTF: 1 load with their BTF, 1 load without BTF; meaning same 1, none 1",
		"  dedup contradicts 1 module: kernel/a.ko: [5] PTR",
		"  consistent by evidence: signature 2",
		"  without BTF: lost 1",
		"6.1.0-2 on 6.1.0-1, still booted",
		"  both are called so",
		"  base: differs; exported symbols: 5 of 6 compared, 1 changed, 0 lost, 0 new, 1 without CRC",
		"  needs: bump where signatures are enforced, strip where not",
		"  bump         1 exported symbol changed [abi.crc-changed]",
		"               hint: look",
		"  inconclusive not known [open]",
		"  warning      the key changed [waived]",
		"               does not decide: policy signatures: ignored",
		"",
		"policy: embedded default (sha256 abc)",
		"decision: bump (exit 4)",
		"",
	}
	if got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if v := render(t, sample(), true); !strings.Contains(v, "- kernel/b.ko") {
		t.Errorf("verbose lists no subjects:\n%s", v)
	}
}

// However many findings there are, the report fits a screen.
func TestTextFitsAScreen(t *testing.T) {
	r := sample()
	for range 100 {
		r.Releases[0].Findings = append(r.Releases[0].Findings, r.Releases[0].Findings[0])
	}
	if n := strings.Count(render(t, r, false), "\n"); n > 45 {
		t.Errorf("%d lines", n)
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
