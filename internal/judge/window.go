package judge

import (
	"context"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// window is one new release on one older kernel, measured: nothing in it
// depends on a policy but what the modules need (each).
type window struct {
	p          pairing
	r          *release.Release
	old, new   *manifest.Manifest
	oldK, newK *kernel.Kernel
	classes    *meaning.Classes // of both bases; nil when they are equal or one is not at hand
	// mods are the new modules, cells what the old kernel does with them; back
	// are the old modules, and what the new kernel does with them.
	mods, backMods []encounter.Module
	cells, back    []encounter.Cell
	offer          *abi.Result // what the kernels offer to modules
	res            model.WindowResult
	each           []model.ModuleWindow // aligned with the new manifest's modules
}

// meetWindow asks the old kernel about the new modules, and the new one about
// the old modules, which stand for all that was built on the old base. Each side
// may be a manifest: then it answers what it holds.
func meetWindow(ctx context.Context, p pairing, r *release.Release, k *kernel.Kernel, new *manifest.Manifest, mods []moduleSelf, o *Options) (*window, error) {
	old, err := p.old.Record("")
	if err != nil {
		return nil, err
	}
	w := &window{p: p, r: r, old: old, new: new, newK: k, each: make([]model.ModuleWindow, len(new.Modules))}
	if w.oldK, err = kernel.Of(p.old); err != nil {
		return nil, err
	}
	none := []model.Count{}
	loads := model.LoadCounts{Ignored: none, Enforced: none}
	w.res = model.WindowResult{Old: refOf(p.old, old), Judged: p.judged, Why: p.why, BaseEqual: sameBase(w.oldK, w.newK), Verdicts: none, Meanings: none, Loads: loads,
		Reverse: model.ReverseResult{Why: p.why, Verdicts: none, Meanings: none, Loads: loads, Each: []model.ReverseModule{}}}
	if !p.judged {
		w.offer = abi.Compare(&abi.Side{Exports: p.old.Symvers}, &abi.Side{Exports: r.Symvers}, nil)
		w.symbols()
		return w, nil
	}
	classes := o.bases.Classes(w.oldK, w.newK)
	if w.res.BaseEqual != model.Equal {
		w.classes = classes
	}
	w.compareABI(classes)
	w.symbols()
	if err := w.forth(ctx, mods, o); err != nil {
		return nil, err
	}
	return w, w.reverse(ctx, o)
}

func sameBase(a, b *kernel.Kernel) model.Equality {
	switch kernel.SameBase(a, b) {
	case tri.Yes:
		return model.Equal
	case tri.No:
		return model.Differs
	}
	return model.NotKnownSame
}

// forth asks the old kernel about the new modules. Modules of the old release
// may be loaded already, and modprobe does not replace those.
func (w *window) forth(ctx context.Context, mods []moduleSelf, o *Options) (err error) {
	if w.mods, err = w.newModules(mods); err != nil {
		return err
	}
	around := encounter.Around{SameRelease: true, Loaded: true, Trust: kernel.Trust{Pool: w.newK.Certificates(), Verifier: o.verifier}}
	loads := encounter.Loads(w.oldK, w.mods, around, o.Jobs)
	w.cells, err = encounter.All(ctx, w.oldK, w.mods, loads, o.bases, o.Jobs)
	return err
}

// newModules are the new modules as they meet the old kernel: what self found
// out about them, else as recorded. One that was not encoded against its own
// release's base may have been against the old one's.
func (w *window) newModules(mods []moduleSelf) ([]encounter.Module, error) {
	if w.r.Doc != nil {
		return recordedModules(w.r, w.new, w.newK)
	}
	out := meetings(w.r)
	for i := range out {
		out[i].Build = encounter.Build{On: w.newK, By: model.ByAssumed}
		if i < len(mods) && mods[i].mod.Build.Denied != "" {
			_, out[i].Build = encounter.FindBuild(out[i].Facts, []*kernel.Kernel{w.oldK})
		}
	}
	return out, nil
}

// recordedModules are the modules of a manifest, built on its base, with their
// references where there are some.
func recordedModules(r *release.Release, m *manifest.Manifest, k *kernel.Kernel) ([]encounter.Module, error) {
	refs, err := r.WholeRefs()
	if err != nil {
		return nil, err
	}
	out := make([]encounter.Module, len(m.Modules))
	for i := range m.Modules {
		x := &m.Modules[i]
		out[i] = encounter.Module{Path: x.Path, Name: x.Name, Record: x, Build: encounter.Build{On: k, By: model.ByAssumed}}
		if refs != nil {
			out[i].Refs, out[i].Distilled = refs.Of(x.Path), refs.DistilledOf(x.Path)
		}
	}
	return out, nil
}

// symbols are the figures of what both kernels export: facts, whether the
// encounter is judged or not.
func (w *window) symbols() {
	x := w.offer.Exports
	if x == nil {
		return
	}
	w.res.Symbols = &model.SymbolFacts{
		Old: x.OldCount, New: x.NewCount, Common: x.Common, Compared: x.Compared,
		Changed: len(x.Changed), Lost: len(x.Lost), Added: len(x.Added), Moved: len(x.Moved),
		LeftImage: len(x.LeftImage) + len(x.JoinedImage), Stricter: len(x.Stricter),
		Namespace: len(x.NamespaceNeeded), Uncovered: len(x.Uncovered),
	}
}

// windowState is a window whose findings are gathered.
type windowState struct {
	*window
	n      *notes
	policy *policy.Policy // its settings; its rules are applied afterwards
}

// findings gathers what was measured.
func (w *window) findings(n *notes, p *policy.Policy) {
	if !w.res.Judged {
		return
	}
	s := &windowState{window: w, n: n, policy: p}
	for _, f := range releaseFindings(w.p.old, oldSide, w.old.Release) {
		s.add(f)
	}
	for _, f := range s.abiFindings(w.offer) {
		s.addText(f.Finding, f.text)
	}
	s.vermagic()
	s.moduleSets()
	s.loadFindings()
	s.btf()
	s.mismatch()
	s.reverseFindings()
	s.signer()
}

// add puts a finding of this encounter.
func (w *windowState) add(f model.Finding) { w.addText(f, nil) }

// addText is add for a finding whose message depends on the number of subjects.
func (w *windowState) addText(f model.Finding, text func(int) string) {
	f.Against = w.old.Release
	if f.Encounter == "" {
		f.Encounter = model.Window
	}
	w.n.add(meeting{window: w.window}, f, text)
}

// concluded puts what the policy left of the findings into the result: the
// action of the encounter in both states of enforcement.
func (w *window) concluded(n *notes, p *policy.Policy) model.WindowResult {
	if !w.res.Judged {
		return w.res
	}
	rest, signatures := model.Keep, model.Keep
	for _, x := range n.list {
		switch {
		case x.in.window != w:
		case x.Rule != ruleSigner:
			rest = max(rest, x.Action)
		case p.Signatures == policy.Ignored:
			signatures = model.Bump // the answer where they are enforced
		default:
			signatures = max(signatures, x.Action)
		}
	}
	w.res.IfIgnored, w.res.IfEnforced = rest, max(rest, signatures)
	w.res.Action = w.res.IfEnforced
	if p.Signatures == policy.Ignored {
		w.res.Action = w.res.IfIgnored
	}
	return w.res
}
