package host

import (
	"slices"
	"strings"

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

// windowMeeting is what the kernel that runs, the only one, makes of them.
func windowMeeting(r *model.ReleaseVerdict, path string) model.HostMeeting {
	win := &r.Windows[0]
	m := model.HostMeeting{What: "installed modules", Path: path, On: onRunning, Modules: len(r.Modules),
		Verdicts: win.Verdicts, Meanings: win.Meanings, Wrong: []model.HostModule{}, Why: []string{}}
	for i := range r.Modules {
		d := &r.Modules[i]
		for _, x := range d.Windows {
			if !wrong(x.Verdict, x.Meaning) {
				continue
			}
			m.Wrong = append(m.Wrong, model.HostModule{Path: d.Path, Name: d.Name, Verdict: x.Verdict, Meaning: x.Meaning, Words: windowWords(&x)})
		}
	}
	decide(&m, r.Findings, model.Window)
	return m
}

// windowWords are the kernel's own, else what it reads otherwise than it was
// meant, else why it is wrong.
func windowWords(x *model.ModuleWindow) string {
	switch {
	case x.Words != "":
		return x.Words
	case x.Verdict == model.Attached && x.Differs != "":
		return "the kernel takes it with other types: " + x.Differs
	}
	return x.Why
}

// noted adds what an answer rests on, where the answer depends on it.
func noted(m model.HostMeeting, note string) model.HostMeeting {
	hangs := func(c model.Count) bool { return c.Word == string(model.Dropped) || c.Word == string(model.Rejected) }
	if note != "" && slices.ContainsFunc(m.Verdicts, hangs) {
		m.Why = append(m.Why, note)
	}
	return m
}

// outsideMeeting is what kernel k of those asked makes of external modules.
func outsideMeeting(v *model.ReleaseVerdict, k int, what, path string) model.HostMeeting {
	m := model.HostMeeting{What: what, Path: path, Modules: len(v.Modules), Wrong: []model.HostModule{}, Why: []string{},
		Verdicts: v.On[k].Verdicts, Meanings: v.On[k].Meanings}
	for i := range v.Modules {
		o := &v.Modules[i]
		c := &o.On[k]
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

// wrong reports whether a user of the machine would notice, or should.
func wrong(v model.Verdict, m model.Meaning) bool {
	switch v {
	case model.Dropped, model.Rejected, model.InitFails, model.Blocked:
		return true
	}
	return v == model.Attached && m == model.Different
}

// aboutBTF: of a kernel that runs, sysfs shows the base and no more. Its
// exported symbols, keys and module list are missing, and what stays open
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
			m.Why = append(m.Why, "not known: "+onHost(f.Message))
			continue
		}
		m.Outcome = m.Outcome.Join(model.Outcome{Action: f.Action, Inconclusive: f.Inconclusive})
		m.Why = append(m.Why, onHost(f.Message))
	}
}

// onHost says a finding about a package to those who run it: the older kernel
// is the one that runs, and what helps is a reboot, not another package.
func onHost(message string) string {
	message, _, _ = strings.Cut(message, "; built on another base")
	return strings.NewReplacer("the old kernel", "the running kernel", "on the old side", "of the running kernel").Replace(message)
}
