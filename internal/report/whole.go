package report

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/screen"
)

// whole writes everything a decision holds: what was read, every encounter in
// figures, every finding with all its subjects, every module.
func (d *decided) whole() {
	d.s.Blank()
	for _, x := range []struct {
		side string
		refs []model.ReleaseRef
	}{{"new", d.r.New}, {"old", d.r.Old}, {"on", d.r.Kernels}} {
		for i := range x.refs {
			d.s.Entry(0, x.side, 8, screen.Strong, refText(&x.refs[i]))
		}
	}
	for _, g := range d.r.Ignored {
		d.s.Entry(0, "ignored", 8, screen.Strong, g.File+": "+g.Why)
	}
	p := d.r.Policy
	d.s.Entry(0, "policy", 8, screen.Strong, fmt.Sprintf("%s, sha256 %s, of what it means %s", p.Source, p.SHA256, p.Effective))
	for i := range d.r.Releases {
		d.release(&d.r.Releases[i])
	}
	if len(d.r.Findings) > 0 {
		d.s.Blank()
		d.s.Text(0, "Findings about this run")
		d.findings(d.r.Findings)
	}
}

// refText describes a release that was read.
func refText(r *model.ReleaseRef) string {
	text := fmt.Sprintf("%s (%s)", strings.Join(r.Packages, ", "), strings.TrimSpace(r.Name+" "+string(r.Arch)))
	if r.Scope != "" && r.Scope != "full" {
		text += ", scope " + r.Scope
	}
	if r.Modules > 0 {
		text += fmt.Sprintf(", %s with %s of BTF", model.Plural(r.Modules, "module", "modules"), Bytes(r.BTFBytes))
	}
	if r.Base.SHA256 == "" {
		return text + ", no base"
	}
	return text + fmt.Sprintf(", base %.8s… of %d types and %d string bytes", r.Base.SHA256, r.Base.Types, r.Base.StringBytes)
}

func (d *decided) release(v *model.ReleaseVerdict) {
	d.s.Blank()
	d.s.Text(0, strings.TrimSpace(v.Release.Name+" "+string(v.Release.Arch))+": "+v.Decision)
	if v.Elsewhere() {
		for _, x := range origins(v) {
			d.s.Text(2, x)
		}
	} else {
		d.selfWhole(&v.Self)
	}
	for i := range v.Windows {
		d.windowWhole(v.Release.Name, &v.Windows[i])
	}
	d.findings(v.Findings)
	d.modules(v)
}

func (d *decided) selfWhole(r *model.SelfResult) {
	if !r.Judged {
		d.s.Text(2, "on its own image: not judged")
		return
	}
	d.s.Text(2, fmt.Sprintf("on its own image: %s, %d with BTF: %s; meaning %s", model.Plural(r.Modules, "module", "modules"), r.WithBTF, fate(r.Verdicts), words(r.Meanings)))
	d.loads(r.Loads)
	var parts []string
	for _, e := range r.Evidence {
		if e.Contradicts > 0 {
			d.s.Text(4, fmt.Sprintf("%s contradicts %s: %s", e.Evidence, model.Plural(e.Contradicts, "module", "modules"), e.FirstExample))
		}
		if e.Supports > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", e.Evidence, e.Supports))
		}
	}
	if len(parts) > 0 {
		d.s.Text(4, "by evidence: "+strings.Join(parts, ", "))
	}
	if r.BuildBase != nil {
		d.s.Text(4, buildBase(r.BuildBase))
	}
	if len(r.Missing) > 0 {
		d.s.Text(4, "without BTF: "+words(r.Missing))
	}
}

// buildBase says how well the base is known that modules were encoded against,
// and how often that kind of knowledge fails.
func buildBase(b *model.BuildBaseResult) string {
	text := "encoded against this base: " + words(b.Grades)
	if !slices.ContainsFunc(b.Grades, func(c model.Count) bool { return c.Word == string(model.BaseConsistent) }) {
		return text
	}
	return text + fmt.Sprintf("; had vmlinux been linked again after them, at least %d %% of wrong ones would be noticed, of one among right ones %d %% (kernels %s)",
		b.NoticedTogether, b.NoticedAlone, b.Kernel)
}

