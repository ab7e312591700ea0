package model

import (
	"cmp"
	"slices"
	"strings"
)

// Outcome is the answer to "what must be done": an action, and whether part
// of the question stayed open.
type Outcome struct {
	Action       Action `json:"action"`
	Inconclusive bool   `json:"inconclusive"`
}

// Join is the outcome of two parts together: the higher action, and open if
// either is.
func (o Outcome) Join(p Outcome) Outcome {
	if p.Action > o.Action {
		o.Action = p.Action
	}
	o.Inconclusive = o.Inconclusive || p.Inconclusive
	return o
}

// Exit codes of the commands that decide (check, decide, verify).
const (
	ExitDone         = 0
	ExitFailed       = 1
	ExitUsage        = 2
	ExitRepair       = 3
	ExitBump         = 4
	ExitInconclusive = 5
	ExitRebuild      = 6
	ExitInterrupted  = 130
	ExitTerminated   = 143
)

// ExitCode maps the outcome to the process's exit code. When several hold the
// order is rebuild, bump, inconclusive, repair, done: what is known to be
// wrong outweighs what is not known, and that outweighs what can be repaired.
func (o Outcome) ExitCode() int {
	switch {
	case o.Action == Rebuild:
		return ExitRebuild
	case o.Action == Bump || o.Action == RebuildFor:
		return ExitBump
	case o.Inconclusive:
		return ExitInconclusive
	case o.Action == Distill || o.Action == Rebase || o.Action == Strip:
		return ExitRepair
	}
	return ExitDone
}

// Word is the decision in one word: "inconclusive" is its own outcome.
func (o Outcome) Word() string {
	if o.ExitCode() == ExitInconclusive {
		return "inconclusive"
	}
	return o.Action.String()
}

// Open is a part of the question that stayed open although the rest is
// answered: the decision stands if If holds.
type Open struct {
	Rule             string
	Release, Against string
	If               string   // "893 exports did not change"
	Close            []string // what settles it, one way an entry
}

// OpenOf lists what is open in findings, in their order. whole reports whether
// nothing else is: then the decision is the action of the outcome, if all of
// that holds.
func OpenOf(lists ...[]Finding) (open []Open, whole bool) {
	whole = true
	for _, f := range slices.Concat(lists...) {
		switch {
		case !f.Inconclusive:
		case f.If == "":
			whole = false
		default:
			open = append(open, Open{f.Rule, f.Release, f.Against, f.If, f.Close})
		}
	}
	return open, whole
}

// ByPolicy names what of the policy made the answer a lower one than the
// findings alone would, each once, in their order; nil where the outcome o
// would be as high without the policy.
func ByPolicy(o Outcome, lists ...[]Finding) (by []string) {
	without := o
	for _, f := range slices.Concat(lists...) {
		if f.Waived == "" {
			continue
		}
		without = without.Join(Outcome{Action: max(f.Action, f.Asked), Inconclusive: f.If != ""})
		if (f.Asked > f.Action || f.If != "") && !slices.Contains(by, f.Waived) {
			by = append(by, f.Waived)
		}
	}
	if without == o {
		return nil
	}
	return by
}

// DecisionOf is the decision of an outcome and the findings behind it: its
// word, "distill, if 893 exports did not change", or "rebuild for KERNEL,
// KERNEL".
func DecisionOf(o Outcome, lists ...[]Finding) string {
	if o.Action != RebuildFor {
		open, whole := OpenOf(lists...)
		if o.ExitCode() != ExitInconclusive || !whole || len(open) == 0 {
			return o.Word()
		}
		var ifs []string
		for _, x := range open {
			if !slices.Contains(ifs, x.If) {
				ifs = append(ifs, x.If)
			}
		}
		return o.Action.String() + ", if " + strings.Join(ifs, " and ")
	}
	var kernels []string
	for _, f := range slices.Concat(lists...) {
		if f.Action == RebuildFor {
			kernels = append(kernels, cmp.Or(f.Against, f.Release))
		}
	}
	slices.Sort(kernels)
	return "rebuild for " + strings.Join(slices.Compact(kernels), ", ")
}

// DecisionOf is the decision of an outcome of the whole run, by all its
// findings.
func (r *Report) DecisionOf(o Outcome) string { return DecisionOf(o, r.everyFinding()...) }

// Open is OpenOf the whole run.
func (r *Report) Open() (open []Open, whole bool) { return OpenOf(r.everyFinding()...) }

// ByPolicy is ByPolicy of the whole run.
func (r *Report) ByPolicy() []string { return ByPolicy(r.Outcome, r.everyFinding()...) }

func (r *Report) everyFinding() [][]Finding {
	lists := [][]Finding{r.Findings}
	for i := range r.Releases {
		lists = append(lists, r.Releases[i].Findings)
	}
	return lists
}
