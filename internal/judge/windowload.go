package judge

import (
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/policy"
)

// loads asks whether the old kernel loads the new modules at all. Beside a
// new module lie the other new ones; modules of the old release may be loaded
// already, and modprobe does not replace those.
func (w *windowState) loads() {
	if len(w.r.Modules) == 0 {
		return
	}
	facts, names := factsOf(w.r.Modules)
	scene := loadcheck.Scene{Kernel: loaderOf(w.p.old, w.old, certificates(w.r), nil, w.verifier), Beside: loadcheck.Of(facts, names)}
	scene.Kernel.SameRelease = true
	if w.p.old.Symvers != nil {
		scene.Earlier = loadcheck.InTable(w.p.old.Symvers, manifestNames(w.old))
	}
	w.load = scene.All(facts, names, w.jobs)
	w.res.Loads = countLoads(w.load)
	w.loadFindings()
}

func manifestNames(m *manifest.Manifest) []string {
	out := make([]string, len(m.Modules))
	for i := range m.Modules {
		out[i] = m.Modules[i].Name
	}
	return out
}

// blocked gives a module that the old kernel does not load, or may not, its
// verdict: no BTF of it is ever looked at.
func (w *windowState) blocked(i int, x *model.ModuleWindow) bool {
	if i >= len(w.load) {
		x.Load = model.ModuleLoad{Loads: model.LoadsUnknown, IfEnforced: model.LoadsUnknown}
		return false
	}
	x.Load = loadOf(&w.load[i])
	why := w.load[i].Why(false)
	if why == nil {
		return false
	}
	x.Verdict, x.Meaning, x.Why = model.Blocked, model.MeaningNone, why.String()
	return true
}

// loadGroup is modules of one fate, with the first one's words.
type loadGroup struct {
	rule, what, first string
	paths             []string
}

func (g *loadGroup) add(path, words string) {
	if g.first == "" {
		g.first = words
	}
	g.paths = append(g.paths, path)
}

// loadFindings: a module that the old release could load and whose new
// version the old kernel refuses cannot be loaded until reboot, as one that
// vanished. One that is new is missed by nobody.
func (w *windowState) loadFindings() {
	blocked := loadGroup{rule: "window.blocked", what: "that the old kernel refuses to load, whatever their BTF"}
	maybe := loadGroup{rule: "window.may-be-blocked", what: "that the old kernel refuses where older modules are loaded"}
	fresh := loadGroup{rule: "window.new-blocked", what: "new in this release that the old kernel does not load before reboot"}
	open := loadGroup{rule: "window.load-unknown", what: "of which it is not known whether the old kernel loads them"}
	had := map[string]bool{}
	for _, n := range manifestNames(w.old) {
		had[n] = true
	}
	for i := range w.load {
		m, why := &w.new.Modules[i], w.load[i].Why(false)
		switch {
		case why == nil && len(w.load[i].Gaps) > 0:
			open.add(m.Path, w.load[i].Gaps[0])
		case why == nil:
		case len(had) > 0 && !had[m.Name]:
			fresh.add(m.Path, why.String())
		case why.When == loadcheck.IfLoaded:
			maybe.add(m.Path, why.String())
		default:
			blocked.add(m.Path, why.String())
		}
	}
	lost := model.Finding{Severity: model.Error, Action: model.Bump, Hint: "`kpkg-btf check --format json` has the kernel's words for every module"}
	if w.policy.Vanished == policy.Note {
		lost.Severity, lost.Action, lost.Waived = model.Warning, model.Keep, "policy vanished-modules: note"
	}
	w.addGroup(&blocked, lost)
	w.addGroup(&maybe, lost)
	w.addGroup(&fresh, model.Finding{Severity: model.Info})
	w.addGroup(&open, model.Finding{Severity: model.Warning, Hint: "the older package with vmlinuz, config and modules tells"})
}

func (w *windowState) addGroup(g *loadGroup, f model.Finding) {
	if len(g.paths) == 0 {
		return
	}
	f.Rule, f.Count, f.Subjects = g.rule, len(g.paths), g.paths
	w.addText(f, func(n int) string { return modulesText(g.what)(n) + " (first: " + g.first + ")" })
}
