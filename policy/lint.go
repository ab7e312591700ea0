package policy

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/model"
)

// Lint says what in a valid policy can have no effect on a day (YYYY-MM-DD):
// patterns that match no finding there is, rules that an earlier one hides,
// waivers that have expired; and what lets damage pass that no kernel reports
// (model.FindingRule.Silent). Each is one line.
func (p *Policy) Lint(day string) []string {
	out := p.lintSettings()
	say := func(s *Selector, format string, args ...any) {
		out = append(out, s.label+": "+fmt.Sprintf(format, args...))
	}
	for i := range p.Rules {
		r := &p.Rules[i]
		lintSelector(&r.Selector, say)
		for k := range i {
			if p.Rules[k].covers(&r.Selector) {
				say(&r.Selector, "never used: %s matches all that it does", p.Rules[k].label)
				break
			}
		}
		if why := r.idle(); why != "" {
			say(&r.Selector, "%s", why)
		}
		if r.action != nil && *r.action == model.Keep {
			r.lintSilent(r.Reason, say)
		}
	}
	for i := range p.Waivers {
		w := &p.Waivers[i]
		lintSelector(&w.Selector, say)
		w.lintSilent(w.Reason, say)
		switch {
		case w.Expired(day):
			say(&w.Selector, "expired on %s", w.Expires)
		case w.Expires == "":
			say(&w.Selector, "never ends: give it a last day (expires: YYYY-MM-DD), or make it a rule")
		}
		for k := range i {
			if !p.Waivers[k].Expired(day) && p.Waivers[k].Expires == "" && p.Waivers[k].covers(&w.Selector) {
				say(&w.Selector, "never used: %s matches all that it does", p.Waivers[k].label)
				break
			}
		}
		if named := w.named(); len(named) > 0 && !slices.ContainsFunc(named, rules.Rule.Waivable) {
			say(&w.Selector, "never used: none of the findings it names can be waived")
		}
	}
	return out
}

// lintSettings finds settings by which damage passes that no kernel reports.
func (p *Policy) lintSettings() (out []string) {
	for _, g := range p.noneExpected {
		if g.everything() {
			out = append(out, fmt.Sprintf("none-expected: %q lets every lost BTF pass: name the modules", g.text))
		}
	}
	if p.Undescribed == UndescribedAccept {
		out = append(out, "undescribed-exports: accept lets every change of these pass: a waiver lets single symbols pass")
	}
	return out
}

// lintSilent finds what lets damage pass that no kernel reports, without being
// narrowed to single subjects or without a reason.
func (s *Selector) lintSilent(reason string, say func(s *Selector, format string, args ...any)) {
	var silent []string
	for _, f := range s.named() {
		if f.Silent {
			silent = append(silent, f.ID)
		}
	}
	if len(silent) == 0 {
		return
	}
	list := strings.Join(silent[:min(len(silent), 2)], ", ")
	if n := len(silent) - 2; n > 0 {
		list += fmt.Sprintf(" and %d more", n)
	}
	switch {
	case len(s.match) == 0 || slices.ContainsFunc(s.match, (*Glob).everything):
		say(s, "lets silent damage pass (%s): narrow it by findings or match", list)
	case strings.TrimSpace(reason) == "":
		say(s, "lets silent damage pass (%s) and has no reason", list)
	}
}

// named are the rules of findings that a selector can match.
func (s *Selector) named() []rules.Rule {
	var out []rules.Rule
	for _, f := range rules.All() {
		c := Case{Finding: f.ID, Encounter: f.Encounter}
		only := Selector{Encounters: s.Encounters, findings: s.findings}
		if only.matches(&c) {
			out = append(out, f)
		}
	}
	return out
}

// lintSelector finds patterns that no finding can match.
func lintSelector(s *Selector, say func(s *Selector, format string, args ...any)) {
	for _, g := range s.findings {
		if !slices.ContainsFunc(rules.All(), func(f rules.Rule) bool { return g.name(f.ID) }) {
			say(s, "findings: %q is the name of no finding", g.text)
		}
	}
	named := s.named()
	switch {
	case len(named) == 0:
		say(s, "never used: no finding of these encounters has such a name")
		return
	case len(s.match) == 0:
		return
	}
	symbols := slices.ContainsFunc(named, func(f rules.Rule) bool { return f.Of == model.OfSymbols })
	modules := symbols || slices.ContainsFunc(named, func(f rules.Rule) bool { return f.Of == model.OfModules })
	for _, g := range s.match {
		if g.module && !modules || !g.module && !symbols {
			say(s, "match: %q matches nothing: the findings are not about %s", g.text, map[bool]string{true: "modules", false: "symbols (a module is written module:PATH)"}[g.module])
		}
	}
}

// idle says why a rule can change nothing.
func (r *Rule) idle() string {
	if r.action == nil || r.Severity != "" {
		return ""
	}
	named := r.named()
	if len(named) > 0 && !slices.ContainsFunc(named, func(f rules.Rule) bool {
		return f.Action != model.Rebuild || f.RuledRebuild() && r.Reason != ""
	}) {
		if slices.ContainsFunc(named, rules.Rule.RuledRebuild) {
			return "never used: rebuild is lowered by a rule with a reason alone"
		}
		return "never used: rebuild is lowered by no rule"
	}
	return ""
}
