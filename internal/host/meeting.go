package host

import (
	"slices"

	"kpkg-btf/internal/model"
)

// On which kernel.
const (
	onInstalled = "installed"
	onRunning   = "running"
)

// selfMeeting is what a release's own image makes of its modules.
func selfMeeting(r *model.ReleaseVerdict, path string) model.HostMeeting {
	m := model.HostMeeting{What: "installed modules", Path: path, On: onInstalled, Modules: r.Self.Modules,
		Verdicts: r.Self.Verdicts, Meanings: r.Self.Meanings, Wrong: []model.HostModule{}, Why: []string{}}
	for i := range r.Modules {
		d := &r.Modules[i]
		if wrong(d.Verdict, d.Meaning) {
			m.Wrong = append(m.Wrong, model.HostModule{Path: d.Path, Name: d.Name, Verdict: d.Verdict, Meaning: d.Meaning, Words: d.Words})
		}
	}
	decide(&m, r.Findings, model.Self)
	return m
}

// windowMeeting is what the kernel that runs makes of them.
func windowMeeting(r *model.ReleaseVerdict, w int, path string) model.HostMeeting {
	win := &r.Windows[w]
	m := model.HostMeeting{What: "installed modules", Path: path, On: onRunning, Modules: len(r.Modules),
		Verdicts: win.Verdicts, Meanings: win.Meanings, Wrong: []model.HostModule{}, Why: []string{}}
	for i := range r.Modules {
		d := &r.Modules[i]
		for _, x := range d.Windows {
			if x.Old != w || !wrong(x.Verdict, x.Meaning) {
				continue
			}
			words := x.Words
			if words == "" {
				words = x.Why
			}
			m.Wrong = append(m.Wrong, model.HostModule{Path: d.Path, Name: d.Name, Verdict: x.Verdict, Meaning: x.Meaning, Words: words})
		}
	}
	decide(&m, r.Findings, model.Window)
	return m
}

// outsideMeeting is what an installed image makes of modules built elsewhere.
func outsideMeeting(rep *model.OutsideReport, what, path string) model.HostMeeting {
	m := model.HostMeeting{What: what, Path: path, On: onInstalled, Modules: len(rep.Modules), Wrong: []model.HostModule{}, Why: []string{}}
	verdicts, meanings := map[string]int{}, map[string]int{}
	for i := range rep.Modules {
		o := &rep.Modules[i]
		c := &o.On[0]
		verdicts[string(c.Verdict)]++
		meanings[string(c.Meaning)]++
		if wrong(c.Verdict, c.Meaning) || c.Needs != model.Keep.String() {
			words := c.Words
			if words == "" {
				words = c.Why
			}
			m.Wrong = append(m.Wrong, model.HostModule{Path: o.Path, Name: o.Name, Verdict: c.Verdict, Meaning: c.Meaning, Words: words})
		}
	}
	m.Verdicts, m.Meanings = counts(verdicts), counts(meanings)
	m.Outcome.Inconclusive = rep.Inconclusive
	switch rep.ExitCode {
	case model.ExitRepair:
		m.Outcome.Action = model.Strip
	case model.ExitBump:
		m.Outcome.Action = model.Rebuild // these modules, against this kernel
	}
	if rep.Decision != model.Keep.String() {
		m.Why = append(m.Why, rep.Decision)
	}
	return m
}

// wrong tells whether a user of the machine would notice, or should.
func wrong(v model.Verdict, m model.Meaning) bool {
	switch v {
	case model.Dropped, model.Rejected, model.InitFails, model.Blocked:
		return true
	}
	return v == model.Attached && m == model.Different
}

// decide joins what the findings of an encounter ask for.
func decide(m *model.HostMeeting, findings []model.Finding, e model.Encounter) {
	for i := range findings {
		f := &findings[i]
		if f.Encounter != e || f.Action == model.Keep && !f.Inconclusive {
			continue
		}
		m.Outcome = m.Outcome.Join(model.Outcome{Action: f.Action, Inconclusive: f.Inconclusive})
		m.Why = append(m.Why, f.Message)
	}
}

func counts(n map[string]int) []model.Count {
	var words []string
	for w := range n {
		words = append(words, w)
	}
	slices.Sort(words)
	out := []model.Count{}
	for _, w := range words {
		out = append(out, model.Count{Word: w, Count: n[w]})
	}
	return out
}
