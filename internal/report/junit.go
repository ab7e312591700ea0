package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// The elements of a JUnit report as GitLab, Jenkins and lintian2junit know
// them: a suite for each release; a case for each encounter, and one for each
// finding that fails, is open (an error) or was waived (skipped).
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Errors   int         `xml:"errors,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string       `xml:"classname,attr"`
		Name    string       `xml:"name,attr"`
		Failure *junitResult `xml:"failure,omitempty"`
		Error   *junitResult `xml:"error,omitempty"`
		Skipped *junitResult `xml:"skipped,omitempty"`
		Out     string       `xml:"system-out,omitempty"`
	}
	junitResult struct {
		Type    string `xml:"type,attr,omitempty"`
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes a decision as a JUnit report, without times: the same result,
// the same bytes.
func JUnit(w io.Writer, r *model.Report) error {
	all := junitSuites{Name: "kpkg-btf"}
	for _, v := range groups(r) {
		s := junitRelease(r, v)
		all.Tests, all.Failures = all.Tests+s.Tests, all.Failures+s.Failures
		all.Errors, all.Skipped = all.Errors+s.Errors, all.Skipped+s.Skipped
		all.Suites = append(all.Suites, s)
	}
	if len(r.Releases) == 0 {
		// An empty report would look like a run without complaint.
		all.Tests, all.Errors = 1, 1
		all.Suites = []junitSuite{{Name: "kpkg-btf", Tests: 1, Errors: 1, Cases: []junitCase{{Class: "kpkg-btf", Name: "inputs",
			Error: &junitResult{Type: "inconclusive", Message: "no kernel release in the inputs"}}}}}
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitRelease(r *model.Report, v *model.ReleaseVerdict) junitSuite {
	s := junitSuite{Name: strings.TrimSpace("kpkg-btf " + v.Release.Name + " " + string(v.Release.Arch))}
	class := strings.TrimSpace(v.Release.Name + "." + string(v.Release.Arch))
	first, of := "self", model.Self
	switch {
	case v.Release.Name == runName:
		first, of = "set", model.Run
	case v.Elsewhere():
		first, of = "modules", model.Outside
	}
	s.Cases = append(s.Cases, junitCase{Class: class, Name: first, Out: notes(r, v, of, "")})
	for i := range v.On {
		kernel := v.On[i].Kernel.Name
		s.Cases = append(s.Cases, junitCase{Class: class, Name: "on " + kernel, Out: notes(r, v, model.Outside, kernel)})
	}
	for i := range v.Windows {
		old := v.Windows[i].Old.Name
		s.Cases = append(s.Cases, junitCase{Class: class, Name: "window on " + old, Out: v.Windows[i].Why + "\n" + notes(r, v, model.Window, old)})
	}
	for i := range v.Findings {
		f := &v.Findings[i]
		c := junitCase{Class: class, Name: junitName(f)}
		switch {
		case f.Inconclusive:
			c.Error = &junitResult{Type: "inconclusive", Message: where.Clean(f.Message), Text: lines(f)}
			s.Errors++
		case fails(r, f):
			c.Failure = &junitResult{Type: f.Action.String(), Message: where.Clean(f.Message), Text: lines(f)}
			s.Failures++
		case f.Waived != "" || f.Action != model.Keep:
			why := f.Waived
			if why == "" {
				why = "--fail-on " + r.FailOn
			}
			c.Skipped = &junitResult{Message: where.Clean(why), Text: lines(f)}
			s.Skipped++
		default:
			continue
		}
		s.Cases = append(s.Cases, c)
	}
	s.Tests = len(s.Cases)
	return s
}

func junitName(f *model.Finding) string {
	if f.Against == "" {
		return f.Rule
	}
	return fmt.Sprintf("%s (against %s)", f.Rule, f.Against)
}

// notes are the findings of an encounter that have no case of their own.
func notes(r *model.Report, v *model.ReleaseVerdict, e model.Encounter, against string) string {
	var b strings.Builder
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Encounter != e || f.Against != against || f.Waived != "" || f.Action != model.Keep || fails(r, f) {
			continue
		}
		fmt.Fprintf(&b, "%s: [%s] %s", f.Severity, f.Rule, lines(f))
	}
	return b.String()
}
