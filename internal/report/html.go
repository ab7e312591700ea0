package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/page"
	"kpkg-btf/internal/report/screen"
)

// HTML writes a decision as one self-contained page.
func HTML(w io.Writer, r *model.Report, o Options) error {
	d := decided{r: r, o: o}
	c := d.conclude()
	p := page.Page{
		Title: "kpkg-btf: " + c.word + " " + c.sentence, Tone: pageTone(c.tone), Word: c.word, Sentence: c.sentence, Exit: d.exit(), Lead: c.lead,
		Next: pageSteps(c.next), More: pageSteps(c.more), Generator: cmp.Or(o.Tool, "kpkg-btf"),
	}
	if len(r.Releases) != 1 {
		p.Sections = append(p.Sections, d.outcomesSection())
	}
	if len(r.Findings) > 0 {
		p.Sections = append(p.Sections, page.Section{ID: "run", Title: "Findings about this run", Findings: pageFindings(r.Findings)})
	}
	for i := range r.Releases {
		h := htmlRelease{v: &r.Releases[i], stored: cmp.Or(o.Run.Stored, "decision.json")}
		if len(r.Releases) > 1 {
			h.id, h.suffix = fmt.Sprintf("-%d", i+1), ": "+releaseName(&h.v.Release)
		}
		p.Sections = append(p.Sections, h.sections()...)
	}
	p.Sections = append(p.Sections, d.provenance())
	return p.Render(w)
}

func pageTone(t screen.Tone) page.Tone {
	switch t {
	case screen.Good:
		return page.Good
	case screen.Care:
		return page.Care
	case screen.Bad:
		return page.Bad
	}
	return page.Plain
}

func pageSteps(list []step) []page.Step {
	var out []page.Step
	for _, s := range list {
		words := make([]string, len(s.words))
		for i, w := range s.words {
			words[i] = screen.Quote(w)
		}
		out = append(out, page.Step{Command: strings.Join(words, " "), What: s.what})
	}
	return out
}

func releaseName(r *model.ReleaseRef) string { return strings.TrimSpace(r.Name + " " + string(r.Arch)) }

// outcomesSection has a row for each release.
func (d *decided) outcomesSection() page.Section {
	t := page.Table{Caption: "each release, the gravest outcome first", Head: []string{"outcome", "release", "because of", "modules"}, Right: []bool{false, false, false, true}}
	for _, g := range d.alike() {
		for _, v := range g.releases {
			by := "nothing"
			if f := decisive(v.Outcome, v.Findings); f != nil {
				by = f.Message + " [" + f.Rule + "]"
			}
			t.Rows = append(t.Rows, []page.Cell{{Text: wordOf(v.Outcome), Tone: pageTone(toneOf(v.Outcome))}, {Text: releaseName(&v.Release)}, {Text: by}, {Text: fmt.Sprint(len(v.Modules))}})
		}
	}
	return page.Section{ID: "outcomes", Title: "Outcomes", Tables: []page.Table{t}}
}

// subjectsShown bounds the subjects of one finding on a page: the list of
// modules has what becomes of each.
const subjectsShown = 300

func pageFindings(list []model.Finding) []page.Finding {
	order := slices.Clone(list)
	slices.SortStableFunc(order, func(a, b model.Finding) int { return weightOf(&a) - weightOf(&b) })
	out := make([]page.Finding, 0, len(order))
	for i := range order {
		out = append(out, pageFinding(&order[i]))
	}
	return out
}

func pageFinding(f *model.Finding) page.Finding {
	out := page.Finding{Tone: pageTone(toneOf(model.Outcome{Action: f.Action, Inconclusive: f.Inconclusive})), Label: label(f), Rule: f.Rule, Text: screen.Sentence(f.Message)}
	if f.Action == model.Keep && !f.Inconclusive {
		out.Tone = page.Plain
		if f.Severity != model.Info {
			out.Tone = page.Note
		}
	}
	for _, x := range []struct{ name, text string }{{"Hint", f.Hint}, {"Does not decide", f.Waived}, {"Set by", f.SetBy}} {
		if x.text != "" {
			out.Notes = append(out.Notes, x.name+": "+x.text)
		}
	}
	for _, how := range f.Close {
		out.Notes = append(out.Notes, "Closed by: "+how)
	}
	if r, ok := rules.Of(f.Rule); ok {
		out.Details = []page.Detail{{Name: "Means", Text: r.Means}, {Name: "Found", Text: r.Found}, {Name: "Do", Text: r.Do}}
	}
	shown := f.Subjects[:min(len(f.Subjects), subjectsShown)]
	out.Groups = byFolder(shown)
	out.SubjectsTitle = plural(f.Count, "What it is about", "What it is about: %d")
	if n := f.Count - len(shown); n > 0 && len(shown) > 0 {
		out.Left = plural(n, "and 1 more", "and %d more")
	}
	return out
}

// byFolder parts paths, which are sorted, by the folder they are in.
func byFolder(paths []string) []page.Group {
	var out []page.Group
	for _, p := range paths {
		folder, name := "", p
		if i := strings.LastIndexByte(p, '/'); i >= 0 && !strings.Contains(p, " ") {
			folder, name = p[:i+1], p[i+1:]
		}
		if n := len(out); n > 0 && out[n-1].Name == folder {
			out[n-1].Text += ", " + name
			continue
		}
		out = append(out, page.Group{Name: folder, Text: name})
	}
	return out
}

// provenance is what was read and by what it was decided.
func (d *decided) provenance() page.Section {
	r := d.r
	t := page.Table{Caption: "what was read", Head: []string{"side", "release", "packages", "modules", "BTF", "base (SHA-256)", "types", "string bytes", "from"},
		Right: []bool{false, false, false, true, true, false, true, true, false}}
	for _, x := range []struct {
		side string
		refs []model.ReleaseRef
	}{{"new", r.New}, {"old", r.Old}, {"on", r.Kernels}} {
		for i := range x.refs {
			f := &x.refs[i]
			t.Rows = append(t.Rows, []page.Cell{{Text: x.side}, {Text: releaseName(f)}, {Text: strings.Join(f.Packages, ", ")}, {Text: cell(f.Modules)}, {Text: Bytes(f.BTFBytes)},
				{Text: cmp.Or(f.Base.SHA256, "no base")}, {Text: cell(int(f.Base.Types))}, {Text: cell(int(f.Base.StringBytes))}, {Text: f.Base.Where}})
		}
	}
	facts := page.Table{Caption: "by what it was decided", Rows: [][]page.Cell{
		{{Text: "policy"}, {Text: cmp.Or(r.Policy.Source, "none")}},
		{{Text: "its text (SHA-256)"}, {Text: r.Policy.SHA256}},
		{{Text: "what it means (SHA-256)"}, {Text: r.Policy.Effective}},
	}}
	fact := func(name, text string) {
		if text != "" {
			facts.Rows = append(facts.Rows, []page.Cell{{Text: name}, {Text: text}})
		}
	}
	fact("day that waivers expire by", r.Policy.Day)
	fact("let pass", r.FailOn)
	fact("told by the environment", strings.Join(r.Variables, ", "))
	fact("decision", r.Decision)
	fact("exit code", fmt.Sprint(r.ExitCode))
	fact("document", r.Schema)
	fact("written by", d.o.Tool)
	for _, g := range r.Ignored {
		fact("ignored", g.File+": "+g.Why)
	}
	return page.Section{ID: "provenance", Title: "Provenance", Tables: []page.Table{t, facts}}
}
