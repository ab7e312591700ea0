package host

import "kpkg-btf/internal/model"

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
func outsideMeeting(v *model.ReleaseVerdict, what, path string) model.HostMeeting {
	m := model.HostMeeting{What: what, Path: path, On: onInstalled, Modules: len(v.Modules), Wrong: []model.HostModule{}, Why: []string{},
		Verdicts: v.On[0].Verdicts, Meanings: v.On[0].Meanings}
	for i := range v.Modules {
		o := &v.Modules[i]
		c := &o.On[0]
		needs := needed(c)
		m.Outcome = m.Outcome.Join(needs)
		if wrong(c.Verdict, c.Meaning) || needs.Action != model.Keep {
			words := c.Words
			if words == "" {
				words = c.Why
			}
			m.Wrong = append(m.Wrong, model.HostModule{Path: o.Path, Name: o.Name, Verdict: c.Verdict, Meaning: c.Meaning, Words: words})
		}
	}
	return m
}

// needed is what one module asks for on one kernel. Whether all its imports
// are there is open on a machine without Module.symvers; depmod has looked at
// that, and it does not make the answer about BTF incomplete.
func needed(c *model.ModuleOn) model.Outcome {
	switch c.Action {
	case model.Distill, model.Strip:
		return model.Outcome{Action: model.Strip}
	case model.RebuildFor:
		return model.Outcome{Action: model.Rebuild} // these modules, against this kernel
	}
	open := c.Verdict == model.VerdictUnknown || c.Verdict == model.Attached && c.Meaning == model.MeaningUnknown
	return model.Outcome{Inconclusive: open}
}

// wrong tells whether a user of the machine would notice, or should.
func wrong(v model.Verdict, m model.Meaning) bool {
	switch v {
	case model.Dropped, model.Rejected, model.InitFails, model.Blocked:
		return true
	}
	return v == model.Attached && m == model.Different
}

// aboutBTF: of a kernel that runs, sysfs shows the base and no more. Its
// exported symbols, keys and module list are not there, and what stays open
// for that is said and does not decide.
func aboutBTF(rule string) bool {
	switch rule {
	case "window.base", "window.base-unknown", "window.not-distillable", "window.dropped", "window.missing-fatal", "window.missing-unknown":
		return true
	}
	return false
}

// decide joins what the findings of an encounter ask for.
func decide(m *model.HostMeeting, findings []model.Finding, e model.Encounter) {
	for i := range findings {
		f := &findings[i]
		if f.Encounter != e || f.Action == model.Keep && !f.Inconclusive {
			continue
		}
		if f.Inconclusive && m.On == onRunning && !aboutBTF(f.Rule) {
			m.Why = append(m.Why, "not known: "+f.Message)
			continue
		}
		m.Outcome = m.Outcome.Join(model.Outcome{Action: f.Action, Inconclusive: f.Inconclusive})
		m.Why = append(m.Why, f.Message)
	}
}
