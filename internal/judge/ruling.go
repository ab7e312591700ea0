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

// rulings applies the policy of one run to the findings of one release.
type rulings struct {
	use *policy.Use // nil: the findings stand as they are
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
	asked model.Action // before the policy
}

// rule splits a finding by what the policy says of each of its subjects. text
// makes the message of a part from its count; nil where the message stands.
func (n *notes) rule(in meeting, f model.Finding, text func(int) string) []ruled {
	if n.rulings.use == nil {
		return []ruled{{f, f.Action}}
	}
	about, _ := rules.Of(f.Rule)
	if about.Of == model.OfRelease || about.Of == "" || len(f.Subjects) == 0 || len(f.Subjects) != f.Count {
		r := n.rulings.use.Judge(caseOf(n, &f, policy.Subject{}))
		return []ruled{part(f, r)}
	}
	return n.split(in, f, about.Of, text)
}

func (n *notes) split(in meeting, f model.Finding, of model.About, text func(int) string) []ruled {
	var order []policy.Ruling
	subjects := map[policy.Ruling][]string{}
	for _, s := range f.Subjects {
		r := n.rulings.use.Judge(caseOf(n, &f, subjectOf(in.window, of, s)))
		if subjects[r] == nil {
			order = append(order, r)
		}
		subjects[r] = append(subjects[r], s)
		if r.Action != f.Action && of == model.OfModules {
			n.rulings.touched[moduleIn{in, s}] = r.By
		}
	}
	var out []ruled
	for _, r := range order {
		g := part(f, r)
		if g.Subjects = subjects[r]; len(order) > 1 {
			g.Count = len(g.Subjects)
			if g.If != "" {
				g.If = unchangedIf(g.Count)
			}
			if text != nil {
				g.Message = text(g.Count)
			} else {
				g.Message = fmt.Sprintf("%d of these %d: %s", g.Count, f.Count, f.Message)
			}
		}
		out = append(out, g)
	}
	return out
}

func part(f model.Finding, r policy.Ruling) ruled {
	asked := f.Action
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
	return ruled{f, asked}
}

func caseOf(n *notes, f *model.Finding, s policy.Subject) policy.Case {
	c := policy.Case{Finding: f.Rule, Encounter: f.Encounter, Kernels: []string{n.release}, Subject: s, Action: f.Action, Severity: f.Severity, Open: f.Inconclusive && f.If != ""}
	if f.Against != "" {
		c.Kernels = append(c.Kernels, f.Against)
	}
	return c
}

// subjectOf gives a subject by all names that a policy may call it.
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

func (n *notes) reasons() reasons {
	out := reasons{}
	for _, e := range n.list {
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
func (n *notes) explain(all reasons, d *model.ModuleDecision, in meeting, action model.Action) model.Action {
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
	if by, ok := n.rulings.touched[k]; ok {
		d.SetBy = "policy, " + by
		return ruledAction
	}
	return action
}
