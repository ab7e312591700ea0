package report

import (
	"fmt"
	"io"
	"slices"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Options are what a reader of a report may ask for.
type Options struct {
	Verbose bool   // text: everything there is
	Width   int    // text: columns, 0 for the default
	Colour  bool   // text
	Run     Run    // text: what printed commands go on from
	Tool    string // name and version of the program, for formats that name it
	// Source is the file of the repository that findings point to in formats
	// that want one: debian/changelog, a spec; "" where there is none.
	Source string
}

// formats are the renderings of a decision, by the word on the command line.
var formats = map[string]func(io.Writer, *model.Report, Options) error{
	"text":      Text,
	"html":      HTML,
	"json":      func(w io.Writer, r *model.Report, o Options) error { return JSON(w, o.Tool, r) },
	"jsonl":     func(w io.Writer, r *model.Report, _ Options) error { return JSONLines(w, r) },
	"junit":     func(w io.Writer, r *model.Report, _ Options) error { return JUnit(w, r) },
	"sarif":     SARIF,
	"gitlab":    GitLab,
	"github":    GitHub,
	"markdown":  Markdown,
	"kbuild":    func(w io.Writer, r *model.Report, _ Options) error { return Kbuild(w, r) },
	"substvars": func(w io.Writer, r *model.Report, _ Options) error { return Substvars(w, r) },
}

// Formats are the words that Render knows, sorted.
func Formats() []string {
	var names []string
	for n := range formats {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Render writes a decision in one of Formats. Formats never change what was
// decided, nor the exit code.
func Render(w io.Writer, r *model.Report, format string, o Options) error {
	f, ok := formats[format]
	if !ok {
		return where.New(where.Usage, "no format %q", format)
	}
	return f(w, r, o)
}

// runName stands for a release where a finding is about the run itself.
const runName = "this run"

// groups are the releases, and behind them the findings about the run itself
// (a release that is missing in the set, a waiver that has expired) as if of
// one more: no format may leave out what decides.
func groups(r *model.Report) []*model.ReleaseVerdict {
	var all []*model.ReleaseVerdict
	for i := range r.Releases {
		all = append(all, &r.Releases[i])
	}
	if len(r.Findings) > 0 {
		all = append(all, &model.ReleaseVerdict{Release: model.ReleaseRef{Name: runName}, Findings: r.Findings})
	}
	return all
}

// fails reports whether a finding makes the run fail: it decides, or leaves the
// question open, and neither the policy nor --fail-on lets it pass.
func fails(r *model.Report, f *model.Finding) bool {
	if f.Inconclusive {
		return true
	}
	code := model.Outcome{Action: f.Action}.ExitCode()
	return f.Action != model.Keep && !slices.Contains(PassedBy(r.FailOn), code)
}

// PassedBy are the exit codes that a value of --fail-on turns into 0.
func PassedBy(failOn string) []int {
	switch failOn {
	case "bump":
		return []int{model.ExitRepair}
	case "rebuild":
		return []int{model.ExitRepair, model.ExitBump}
	}
	return nil
}

// listed is how many subjects a foreign format lists of a finding.
const listed = 100

// lines is a finding in full: message, subjects, hint, what lowered it.
func lines(f *model.Finding) string {
	out := where.Clean(f.Message) + "\n"
	shown := f.Subjects[:min(len(f.Subjects), listed)]
	for _, s := range shown {
		out += "- " + where.Clean(s) + "\n"
	}
	if n := f.Count - len(shown); n > 0 && len(shown) > 0 {
		out += fmt.Sprintf("- and %d more\n", n)
	}
	if f.Hint != "" {
		out += "hint: " + where.Clean(f.Hint) + "\n"
	}
	if f.Waived != "" {
		out += "does not decide: " + where.Clean(f.Waived) + "\n"
	}
	return out
}
