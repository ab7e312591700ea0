// Package rules is the catalogue of findings: one entry for each kind of thing
// that check, decide and verify can report. Policies, linters, renderers and
// the help draw from it. To add a finding, add its entry beside those of its
// encounter; a test fails while the code can report what has none.
package rules

import (
	"slices"
	"strings"

	"kpkg-btf/internal/model"
)

// Rule describes one kind of finding.
type Rule struct {
	ID        string // stable, dotted words: "self.btf-lost"
	Encounter model.Encounter
	Of        model.About
	// Severity is the gravest that findings of this rule have, Action the
	// highest that they ask for by themselves.
	Severity     model.Severity
	Action       model.Action
	Inconclusive bool // it may leave the answer open
	// Summary is what it is about in a few words, without figures.
	Summary string
	// If is, of one that leaves the answer open, what must be true for the
	// action to be right: the sentence that begins with "if".
	If string
	// Closable: its findings leave an answer that stands if something holds
	// (model.Finding.If), and a waiver with a reason may vouch for that.
	Closable bool
	// Silent: what it finds happens without a word from any kernel. Modules run
	// with types or symbols that are not what they were built with; lowered to
	// keep it is damage that nobody is told of.
	Silent bool
	// Means, Found and Do are for people: what it means, how it is found, what
	// to do. Example is a case, from a real package where one is known.
	Means, Found, Do, Example string
	// Command helps with it; words in capitals are the reader's to replace.
	Command string
	Since   string // the first version that reports it
}

// Waivable reports whether a waiver can lower or close it: rebuild is lowered by
// nothing, but for WaivableRebuild, and of what leaves the answer open only
// Closable is closed.
func (r Rule) Waivable() bool {
	return r.Action > model.Keep && r.Action < model.Rebuild || r.WaivableRebuild() || r.Closable
}

// WaivableRebuild reports whether a waiver lowers even a rebuild: of what a
// release ships beside its own modules, whoever ships it may say that it is
// meant. So may who ships a build that is faulty in itself.
func (r Rule) WaivableRebuild() bool { return r.ID == "self.added" || r.RuledRebuild() }

// RuledRebuild reports whether a rule with a reason lowers a rebuild as a waiver
// does: findings about the health of a build.
func (r Rule) RuledRebuild() bool {
	return strings.HasPrefix(r.ID, "health.") && r.Action == model.Rebuild
}

// All returns the rules, sorted by their ids.
func All() []Rule { return all }

// Of finds a rule by its id.
func Of(id string) (Rule, bool) {
	i, ok := slices.BinarySearchFunc(all, id, func(r Rule, id string) int { return strings.Compare(r.ID, id) })
	if !ok {
		return Rule{}, false
	}
	return all[i], true
}

var all = sorted(self, fit, health, window, abi, reverse, outside, pin, run)

func sorted(lists ...[]Rule) []Rule {
	out := slices.Concat(lists...)
	slices.SortFunc(out, func(a, b Rule) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// first is the version that has had a finding from the beginning.
const first = "0.1.0"
