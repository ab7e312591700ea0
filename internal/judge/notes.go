package judge

import (
	"fmt"
	"slices"

	"kpkg-btf/internal/model"
	"kpkg-btf/policy"
)

// notes gathers findings of one release: what many modules share becomes one
// finding with a count.
type notes struct {
	release string
	list    []*note
	byRule  map[string]*note
	rulings rulings
}

// note is a finding in the making.
type note struct {
	ruled
	in meeting
	// text makes the message from the number of subjects.
	text  func(n int) string
	first string // detail of the first subject in path order
	many  bool   // subjects came one by one
}

func newNotes(release string, use *policy.Use) *notes {
	return &notes{release: release, byRule: map[string]*note{}, rulings: rulings{use: use, touched: map[moduleIn]string{}}}
}

// one adds a finding about the release itself.
func (n *notes) one(f model.Finding) { n.add(meeting{}, f, nil) }

// add puts a finding of an encounter. text makes its message from the number
// of subjects; nil where the message stands as it is.
func (n *notes) add(in meeting, f model.Finding, text func(int) string) {
	f.Release = n.release
	if f.Count == 0 {
		f.Count = 1
	}
	if text != nil {
		f.Message = text(f.Count)
	}
	n.list = append(n.list, &note{ruled: ruled{f, f.Action}, in: in, text: text})
}

// many adds a subject to the finding of f.Rule, which f describes when the
// rule is met for the first time. text gets the final count. Callers add
// subjects in path order.
func (n *notes) many(f model.Finding, text func(n int) string, subject, detail string) {
	k := f.Rule + "\x00" + f.Against
	e := n.byRule[k]
	if e == nil {
		f.Release = n.release
		f.Count = 0
		e = &note{ruled: ruled{f, f.Action}, text: text, first: detail, many: true}
		n.byRule[k] = e
		n.list = append(n.list, e)
	}
	e.Count++
	e.Subjects = append(e.Subjects, subject)
}

// settle ends the gathering: the policy rules on all findings, in one pass.
func (n *notes) settle() {
	var list []*note
	for _, e := range n.list {
		text := e.text
		if e.many {
			text = nil // the parts get theirs below
		}
		for _, p := range n.rule(e.in, e.Finding, text) {
			if e.many {
				p.Message = e.message(p.Subjects)
			}
			list = append(list, &note{ruled: p, in: e.in})
		}
	}
	n.list, n.byRule = list, nil
}

// message is that of a finding whose subjects came one by one, or of a part
// of them.
func (e *note) message(subjects []string) string {
	msg := e.text(len(subjects))
	if e.first != "" && subjects[0] == e.Subjects[0] {
		msg += fmt.Sprintf(" (first: %s)", e.first)
	}
	return msg
}

// findings gives all, once settled, the gravest first, in a stable order.
func (n *notes) findings() []model.Finding {
	out := make([]model.Finding, 0, len(n.list))
	for _, e := range n.list {
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
func (n *notes) outcome() model.Outcome {
	var o model.Outcome
	for _, e := range n.list {
		o = o.Join(model.Outcome{Action: e.Action, Inconclusive: e.Inconclusive})
	}
	return o
}

// modulesText is the usual message: a count of modules and what they do.
func modulesText(what string) func(int) string {
	return func(n int) string { return model.Plural(n, "module", "modules") + " " + model.Agree(n, what) }
}
