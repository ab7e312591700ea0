package judge

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/policy"
)

// vermagic: options that differ shut out every module.
func (w *window) vermagic() []note {
	old, new := vermagicRest(w.old), vermagicRest(w.new)
	if old == "" || new == "" || old == new {
		return nil
	}
	return []note{said(model.Finding{Rule: "window.vermagic", Severity: model.Error, Action: model.Bump, Count: len(w.new.Modules),
		Message: fmt.Sprintf("vermagic options changed from %q to %q: the old kernel refuses every new module", old, new)})}
}

// vermagicRest is what follows the release in the vermagic of the first
// in-tree module; self has made sure that all agree.
func vermagicRest(m *manifest.Manifest) string {
	for i := range m.Modules {
		if m.Modules[i].Intree {
			_, rest, _ := strings.Cut(m.Modules[i].Vermagic, " ")
			return rest
		}
	}
	return ""
}

// moduleSets: what the old release could load and the new one has not.
func (w *window) moduleSets(p *policy.Policy) []note {
	if w.old.Scope != manifest.Full || len(w.old.Modules) == 0 {
		return []note{said(model.Finding{Rule: "window.modules-unknown", Severity: model.Info,
			Message: "the old side has no list of modules (" + string(w.old.Scope) + "): whether any vanished is not known"})}
	}
	x := w.offer.Modules
	if x == nil {
		return nil // the new side has no modules, which is told in self
	}
	action := model.Bump
	if p.Vanished == policy.Note {
		action = model.Keep
	}
	return append(
		listModules("window.module-vanished", "that the old kernel may still load no longer {exists|exist}: not loadable until reboot", action, x.Vanished),
		listModules("window.module-built-in", "became built in: the old kernel, which lacks {it|them}, cannot load {it|them} until reboot", action, x.BecameBuiltIn)...)
}

func listModules(rule, what string, action model.Action, list []abi.ModuleChange) []note {
	if len(list) == 0 {
		return nil
	}
	var subjects []string
	for _, c := range list {
		subjects = append(subjects, c.Name)
	}
	f := model.Finding{Rule: rule, Severity: model.Error, Action: action, Count: len(list), Subjects: subjects}
	if action == model.Keep {
		f.Severity, f.Asked, f.Waived = model.Warning, model.Bump, "policy vanished-modules: note"
	}
	return []note{worded(f, modulesText(what))}
}

func moduleSet(m *manifest.Manifest) abi.ModuleSet {
	s := abi.ModuleSet{BuiltIn: m.BuiltIn}
	for i := range m.Modules {
		s.Loadable = append(s.Loadable, m.Modules[i].Path)
	}
	return s
}