func (d *decided) windowWhole(name string, w *model.WindowResult) {
	if !w.Judged {
		d.s.Text(2, fmt.Sprintf("%s on %s: no window: %s", name, w.Old.Name, w.Why))
	} else {
		d.s.Text(2, fmt.Sprintf("%s on %s, still booted: %s", name, w.Old.Name, w.Why))
	}
	base := string(w.BaseEqual)
	if w.BaseEqual == model.Equal && w.Old.Base.SHA256 == "" {
		base = "none on either side"
	}
	symbols := "exported symbols: not known"
	if w.Symbols != nil {
		symbols = symbolText(w.Symbols)
	}
	d.s.Text(4, "base: "+base+"; "+symbols)
	if !w.Judged {
		return
	}
	if len(w.Verdicts) > 0 {
		d.s.Text(4, fate(w.Verdicts)+"; meaning "+words(w.Meanings))
	}
	d.loads(w.Loads)
	if x := &w.SameAt; x.Known > 0 {
		d.s.Text(4, fmt.Sprintf("of %d compared, %d mean the same by identity, %d by value, %d deep", x.Known, x.Identity, x.ByValue, x.Deep))
	}
	d.s.Text(4, fmt.Sprintf("needs: %s where signatures are enforced, %s where not", w.IfEnforced, w.IfIgnored))
	r := &w.Reverse
	if !r.Judged {
		if r.Why != "" {
			d.s.Text(2, fmt.Sprintf("%s on %s: not judged: %s", w.Old.Name, name, r.Why))
		}
		return
	}
	d.s.Text(2, fmt.Sprintf("%s on %s, what was built on the old base and not rebuilt: %s: %s; meaning %s", w.Old.Name, name, model.Plural(r.Modules, "module", "modules"), fate(r.Verdicts), words(r.Meanings)))
	if r.Why != "" {
		d.s.Text(4, r.Why)
		return
	}
	d.loads(r.Loads)
}

func (d *decided) loads(l model.LoadCounts) {
	if all(l.Ignored) && all(l.Enforced) {
		return
	}
	d.s.Text(4, fmt.Sprintf("by signature, vermagic and symbols: %s; where signatures are enforced: %s", loadText(l.Ignored), loadText(l.Enforced)))
}

// findings are written whole.
func (d *decided) findings(list []model.Finding) {
	for i := range list {
		f := &list[i]
		d.s.Blank()
		d.s.Entry(2, label(f), 9, toneOf(model.Outcome{Action: f.Action, Inconclusive: f.Inconclusive}), f.Message+" ["+f.Rule+"]")
		for _, x := range []struct{ name, text string }{{"hint", f.Hint}, {"does not decide", f.Waived}, {"set by", f.SetBy}} {
			if x.text != "" {
				d.s.Entry(11, x.name+":", len(x.name)+2, screen.Plain, x.text)
			}
		}
		if f.Count > 1 { // the sentence names one
			for _, x := range f.Subjects {
				d.s.Text(13, x)
			}
		}
		if n := f.Count - len(f.Subjects); n > 0 && len(f.Subjects) > 0 {
			d.s.Text(13, plural(n, "1 more, which the document does not name", "%d more, which the document does not name"))
		}
	}
}

// modules are one line each, and below it what there is to say.
func (d *decided) modules(v *model.ReleaseVerdict) {
	if len(v.Modules) == 0 {
		return
	}
	d.s.Blank()
	d.s.Text(2, "Modules: what each kernel does with them, and what they need")
	for i := range v.Modules {
		m := &v.Modules[i]
		parts := []string{}
		if !v.Elsewhere() {
			parts = append(parts, "own kernel: "+FateOf(m.Verdict, m.Meaning).String())
		}
		for k := range m.Windows {
			if x := &m.Windows[k]; x.Old < len(v.Windows) && v.Windows[x.Old].Judged {
				parts = append(parts, v.Windows[x.Old].Old.Name+": "+FateOf(x.Verdict, x.Meaning).String())
			}
		}
		for k := range m.On {
			x := &m.On[k]
			parts = append(parts, fmt.Sprintf("%s: %s, %s, vermagic %s, signature %s, needs %s", v.On[x.Kernel].Kernel.Name, FateOf(x.Verdict, x.Meaning), crcs(x), x.Vermagic, x.Load.Signature, x.Needs()))
		}
		d.s.Entry(2, m.Path, 4, screen.Plain, m.Action.String()+"; "+strings.Join(parts, "; "))
		for _, w := range moduleWords(m) {
			d.s.Text(6, w)
		}
	}
}

// moduleWords are what kernels, and the judge, say of a module.
func moduleWords(m *model.ModuleDecision) []string {
	var out []string
	add := func(text string) {
		if text == "" {
			return
		}
		for _, x := range out {
			if x == text {
				return
			}
		}
		out = append(out, text)
	}
	add(m.Words)
	add(m.MissingWhy)
	for i := range m.Windows {
		add(m.Windows[i].Why)
		add(m.Windows[i].Words)
		add(m.Windows[i].Differs)
	}
	for i := range m.On {
		add(m.On[i].Why)
		add(m.On[i].Words)
	}
	if m.SetBy != "" {
		add("set by " + m.SetBy)
	}
	return out
}

func crcs(c *model.ModuleOn) string {
	if c.Compared+c.Missing == 0 {
		return "no symbol CRCs compared"
	}
	out := fmt.Sprintf("%d of %d symbol CRCs equal", c.Compared-c.Changed, c.Compared)
	if c.Missing > 0 {
		out += fmt.Sprintf(", %d missing", c.Missing)
	}
	return out
}
