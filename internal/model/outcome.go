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

// DecisionOf is the decision of an outcome and the findings behind it: its
// word, or "rebuild for KERNEL, KERNEL".
func DecisionOf(o Outcome, lists ...[]Finding) string {
	if o.Action != RebuildFor {
		return o.Word()
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
func (r *Report) DecisionOf(o Outcome) string {
	lists := [][]Finding{r.Findings}
	for i := range r.Releases {
		lists = append(lists, r.Releases[i].Findings)
	}
	return DecisionOf(o, lists...)
}
