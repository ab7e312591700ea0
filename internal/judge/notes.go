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
}

func newNotes(release string, use *policy.Use) *notes {
	return &notes{release: release, byRule: map[string]*note{}, rulings: rulings{use: use, touched: map[moduleIn]string{}}}
}

// one adds a finding about the release itself.
func (n *notes) one(f model.Finding) { n.add(meeting{}, f, nil) }

// add puts a finding of an encounter and gives what the policy makes of it.
// text makes its message from the number of subjects; nil where the message
// stands as it is.
func (n *notes) add(in meeting, f model.Finding, text func(int) string) []ruled {
	f.Release = n.release
	if f.Count == 0 {
		f.Count = 1
	}
	if text != nil {
		f.Message = text(f.Count)
	}
	parts := n.rule(in, f, text)
	for _, p := range parts {
		n.list = append(n.list, &note{ruled: p, in: in})
	}
	return parts
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
		e = &note{ruled: ruled{f, f.Action}, text: text, first: detail}
		n.byRule[k] = e
		n.list = append(n.list, e)
	}
	e.Count++
	e.Subjects = append(e.Subjects, subject)
}

// settle ends the gathering: what many subjects share gets its message, and
// the policy's rulings.
func (n *notes) settle() {
	var list []*note
	for _, e := range n.list {
		if e.text == nil {
			list = append(list, e)
			continue
		}
		f, first := e.Finding, e.Subjects[0]
		text := func(list []string) string {
			msg := e.text(len(list))
			if e.first != "" && list[0] == first {
				msg += fmt.Sprintf(" (first: %s)", e.first)
			}
			return msg
		}
		for _, p := range n.rule(meeting{}, f, nil) {
			p.Message = text(p.Subjects)
			list = append(list, &note{ruled: p})
		}
	}
	n.list, n.byRule = list, nil
}

// findings gives all, once settled, the gravest first, in a stable order.
func (n *notes) findings() []model.Finding {
	out := make([]model.Finding, 0, len(n.list))
	for _, e := range n.list {
		f := e.Finding
		f.Subjects = capSubjects(f.Subjects)
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
	return func(n int) string { return model.Plural(n, "module", "modules") + " " + what }
}
