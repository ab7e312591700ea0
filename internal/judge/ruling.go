package judge

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/policy"
)

// judged are the notes of one release after the policy ruled on them, in one
// pass: nothing is added to it.
type judged struct {
	list []ruled
	// touched are the modules whose action the policy changed, by encounter and
	// path: there the findings say what is to be done.
	touched map[moduleIn]string
}

// meeting is the encounter that a finding is of: the window on an older
// kernel, or a kernel that modules of elsewhere are judged on; neither for self.
type meeting struct {
	window *window
	host   *kernel.Kernel
}

// moduleIn is a module in one encounter.
type moduleIn struct {
	in   meeting
	path string
}

// ruled is a finding, or the part of one on whose subjects the policy says the
// same.
type ruled struct {
	model.Finding
	in    meeting
	asked model.Action // before the policy
}

// ruleOn lets the policy rule on the notes of a release; nil leaves them as they
// are.
func ruleOn(list []note, release string, use *policy.Use) judged {
	j := judged{touched: map[moduleIn]string{}}
	for i := range list {
		x := list[i]
		x.Release = release
		parts := []ruled{{x.Finding, x.in, x.Action}}
		if use != nil {
			parts = j.split(&x, use)
		}
		for _, p := range parts {
			if x.many {
				p.Message = x.message(p.Subjects)
			}
			j.list = append(j.list, p)
		}
	}
	return j
}

// split parts a note by what the policy says of each of its subjects.
func (j *judged) split(x *note, use *policy.Use) []ruled {
	about, _ := rules.Of(x.Rule)
	if about.Of == model.OfRelease || about.Of == "" || len(x.Subjects) == 0 || len(x.Subjects) != x.Count {
		return []ruled{part(x, use.Judge(caseOf(&x.Finding, policy.Subject{})))}
	}
	var order []policy.Ruling
	subjects := map[policy.Ruling][]string{}
	for _, s := range x.Subjects {
		r := use.Judge(caseOf(&x.Finding, subjectOf(x.in.window, about.Of, s)))
		if subjects[r] == nil {
			order = append(order, r)
		}
		subjects[r] = append(subjects[r], s)
		if r.Action != x.Action && about.Of == model.OfModules {
			j.touched[moduleIn{x.in, s}] = r.By
		}
	}
	var out []ruled
	for _, r := range order {
		g := part(x, r)
		if g.Subjects = subjects[r]; len(order) > 1 {
			g.Count = len(g.Subjects)
			if x.holds != nil {
				g.If = x.holds(g.Count)
			}
			if x.text != nil {
				g.Message = x.text(g.Count)
			} else {
				g.Message = fmt.Sprintf("%d of these %d: %s", g.Count, x.Count, x.Message)
			}
		}
		out = append(out, g)
	}
	return out
}

func part(x *note, r policy.Ruling) ruled {
	f, asked := x.Finding, x.Action
	f.Action, f.Severity = r.Action, r.Severity
	switch {
	case r.By == "":
	case r.Waived:
		f.Waived = "policy, " + r.By
		if f.Asked = asked; r.Closed {
			f.Inconclusive = false
		}
	default:
		f.SetBy = "policy, " + r.By
	}
	return ruled{f, x.in, asked}
}

func caseOf(f *model.Finding, s policy.Subject) policy.Case {
	about, _ := rules.Of(f.Rule)
	c := policy.Case{Finding: f.Rule, Encounter: f.Encounter, Kernels: []string{f.Release}, Subject: s, Action: f.Action, Severity: f.Severity, Open: f.Inconclusive && about.Closable}
	if f.Against != "" {
		c.Kernels = append(c.Kernels, f.Against)
	}
	return c
}

// subjectOf returns a subject by all names that a policy may call it.
func subjectOf(in *window, of model.About, name string) policy.Subject {
	if of == model.OfModules {
		return policy.Subject{Modules: spellings(in, name)}
	}
	s := policy.Subject{Symbol: name}
	if in == nil {
		return s
	}
	for _, t := range []*symvers.Table{in.r.Symvers, in.p.old.Symvers} {
		if t == nil {
			continue
		}
		if e, ok := t.Lookup(name); ok && !slices.Contains(s.Modules, e.Owner) {
			s.Modules = append(s.Modules, e.Owner)
		}
	}
	return s
}

// Spellings are the ways in which a policy may name the module at a path: as a
// release has it, and as symbol tables do.
func Spellings(path string) []string { return []string{path, symvers.OwnerOf(path)} }

// spellings of a module: those of its path, or where only its name is known
// those of the paths of that name on either side.
func spellings(in *window, name string) []string {
	if strings.Contains(name, "/") || in == nil {
		return Spellings(name)
	}
	out := []string{name}
	for _, m := range []*manifest.Manifest{in.old, in.new} {
		for i := range m.Modules {
			if m.Modules[i].Name == name {
				out = append(out, Spellings(m.Modules[i].Path)...)
			}
		}
	}
	return out
}

// reasons are what the findings ask of each module of the release.
type reasons map[moduleIn][]reason

type reason struct {
	rule   string
	asked  model.Action // before the policy
	action model.Action
	open   bool
}

func (j *judged) reasons() reasons {
	out := reasons{}
	for _, e := range j.list {
		if about, _ := rules.Of(e.Rule); about.Of != model.OfModules {
			continue
		}
		for _, s := range e.Subjects {
			k := moduleIn{e.in, s}
			out[k] = append(out[k], reason{e.Rule, e.asked, e.Action, e.Inconclusive})
		}
	}
	return out
}

// explain adds to a module's decision the findings that ask something of it in
// one encounter, and gives what is to be done there: where the policy changed
// that, it is what the findings now ask.
func (j *judged) explain(all reasons, d *model.ModuleDecision, in meeting, action model.Action) model.Action {
	k := moduleIn{in, d.Path}
	ruledAction := model.Keep
	for _, r := range all[k] {
		if r.asked <= action {
			ruledAction = max(ruledAction, r.action)
		}
		if (r.action > model.Keep || r.open) && !slices.Contains(d.Reasons, r.rule) {
			d.Reasons = append(d.Reasons, r.rule)
		}
	}
	if by, ok := j.touched[k]; ok {
		d.SetBy = "policy, " + by
		return ruledAction
	}
	return action
}

// findings are all, the gravest first, in a stable order.
func (j *judged) findings() []model.Finding {
	out := make([]model.Finding, 0, len(j.list))
	for _, e := range j.list {
		f := e.Finding
		f.NameSubjects()
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b model.Finding) int {
		if a.Action != b.Action {
			return int(b.Action) - int(a.Action)
		}
		return severityRank(a.Severity) - severityRank(b.Severity)
	})
	return out
}

func severityRank(s model.Severity) int {
	switch s {
	case model.Error:
		return 0
	case model.Warning:
		return 1
	}
	return 2
}

// outcome joins what all findings ask for.
func (j *judged) outcome() model.Outcome {
	var o model.Outcome
	for _, e := range j.list {
		o = o.Join(model.Outcome{Action: e.Action, Inconclusive: e.Inconclusive})
	}
	return o
}
