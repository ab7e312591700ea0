package report

import (
	"encoding/xml"
	"fmt"
	"io"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// The elements of a JUnit report as GitLab, Jenkins and lintian2junit know
// them: a suite for each release, a case for each encounter.
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
// the same bytes. A case is named after its encounter and the families of its
// kernels, and is failed where a finding of that encounter fails.
func JUnit(w io.Writer, r *model.Report) error {
	all := junitSuites{Name: "kpkg-btf"}
	for _, t := range track(r) {
		s := junitRelease(r, &t)
		all.Tests, all.Failures = all.Tests+s.Tests, all.Failures+s.Failures
		all.Errors, all.Skipped = all.Errors+s.Errors, all.Skipped+s.Skipped
		all.Suites = append(all.Suites, s)
	}
	if len(r.Releases) == 0 {
		// An empty report would look like a run without complaint.
		all.Tests, all.Errors = all.Tests+1, all.Errors+1
		all.Suites = append(all.Suites, junitSuite{Name: "kpkg-btf", Tests: 1, Errors: 1, Cases: []junitCase{{Class: "kpkg-btf", Name: "inputs",
			Error: &junitResult{Type: "inconclusive", Message: "no kernel release in the inputs"}}}})
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

func junitRelease(r *model.Report, t *tracked) junitSuite {
	s := junitSuite{Name: "kpkg-btf " + where.Clean(t.family)}
	for i := range t.parts {
		c := junitPart(r, t, &t.parts[i])
		switch {
		case c.Failure != nil:
			s.Failures++
		case c.Error != nil:
			s.Errors++
		case c.Skipped != nil:
			s.Skipped++
		}
		s.Cases = append(s.Cases, c)
	}
	s.Tests = len(s.Cases)
	return s
}

// junitPart is the test of one encounter: what fails is its failure, or where
// nothing fails but is open its error; all else that was found is its output.
func junitPart(r *model.Report, t *tracked, p *part) junitCase {
	c := junitCase{Class: where.Clean(t.family), Name: where.Clean(p.name)}
	var first, open *model.Finding
	bad, out := "", where.Clean(t.v.Release.Name)
	if p.real != "" {
		out += ", " + where.Clean(p.real)
	}
	out += "\n"
	for _, f := range p.findings {
		text := fmt.Sprintf("%s: [%s] %s", label(f.Finding), where.Clean(f.Rule), lines(f.Finding))
		switch {
		case f.Inconclusive:
			bad += text
			if open == nil {
				open = f.Finding
			}
		case fails(r, f.Finding):
			bad += text
			if first == nil {
				first = f.Finding
			}
		case f.Waived == "" && f.Action != model.Keep:
			out += text + "passed by --fail-on " + where.Clean(r.FailOn) + "\n"
		default:
			out += text
		}
	}
	c.Out = out
	switch {
	case first != nil:
		c.Failure = &junitResult{Type: first.Action.String(), Message: inBrief(first), Text: bad}
	case open != nil:
		c.Error = &junitResult{Type: "inconclusive", Message: inBrief(open), Text: bad}
	case p.skipped != "":
		c.Skipped = &junitResult{Message: inBrief(&model.Finding{Message: p.skipped})}
	}
	return c
}
