package judge

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// windowState is one new release on one older kernel.
type windowState struct {
	p        pairing
	r        *release.Release
	n        *notes
	policy   *policy.Policy
	jobs     int
	old, new *manifest.Manifest
	res      model.WindowResult
	mods     []model.ModuleWindow // aligned with the new manifest's modules
	load     []loadcheck.Result   // aligned too; nil where the modules are not there
	own      [][]byte             // certificates that count as the new release's
	verifier *modsig.Verifier
	bases    *classed    // nil when one is not there, or nothing asks
	cmp      *comparison // of both bases; nil when they are equal or one is not there
	// signatures is what signing alone asks for where it is enforced.
	signatures model.Action
	rest       model.Action
}

// window judges the new modules on the old kernel from both manifests, and
// the reverse: what was built on the old base, on the new kernel.
func window(p pairing, r *release.Release, new *manifest.Manifest, n *notes, o Options) (*windowState, error) {
	old, err := p.old.Record("")
	if err != nil {
		return nil, err
	}
	w := &windowState{p: p, r: r, n: n, policy: o.Policy, jobs: o.Jobs, own: o.Certificates, verifier: o.verifier, old: old, new: new}
	w.res = model.WindowResult{Old: refOf(p.old, old), Judged: p.judged, Why: p.why, BaseEqual: sameBase(old, new), Verdicts: []model.Count{}, Meanings: []model.Count{}}
	w.res.Loads, w.res.Reverse = countLoads(nil), notReversed(p.why)
	w.mods = make([]model.ModuleWindow, len(new.Modules))
	exports := w.symbols()
	if !p.judged {
		return w, nil
	}
	types, err := w.types()
	if err != nil {
		return nil, err
	}
	w.abi(exports, types)
	w.vermagic()
	w.moduleSets()
	w.loads()
	if err := w.btf(); err != nil {
		return nil, err
	}
	if err := w.reverse(); err != nil {
		return nil, err
	}
	w.signer()
	w.res.IfIgnored = w.rest
	w.res.IfEnforced = max(w.rest, w.signatures)
	w.res.Action = w.res.IfEnforced
	if o.Policy.Signatures == policy.Ignored {
		w.res.Action = w.res.IfIgnored
	}
	return w, nil
}

// add puts a finding of this encounter and counts its action.
func (w *windowState) add(f model.Finding) { w.addText(f, nil) }

// addText is add for a finding whose message depends on the number of subjects.
func (w *windowState) addText(f model.Finding, text func(int) string) {
	f.Against = w.old.Release
	if f.Encounter == "" {
		f.Encounter = model.Window
	}
	for _, p := range w.n.add(meeting{window: w}, f, text) {
		w.rest = max(w.rest, p.Action)
	}
}

func sameBase(old, new *manifest.Manifest) model.Equality {
	switch {
	case old.Base == nil && new.Base == nil:
		return model.Equal
	case old.Base == nil || new.Base == nil:
		if old.Image == nil || new.Image == nil {
			return model.NotKnownSame
		}
		return model.Differs
	case old.Base.SHA256 == new.Base.SHA256:
		return model.Equal
	}
	return model.Differs
}

// symbols compares what both kernels export. The figures are facts whether
// the encounter is judged or not.
func (w *windowState) symbols() *abi.Exports {
	if w.p.old.Symvers == nil || w.r.Symvers == nil {
		return nil
	}
	x := abi.Compare(w.p.old.Symvers, w.r.Symvers)
	w.res.Symbols = &model.SymbolFacts{
		Old: x.OldCount, New: x.NewCount, Common: x.Common, Compared: x.Compared,
		Changed: len(x.Changed), Lost: len(x.Lost), Added: len(x.Added), Moved: len(x.Moved),
		LeftImage: len(x.LeftImage) + len(x.JoinedImage), Stricter: len(x.Stricter),
		Namespace: len(x.NamespaceNeeded), Uncovered: len(x.Uncovered),
	}
	return x
}

func (w *windowState) vermagic() {
	old, new := vermagicRest(w.old), vermagicRest(w.new)
	if old == "" || new == "" || old == new {
		return
	}
	w.add(model.Finding{Rule: "window.vermagic", Severity: model.Error, Action: model.Bump, Count: len(w.new.Modules),
		Message: fmt.Sprintf("vermagic options changed from %q to %q: the old kernel refuses every new module", old, new)})
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
func (w *windowState) moduleSets() {
	if w.old.Scope != manifest.Full || len(w.old.Modules) == 0 {
		w.add(model.Finding{Rule: "window.modules-unknown", Severity: model.Info,
			Message: "the old side has no list of modules (" + string(w.old.Scope) + "): whether any vanished is not known"})
		return
	}
	x := abi.CompareModules(moduleSet(w.old), moduleSet(w.new))
	action := model.Bump
	if w.policy.Vanished == policy.Note {
		action = model.Keep
	}
	w.listModules("window.module-vanished", "that the old kernel may still load no longer exist: not loadable until reboot", action, x.Vanished)
	w.listModules("window.module-built-in", "became built in: the old kernel, which lacks them, cannot load them until reboot", action, x.BecameBuiltIn)
}

func (w *windowState) listModules(rule, what string, action model.Action, list []abi.ModuleChange) {
	if len(list) == 0 {
		return
	}
	var subjects []string
	for _, c := range list {
		subjects = append(subjects, c.Name)
	}
	f := model.Finding{Rule: rule, Severity: model.Error, Action: action, Count: len(list), Subjects: subjects}
	if action == model.Keep {
		f.Severity, f.Waived = model.Warning, "policy vanished-modules: note"
	}
	w.addText(f, modulesText(what))
}

func moduleSet(m *manifest.Manifest) abi.ModuleSet {
	s := abi.ModuleSet{BuiltIn: m.BuiltIn}
	for i := range m.Modules {
		s.Loadable = append(s.Loadable, m.Modules[i].Path)
	}
	return s
}

// recorded looks a recorded ability up.
func recorded(m *manifest.Manifest, name string) tri.State {
	for i := range m.Abilities {
		if m.Abilities[i].Name == name {
			return m.Abilities[i].Is
		}
	}
	return tri.Unknown
}
