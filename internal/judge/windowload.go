package judge

import (
	"slices"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/policy"
)

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

// loadNotes: a module that the old release could load and whose new
// version the old kernel refuses cannot be loaded until reboot, as one that
// vanished. One that is new is missed by nobody.
func (w *window) loadNotes(p *policy.Policy) []note {
	blocked := loadGroup{rule: "window.blocked", what: "that the old kernel refuses to load, whatever {its|their} BTF"}
	maybe := loadGroup{rule: "window.may-be-blocked", what: "that the old kernel refuses where older modules are loaded"}
	fresh := loadGroup{rule: "window.new-blocked", what: "new in this release that the old kernel does not load before reboot"}
	open := loadGroup{rule: "window.load-unknown", what: "of which it is not known whether the old kernel loads {it|them}"}
	unheld := open
	asOwn := w.r.Doc == nil || w.loadsAsOwn()
	had := map[string]bool{}
	for _, n := range w.oldK.ModuleNames() {
		had[n] = true
	}
	for i := range w.forth.cells {
		c, m := &w.forth.cells[i], &w.new.Modules[i]
		if c.Load == nil {
			if !asOwn {
				unheld.add(m.Path, "a manifest does not hold what a module imports, and the two kernels differ in exports or vermagic")
			}
			continue
		}
		why := c.Load.Why(false)
		switch {
		case why == nil && len(c.Load.Gaps) > 0:
			open.add(m.Path, c.Load.Gaps[0])
		case why == nil:
		case len(had) > 0 && !had[m.Name]:
			fresh.add(m.Path, why.String())
		case mayRefuse(why):
			maybe.add(m.Path, why.String())
		default:
			blocked.add(m.Path, why.String())
		}
	}
	lost := model.Finding{Severity: model.Error, Action: model.Bump, Hint: "`kpkg-btf check --format json` has the kernel's words for every module"}
	if p.Vanished == policy.Note {
		lost.Severity, lost.Action, lost.Asked, lost.Waived = model.Warning, model.Keep, lost.Action, "policy vanished-modules: note"
	}
	return slices.Concat(blocked.notes(lost), maybe.notes(lost), fresh.notes(model.Finding{Severity: model.Info}),
		unheld.notes(model.Finding{Severity: model.Error, Inconclusive: true, Hint: "check --against where the packages are, and give its decision to decide"}),
		open.notes(model.Finding{Severity: model.Warning, Hint: "the older package with vmlinuz, config and modules tells"}))
}

// loadsAsOwn reports whether the old kernel compares with what the new one
// compares: then a module that is known by its manifest alone loads there as it
// does at home. Keys are another question (window.signer).
func (w *window) loadsAsOwn() bool {
	s := symbolFacts(w.offer.Exports)
	_, old, _ := strings.Cut(w.oldK.Vermagic(), " ")
	_, new, _ := strings.Cut(w.newK.Vermagic(), " ")
	return s != nil && s.Changed+s.Lost+s.Added+s.Stricter+s.Namespace == 0 && old != "" && old == new
}

// notes is one about the group, f but for who is in it; none where nobody is.
func (g *loadGroup) notes(f model.Finding) []note {
	if len(g.paths) == 0 {
		return nil
	}
	f.Rule, f.Count, f.Subjects = g.rule, len(g.paths), g.paths
	return []note{worded(f, func(n int) string { return modulesText(g.what)(n) + " (first: " + g.first + ")" })}
}
