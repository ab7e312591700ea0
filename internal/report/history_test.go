package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"kpkg-btf/internal/model"
)

// upload is a release with ABI number n that is judged against the two before,
// and modules of elsewhere judged on all three.
func upload(name string, n int) *model.Report {
	at := func(n int) string { return fmt.Sprintf(name, n) }
	f := func(rule string, e model.Encounter, against string) model.Finding {
		return model.Finding{Rule: rule, Encounter: e, Against: against, Release: at(n), Severity: model.Error, Action: model.Strip, Count: 1, Subjects: []string{"kernel/a.ko"},
			Message: "1 module of " + at(n) + " is odd (kernel/a.ko)"}
	}
	old := func(n int) model.WindowResult {
		return model.WindowResult{Old: model.ReleaseRef{Name: at(n), Arch: model.X8664}, Judged: true, Reverse: model.ReverseResult{Judged: true}}
	}
	kernel := model.ReleaseVerdict{Release: model.ReleaseRef{Name: at(n), Arch: model.X8664}, Self: model.SelfResult{Judged: true},
		Windows:  []model.WindowResult{old(n - 1), old(n - 2)},
		Findings: []model.Finding{f("self.btf-lost", model.Self, ""), f("self.btf-lost", model.Self, ""), f("window.base", model.Window, at(n-1)), f("window.base", model.Window, at(n-2)), f("reverse.base", model.Reverse, at(n-2))}}
	outside := model.ReleaseVerdict{Release: model.ReleaseRef{Name: at(n), Arch: model.X8664}}
	for i := range 3 {
		outside.On = append(outside.On, model.KernelResult{Kernel: model.ReleaseRef{Name: at(n - i), Arch: model.X8664}})
		outside.Findings = append(outside.Findings, f("outside.rejected", model.Outside, at(n-i)))
	}
	other := kernel
	other.Release.Arch = model.ARM64
	return &model.Report{Releases: []model.ReleaseVerdict{kernel, outside, other}, Decision: "strip", ExitCode: 3, Outcome: model.Outcome{Action: model.Strip},
		Findings: []model.Finding{{Rule: "set.new", Encounter: model.Run, Severity: model.Info, Message: "new: " + at(n)}}}
}

// Names of tests, fingerprints and categories are those of the upload before,
// and no two are equal.
func TestHistoryWithoutABI(t *testing.T) {
	tracks := map[string]*regexp.Regexp{
		"junit":  regexp.MustCompile(`(?:<testsuite name|classname)="[^"]*"(?: name="[^"]*")?`),
		"gitlab": regexp.MustCompile(`"fingerprint": "[^"]*"`),
		"sarif":  regexp.MustCompile(`"(?:id|kpkgBTF/v2)": "[^"]*"`),
	}
	for _, name := range []string{"6.1.0-%d-amd64", "6.12.%d+deb13-amd64", "5.14.0-427.%d.1.el9_4.x86_64", "6.12.%d-mine"} {
		for format, re := range tracks {
			now, next := re.FindAllString(rendered(t, upload(name, 55), format), -1), re.FindAllString(rendered(t, upload(name, 108), format), -1)
			if len(now) < 14 || !slices.Equal(now, next) {
				t.Errorf("%s, %s:\n%q\n%q", name, format, now, next)
			}
			if all := strings.Join(now, " "); strings.Contains(all, "55") && format == "junit" {
				t.Errorf("%s: an ABI number in %s", name, all)
			}
			var ids []string
			for _, id := range now {
				if strings.Contains(id, "classname") || strings.Contains(id, "ingerprint") || strings.Contains(id, "kpkgBTF/v2") || strings.HasPrefix(id, `"id": "kpkg-btf/`) {
					ids = append(ids, id)
				}
			}
			slices.Sort(ids)
			if n := len(ids); n == 0 || len(slices.Compact(ids)) != n {
				t.Errorf("%s, %s: names that are not unique among %q", name, format, ids)
			}
		}
	}
}

