package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// Show writes everything that a decision holds about one thing: a finding by
// its rule, a module by its name or path, a symbol or a type by its name. It
// reports whether there was anything.
func Show(w io.Writer, r *model.Report, thing string, o Options) (bool, error) {
	o.Verbose = true
	s := screen.New(w, o.Width, o.Colour)
	d := decided{r: r, o: o, s: s}
	found := d.showRule(thing)
	for i := range r.Releases {
		v := &r.Releases[i]
		found = d.showModules(v, thing) || found
		found = d.showTypes(v, thing) || found
	}
	if !found {
		found = d.showSubject(thing)
	}
	if !found {
		return false, nil
	}
	return true, s.Flush()
}

// Things are the names that Show finds in a decision, for suggestions.
func Things(r *model.Report) []string {
	var names []string
	add := func(list []model.Finding) {
		for i := range list {
			names = append(append(names, list[i].Rule), list[i].Subjects...)
		}
	}
	add(r.Findings)
	for i := range r.Releases {
		v := &r.Releases[i]
		add(v.Findings)
		for k := range v.Modules {
			names = append(names, v.Modules[k].Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// head is the line above what is shown of one release.
func (d *decided) head(word, text string) {
	if d.s.Lines() > 0 {
		d.s.Blank()
	}
	d.s.Headline(word, screen.Strong, text, "")
}

func (d *decided) showRule(id string) bool {
	found := false
	lists := [][]model.Finding{d.r.Findings}
	names := []string{runName}
	for i := range d.r.Releases {
		lists = append(lists, d.r.Releases[i].Findings)
		names = append(names, d.r.Releases[i].Release.Name)
	}
	for i, list := range lists {
		var of []model.Finding
		for k := range list {
			if list[k].Rule == id {
				of = append(of, list[k])
			}
		}
		if len(of) == 0 {
			continue
		}
		summary := ""
		if r, ok := rules.Of(id); ok {
			summary = ": " + r.Summary
		}
		d.head(id, names[i]+summary)
		d.findings(of)
		found = true
	}
	if found {
		d.s.Blank()
		steps(d.s, "More", []step{{[]string{"kpkg-btf", "help", id}, "what this finding means"}})
	}
	return found
}

// isModule reports whether a module goes by a name: its path, a tail of its
// path, or its name with "-" or "_".
func isModule(m *model.ModuleDecision, name string) bool {
	return m.Path == name || strings.HasSuffix(m.Path, "/"+name) || m.Name == model.ModuleName(name)
}

func (d *decided) showModules(v *model.ReleaseVerdict, name string) bool {
	found := false
	for i := range v.Modules {
		m := &v.Modules[i]
		if !isModule(m, name) {
			continue
		}
		found = true
		d.head(m.Name, v.Release.Name+", "+m.Path+": "+m.Action.String())
		d.s.Blank()
		d.moduleFacts(v, m)
		for k := range v.Windows {
			for j := range v.Windows[k].Reverse.Each {
				x := &v.Windows[k].Reverse.Each[j]
				if x.Path == m.Path {
					d.onKernel("the one of "+v.Windows[k].Old.Name+" on the new kernel", x.Verdict, x.Meaning, &x.Load, x.Words)
				}
			}
		}
		d.findingsAbout(v.Findings, m.Path, m.Name)
	}
	return found
}

func (d *decided) moduleFacts(v *model.ReleaseVerdict, m *model.ModuleDecision) {
	for _, x := range []struct{ name, text string }{
		{".BTF", m.BTF}, {".BTF.base", m.BTFBase}, {".BTF_ids", m.BTFIDs}, {"missing", string(m.Missing)}, {"why", m.MissingWhy},
		{"base by", string(m.BuildBase)}, {"built on", m.BuiltOn}, {"set by", m.SetBy}, {"reasons", strings.Join(m.Reasons, ", ")},
	} {
		if x.text != "" {
			d.s.Entry(2, x.name, 12, screen.Plain, x.text)
		}
	}
	if !v.Elsewhere() {
		d.onKernel("own kernel", m.Verdict, m.Meaning, &m.Load, m.Words)
	}
	for k := range m.Windows {
		x := &m.Windows[k]
		if x.Old < len(v.Windows) && v.Windows[x.Old].Judged {
			d.onKernel("on "+v.Windows[x.Old].Old.Name+", needs "+x.Action.String(), x.Verdict, x.Meaning, &x.Load, x.Why, x.Words, x.Differs)
		}
	}
	for k := range m.On {
		x := &m.On[k]
		d.onKernel(fmt.Sprintf("on %s, needs %s", v.On[x.Kernel].Kernel.Name, x.Needs()), x.Verdict, x.Meaning, &x.Load, crcs(x), "vermagic "+x.Vermagic, x.Why, x.Words)
	}
}

// onKernel is what becomes of a module on one kernel.
func (d *decided) onKernel(name string, v model.Verdict, m model.Meaning, l *model.ModuleLoad, words ...string) {
	d.s.Entry(2, name+":", 4, screen.Strong, fmt.Sprintf("%s (BTF %s, meaning %s); loads: %s, where signatures are enforced: %s; signature %s", FateOf(v, m), v, m, l.Loads, l.IfEnforced, l.Signature))
	words = append(append(slices.Clone(words), l.Says...), l.Open...)
	for i, x := range words {
		if x != "" && !slices.Contains(words[:i], x) {
			d.s.Text(6, x)
		}
	}
	if l.More > 0 {
		d.s.Text(6, plural(l.More, "and one more refusal", "and %d more refusals"))
	}
}

// findingsAbout are the findings that name a subject.
func (d *decided) findingsAbout(list []model.Finding, names ...string) bool {
	found := false
	for i := range list {
		f := &list[i]
		if slices.ContainsFunc(names, func(n string) bool { return slices.Contains(f.Subjects, n) }) {
			d.s.Entry(2, label(f), 9, toneOf(model.Outcome{Action: f.Action, Inconclusive: f.Inconclusive}), f.Message+" ["+f.Rule+"]")
			found = true
		}
	}
	return found
}

// showTypes are the types that changed between two bases.
func (d *decided) showTypes(v *model.ReleaseVerdict, name string) bool {
	found := false
	bare := func(s string) string {
		for _, p := range []string{"struct ", "union ", "enum ", "typedef "} {
			s = strings.TrimPrefix(s, p)
		}
		return s
	}
	for k := range v.Windows {
		c := v.Windows[k].Change
		if c == nil {
			continue
		}
		for _, t := range c.Types {
			if t.Name != name && bare(t.Name) != bare(name) {
				continue
			}
			if !found {
				d.head(t.Name, v.Release.Name+" against "+v.Windows[k].Old.Name+": changed")
			}
			found = true
			d.s.Text(2, fmt.Sprintf("type id %d was %d, size %d was %d bytes", t.NewID, t.OldID, t.NewSize, t.OldSize))
		}
		if found {
			d.mentions(v, k, bare(name))
		}
	}
	return found
}

// mentions are the modules of whose first difference a type is part.
func (d *decided) mentions(v *model.ReleaseVerdict, k int, name string) {
	for i := range v.Modules {
		m := &v.Modules[i]
		if k < len(m.Windows) && slices.Contains(strings.FieldsFunc(m.Windows[k].Differs, func(r rune) bool { return strings.ContainsRune(" ,:;()*[]", r) }), name) {
			d.s.Entry(2, m.Path, 4, screen.Plain, m.Windows[k].Differs)
		}
	}
	d.s.Blank()
	steps(d.s, "More", []step{{[]string{"kpkg-btf", "diff", "OLD", "NEW"}, "the type in C, and what reaches it"}})
}

// showSubject is everything that names a symbol, or else mentions the word.
func (d *decided) showSubject(name string) bool {
	found := false
	show := func(release string, list []model.Finding) {
		var of []model.Finding
		for i := range list {
			f := list[i]
			if slices.Contains(f.Subjects, name) {
				f.Subjects = []string{name}
				of = append(of, f)
			}
		}
		if len(of) == 0 {
			return
		}
		found = true
		d.head(name, release)
		for i := range of {
			f := &of[i]
			d.s.Entry(2, label(f), 9, toneOf(model.Outcome{Action: f.Action, Inconclusive: f.Inconclusive}), f.Message+" ["+f.Rule+"]")
			if f.Hint != "" {
				d.s.Entry(11, "hint:", 6, screen.Plain, f.Hint)
			}
		}
	}
	show(runName, d.r.Findings)
	for i := range d.r.Releases {
		show(d.r.Releases[i].Release.Name, d.r.Releases[i].Findings)
	}
	return found
}
