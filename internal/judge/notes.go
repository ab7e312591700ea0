package judge

import (
	"fmt"
	"slices"

	"kpkg-btf/internal/model"
)

// note is a finding in the making: before the policy ruled on it.
type note struct {
	model.Finding
	in meeting
	// text makes the message from the number of subjects; nil where it stands.
	text func(n int) string
	// holds makes the condition (If) from it, where there is one.
	holds func(n int) string
	// many: the subjects came one by one; first is the detail of the first one, in
	// path order.
	many  bool
	first string
}

// said is a note whose message stands.
func said(f model.Finding) note { return worded(f, nil) }

// worded is a note whose message is made from the number of its subjects; nil
// where it stands.
func worded(f model.Finding, text func(n int) string) note {
	if f.Count == 0 {
		f.Count = 1
	}
	if text != nil {
		f.Message = text(f.Count)
	}
	return note{Finding: f, text: text}
}

// provided is a note that leaves the answer open: it stands if what holds makes
// of the number of subjects is true.
func provided(f model.Finding, text, holds func(n int) string) note {
	x := worded(f, text)
	x.If, x.holds = holds(x.Count), holds
	return x
}

// gathering makes one note a rule of what many subjects share.
type gathering []note

// add adds a subject to the note of f.Rule, which f describes when the rule is
// met for the first time. text gets the final count. Callers add subjects in
// path order.
func (g *gathering) add(f model.Finding, text func(n int) string, subject, detail string) {
	i := slices.IndexFunc(*g, func(x note) bool { return x.Rule == f.Rule && x.Against == f.Against })
	if i < 0 {
		i = len(*g)
		f.Count = 0
		*g = append(*g, note{Finding: f, text: text, first: detail, many: true})
	}
	x := &(*g)[i]
	x.Count++
	x.Subjects = append(x.Subjects, subject)
}

// message is that of a note, or of a part of its subjects.
func (x *note) message(subjects []string) string {
	msg := x.text(len(subjects))
	if x.many && x.first != "" && subjects[0] == x.Subjects[0] {
		msg += fmt.Sprintf(" (first: %s)", x.first)
	}
	return msg
}

// modulesText is the usual message: a count of modules and what they do.
func modulesText(what string) func(int) string {
	return func(n int) string { return model.Plural(n, "module", "modules") + " " + model.Agree(n, what) }
}