// An encounter's test fails when the encounter does, and each finding is in one.
func TestTrackedParts(t *testing.T) {
	r := upload("6.1.0-%d-amd64", 55)
	var got []string
	for _, x := range track(r) {
		for _, p := range x.parts {
			got = append(got, fmt.Sprintf("%s: %s %d", x.family, p.name, len(p.findings)))
		}
	}
	want := []string{
		"6.1-amd64 x86_64: self 2", "6.1-amd64 x86_64: window on 6.1-amd64 1", "6.1-amd64 x86_64: reverse of 6.1-amd64 0",
		"6.1-amd64 x86_64: window on 6.1-amd64 2 1", "6.1-amd64 x86_64: reverse of 6.1-amd64 2 1",
		"6.1-amd64 x86_64 2: modules 0", "6.1-amd64 x86_64 2: on 6.1-amd64 1", "6.1-amd64 x86_64 2: on 6.1-amd64 2 1", "6.1-amd64 x86_64 2: on 6.1-amd64 3 1",
	}
	if len(got) < len(want) || !slices.Equal(got[:len(want)], want) || got[len(got)-1] != "this run: set 1" {
		t.Errorf("%q", got)
	}
	// A finding of an encounter that the release does not list is not lost.
	lone := &model.Report{Releases: []model.ReleaseVerdict{{Release: model.ReleaseRef{Name: "6.1.0-1-amd64"}, Findings: []model.Finding{
		{Rule: "abi.lost", Encounter: model.Window, Against: "6.1.0-0-amd64", Action: model.Bump, Message: "gone"}}}}}
	if parts := track(lone)[0].parts; len(parts) != 2 || parts[1].name != "window on 6.1-amd64" || len(parts[1].findings) != 1 {
		t.Errorf("%+v", parts)
	}
}

func TestInBrief(t *testing.T) {
	long := strings.Repeat("words of a long sentence ", 9)
	for _, c := range []struct {
		message  string
		subjects []string
		want     string
	}{
		{"1 symbol is gone (foo)", []string{"foo"}, "1 symbol is gone (foo)"},
		{long + "(foo, bar and 2 more)", []string{"foo", "bar"}, "words of a long sentence words of a long sentence words of a long sentence words of a long sentence words of a … (foo)"},
		{long, nil, "words of a long sentence words of a long sentence words of a long sentence words of a long sentence words of a long …"},
		{long, []string{"long"}, "words of a long sentence words of a long sentence words of a long sentence words of a long sentence words of a long …"},
		{strings.Repeat("ä", 130), nil, strings.Repeat("ä", 118) + " …"},
		{long, []string{"kernel/" + strings.Repeat("x", 200) + ".ko"}, ""},
	} {
		got := inBrief(&model.Finding{Message: c.message, Subjects: c.subjects})
		if c.want != "" && got != c.want || utf8.RuneCountInString(got) > messageLength || !utf8.ValidString(got) {
			t.Errorf("%q: %q", c.message, got)
		}
	}
}

// No message of a format for machines is longer.
func TestMessagesAreShort(t *testing.T) {
	r := busy()
	for i := range r.Releases[0].Findings {
		r.Releases[0].Findings[i].Message += strings.Repeat(" and more <words>", 20)
	}
	r.Releases[0].Windows[0].Why, r.Releases[0].Windows[0].Judged = strings.Repeat("why ", 90), false
	for format, re := range map[string]*regexp.Regexp{
		"junit":  regexp.MustCompile(`message="([^"]*)"`),
		"gitlab": regexp.MustCompile(`"description": "([^"]*)"`),
		"sarif":  regexp.MustCompile(`"message": \{\s*"text": "([^"]*)"`),
	} {
		found := re.FindAllStringSubmatch(rendered(t, r, format), -1)
		if len(found) < 2 {
			t.Errorf("%s: %d messages", format, len(found))
		}
		for _, m := range found {
			text := strings.NewReplacer("&lt;", "<", "&gt;", ">").Replace(m[1])
			if utf8.RuneCountInString(text) > messageLength {
				t.Errorf("%s: %q", format, text)
			}
		}
	}
}
