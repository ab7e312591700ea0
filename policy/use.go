package policy

import (
	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/model"
)

// Case is one subject of one finding, as it was judged without the policy.
type Case struct {
	Finding   string
	Encounter model.Encounter
	Kernels   []string // names of the new release and, in a window, of the older
	Subject   Subject
	Action    model.Action
	Severity  model.Severity
	// Open is an inconclusive finding that a waiver may close (model.Finding.If).
	Open bool
}

// Ruling is what the policy makes of a case.
type Ruling struct {
	Action   model.Action
	Severity model.Severity
	// By names the rule or waiver that settled it, "" when none did. Waived
	// says that it lowered the action, Closed that it closed what was open.
	By             string
	Waived, Closed bool
}

// Use is a policy in one run: it remembers which rules and waivers were met.
// It is not safe for concurrent use.
type Use struct {
	policy  *Policy
	day     string
	rules   []bool // met
	waivers []bool
}

// On begins the use of a policy on a day (YYYY-MM-DD, UTC): that of
// SOURCE_DATE_EPOCH, or today.
func (p *Policy) On(day string) *Use {
	return &Use{policy: p, day: day, rules: make([]bool, len(p.Rules)), waivers: make([]bool, len(p.Waivers))}
}

// Judge returns the ruling on a case. Waivers come first, then rules; of each
// the first that matches. Rebuild is lowered by nothing but what the catalogue
// names (a rule needs a reason), and of what is inconclusive a waiver closes what
// is Open.
func (u *Use) Judge(c Case) Ruling {
	out := Ruling{Action: c.Action, Severity: c.Severity}
	if rule, _ := rules.Of(c.Finding); c.Action > model.Keep && (c.Action < model.Rebuild || rule.WaivableRebuild()) || c.Open {
		if w := u.waiver(&c); w != nil {
			return Ruling{Action: model.Keep, Severity: lower(c.Severity), By: w.label + ": " + w.Reason, Waived: true, Closed: c.Open}
		}
	}
	for i := range u.policy.Rules {
		r := &u.policy.Rules[i]
		if !r.matches(&c) {
			continue
		}
		u.rules[i] = true
		if r.Severity != "" {
			out.Severity = model.Severity(r.Severity)
		}
		if rule, _ := rules.Of(c.Finding); r.action != nil && (c.Action != model.Rebuild || rule.RuledRebuild() && r.Reason != "") {
			out.Action = c.give(*r.action)
		}
		out.By, out.Waived = r.label, out.Action < c.Action
		if r.Reason != "" {
			out.By += ": " + r.Reason
		}
		return out
	}
	return out
}

// give is the action that a rule means in this case. Who ships modules for
// other people's kernels cannot change a name or build a kernel again: at worst
// the modules are built anew.
func (c *Case) give(a model.Action) model.Action {
	if c.Encounter == model.Outside && a > model.Keep {
		return model.RebuildFor
	}
	return a
}

// waiver finds the first waiver in force that matches.
func (u *Use) waiver(c *Case) *Waiver {
	for i := range u.policy.Waivers {
		w := &u.policy.Waivers[i]
		if !w.Expired(u.day) && w.matches(c) {
			u.waivers[i] = true
			return w
		}
	}
	return nil
}

func lower(s model.Severity) model.Severity {
	if s == model.Error {
		return model.Warning
	}
	return s
}

// Day is the day that expiry was judged by, "" when no waiver expires.
func (u *Use) Day() string {
	for i := range u.policy.Waivers {
		if u.policy.Waivers[i].Expires != "" {
			return u.day
		}
	}
	return ""
}

// Findings reports waivers that have expired and waivers that nothing needed.
func (u *Use) Findings() []model.Finding {
	var expired, unused []string
	for i := range u.policy.Waivers {
		w := &u.policy.Waivers[i]
		switch {
		case w.Expired(u.day):
			expired = append(expired, w.label+" ("+w.Expires+")")
		case !u.waivers[i]:
			unused = append(unused, w.label)
		}
	}
	var out []model.Finding
	add := func(rule string, subjects []string, one, many string) {
		if len(subjects) == 0 {
			return
		}
		msg := one
		if len(subjects) > 1 {
			msg = many
		}
		f := model.Finding{Rule: rule, Severity: model.Warning, Encounter: model.Run, Count: len(subjects), Subjects: subjects, Message: msg}
		f.NameSubjects()
		out = append(out, f)
	}
	add("policy.waiver-expired", expired, "a waiver of the policy has expired and is not applied", "waivers of the policy have expired and are not applied")
	add("policy.waiver-unused", unused, "a waiver of the policy was not needed: remove it", "waivers of the policy were not needed: remove them")
	return out
}
