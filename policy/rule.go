package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"kpkg-btf/internal/model"
)

// Selector says which findings, and which of their subjects, a rule or waiver
// is about. What is left out matches everything.
type Selector struct {
	Name string `yaml:"name,omitempty"`
	// Findings are globs over the rules of findings: "abi.*".
	Findings   Words `yaml:"findings,omitempty"`
	Encounters Words `yaml:"encounters,omitempty"`
	// Match are globs over symbols, or with "module:" over modules.
	Match Words `yaml:"match,omitempty"`
	// Kernels are globs over the name of the new or the older release.
	Kernels Words `yaml:"kernels,omitempty"`

	label                    string // how reports name it
	findings, match, kernels []*Glob
}

// Rule returns what it matches an action, a severity, or both.
type Rule struct {
	Selector `yaml:",inline"`
	Action   string `yaml:"action,omitempty"`
	Severity string `yaml:"severity,omitempty"`
	Reason   string `yaml:"reason,omitempty"`

	action *model.Action
}

// Waiver lets what it matches pass. It is written for one case, has a reason,
// and ends with the day Expires (UTC) when that is given.
type Waiver struct {
	Selector `yaml:",inline"`
	Reason   string `yaml:"reason"`
	Expires  string `yaml:"expires,omitempty"`
}

// Subject is what a finding is about: an exported symbol with the modules
// that export it ("vmlinux" too), or a module by all its spellings. The zero
// Subject is a finding about the release itself.
type Subject struct {
	Symbol  string
	Modules []string
}

func (s *Selector) compile() error {
	var err error
	for _, c := range []struct {
		key  string
		from Words
		to   *[]*Glob
	}{{"findings", s.Findings, &s.findings}, {"match", s.Match, &s.match}, {"kernels", s.Kernels, &s.kernels}} {
		if *c.to, err = globs(c.from); err != nil {
			return fault{c.key, err.Error()}
		}
		if c.key != "match" && slices.ContainsFunc(*c.to, func(g *Glob) bool { return g.module }) {
			return fault{c.key, "module: belongs into match"}
		}
	}
	for _, e := range s.Encounters {
		if !slices.Contains(encounters, model.Encounter(e)) {
			return fault{"encounters", fmt.Sprintf("%q is none of %s", e, words(encounters))}
		}
	}
	return nil
}

var encounters = []model.Encounter{model.Self, model.Window, model.Reverse, model.Outside}

func words[T ~string](list []T) string {
	out := make([]string, len(list))
	for i, w := range list {
		out[i] = string(w)
	}
	return strings.Join(out, ", ")
}

// matches: every key that is there must match.
func (s *Selector) matches(c *Case) bool {
	if len(s.Encounters) > 0 && !slices.Contains(s.Encounters, string(c.Encounter)) {
		return false
	}
	any := func(list []*Glob, match func(g *Glob) bool) bool {
		return len(list) == 0 || slices.ContainsFunc(list, match)
	}
	return any(s.findings, func(g *Glob) bool { return g.name(c.Finding) }) &&
		any(s.kernels, func(g *Glob) bool { return slices.ContainsFunc(c.Kernels, g.name) }) &&
		any(s.match, func(g *Glob) bool { return g.subject(c.Subject) })
}

// covers reports whether s matches all that other does, as far as that is plain
// from their texts.
func (s *Selector) covers(other *Selector) bool {
	all := func(mine, its []*Glob) bool {
		return len(mine) == 0 || len(its) > 0 && !slices.ContainsFunc(its, func(h *Glob) bool {
			return !slices.ContainsFunc(mine, func(g *Glob) bool { return g.covers(h) })
		})
	}
	enc := len(s.Encounters) == 0 || len(other.Encounters) > 0 && !slices.ContainsFunc(other.Encounters, func(e string) bool {
		return !slices.Contains(s.Encounters, e)
	})
	return enc && all(s.findings, other.findings) && all(s.match, other.match) && all(s.kernels, other.kernels)
}

// everything: nothing narrows it.
func (s *Selector) everything() bool {
	return len(s.Findings)+len(s.Encounters)+len(s.Match)+len(s.Kernels) == 0
}

// ruleActions are the actions a rule may give. Distilling and stripping follow
// from what was simulated, and are no matter of taste.
var ruleActions = []string{"keep", "bump", "rebuild"}

func (r *Rule) compile() error {
	if err := r.Selector.compile(); err != nil {
		return err
	}
	switch {
	case r.Action == "" && r.Severity == "":
		return fault{"", "neither action nor severity"}
	case r.Action != "" && !slices.Contains(ruleActions, r.Action):
		return fault{"action", fmt.Sprintf("%q is none of %s: distill and strip follow from what the kernels take", r.Action, words(ruleActions))}
	case r.Severity != "" && !slices.Contains(severities, model.Severity(r.Severity)):
		return fault{"severity", fmt.Sprintf("%q is none of %s", r.Severity, words(severities))}
	case r.everything():
		return fault{"", "it matches every finding: narrow it by findings, encounters, match or kernels"}
	}
	if r.Action != "" {
		r.action = new(model.Action)
		return r.action.UnmarshalText([]byte(r.Action))
	}
	return nil
}

var severities = []model.Severity{model.Info, model.Warning, model.Error}

// dateForm is that of expires: a day.
const dateForm = "2006-01-02"

func (w *Waiver) compile() error {
	if err := w.Selector.compile(); err != nil {
		return err
	}
	switch {
	case strings.TrimSpace(w.Reason) == "":
		return fault{"", "a waiver needs a reason"}
	case len(w.Findings)+len(w.Match) == 0:
		return fault{"", "it names neither findings nor match: a waiver is for something"}
	case w.Expires != "":
		if _, err := time.Parse(dateForm, w.Expires); err != nil {
			return fault{"expires", fmt.Sprintf("%q is not a day like 2027-01-31", w.Expires)}
		}
	}
	return nil
}

// Expired reports whether the waiver has ended before a day (YYYY-MM-DD).
func (w *Waiver) Expired(day string) bool { return w.Expires != "" && w.Expires < day }

// fault is what is wrong with one key of a rule or waiver.
type fault struct{ key, msg string }

func (f fault) Error() string { return f.msg }
