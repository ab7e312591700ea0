package judge

import (
	"context"
	"slices"

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

// window is one new release on one older kernel, measured. The policy has a part
// in what the modules need alone (needs). Nothing in it changes once it was made.
type window struct {
	p          pairing
	r          *release.Release
	old, new   *manifest.Manifest
	oldK, newK *kernel.Kernel
	equal      model.Equality
	classes    *meaning.Classes // of both bases; nil when they are equal or one is not at hand
	offer      *abi.Result      // what the kernels offer to modules
	// forth are the new modules on the old kernel, back the old modules on the new
	// one.
	forth, back meetings
	reverse     model.ReverseResult
	needs       needs // of forth
	change      *baseChange
}

// meetings are modules and what one kernel does with them.
type meetings struct {
	mods  []encounter.Module
	cells []encounter.Cell
}

// meetWindow asks the old kernel about the new modules, and the new one about
// the old modules, which stand for all that was built on the old base. Each side
// may be a manifest: then it answers what it holds.
func meetWindow(ctx context.Context, p pairing, r *release.Release, k *kernel.Kernel, new *manifest.Manifest, mods []moduleSelf, o *Options) (*window, error) {
	old, err := p.old.Record("")
	if err != nil {
		return nil, err
	}
	w := &window{p: p, r: r, old: old, new: new, newK: k, reverse: noReverse(p.why), needs: needs{each: make([]model.ModuleWindow, len(new.Modules))}}
	if w.oldK, err = kernel.Of(p.old); err != nil {
		return nil, err
	}
	w.equal = sameBase(w.oldK, w.newK)
	if !p.judged {
		w.offer = abi.Compare(&abi.Side{Exports: p.old.Symvers}, &abi.Side{Exports: r.Symvers}, nil)
		return w, nil
	}
	classes := o.bases.Classes(w.oldK, w.newK)
	if w.equal != model.Equal {
		w.classes = classes
	}
	w.offer = compareABI(p.old, old, r, new, o.Imported, classes)
	if w.forth, err = w.meetForth(ctx, mods, o); err != nil {
		return nil, err
	}
	if w.back, w.reverse, err = w.meetBack(ctx, o); err != nil {
		return nil, err
	}
	w.needs = w.needsOf(o.Policy)
	w.change = w.baseChange()
	return w, nil
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

// meetForth asks the old kernel about the new modules. Modules of the old release
// may be loaded already, and modprobe does not replace those.
func (w *window) meetForth(ctx context.Context, mods []moduleSelf, o *Options) (m meetings, err error) {
	if m.mods, err = w.newModules(mods); err != nil {
		return m, err
	}
	around := encounter.Around{SameRelease: true, Loaded: true, Trust: kernel.Trust{Pool: w.newK.Certificates(), Verifier: o.verifier}}
	loads := encounter.Loads(w.oldK, m.mods, around, o.Jobs)
	m.cells, err = encounter.All(ctx, w.oldK, m.mods, loads, o.bases, o.Jobs)
	return m, err
}

// newModules are the new modules as they meet the old kernel: what self found
// out about them, else as recorded. One that was not encoded against its own
// release's base may have been against the old one's.
func (w *window) newModules(mods []moduleSelf) ([]encounter.Module, error) {
	if w.r.Doc != nil {
		return recordedModules(w.r, w.new, w.newK)
	}
	out := modulesOf(w.r)
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

// symbolFacts are the figures of what both kernels export: facts, whether the
// encounter is judged or not.
func symbolFacts(x *abi.Exports) *model.SymbolFacts {
	if x == nil {
		return nil
	}
	return &model.SymbolFacts{
		Old: x.OldCount, New: x.NewCount, Common: x.Common, Compared: x.Compared,
		Changed: len(x.Changed), Lost: len(x.Lost), Added: len(x.Added), Moved: len(x.Moved),
		LeftImage: len(x.LeftImage) + len(x.JoinedImage), Stricter: len(x.Stricter),
		Namespace: len(x.NamespaceNeeded), Uncovered: len(x.Uncovered),
	}
}

// notes are what was measured.
func (w *window) notes(p *policy.Policy) []note {
	if !w.p.judged {
		return nil
	}
	var list []note
	for _, f := range releaseFindings(w.p.old, oldSide, w.old.Release) {
		list = append(list, said(f))
	}
	list = slices.Concat(list, w.abiNotes(p), w.vermagic(), w.moduleSets(p), w.loadNotes(p), w.btfNotes(), w.changeNotes(), w.kfuncNotes(), w.healthNotes(p), w.bareKfuncs(), w.mismatchUnknown(), w.mismatch(), w.reverseNotes(p), w.signer(p))
	for i := range list {
		x := &list[i]
		x.in, x.Against = meeting{window: w}, w.old.Release
		if x.Encounter == "" {
			x.Encounter = model.Window
		}
	}
	return list
}

// concluded is the encounter's result, with what the policy left of its
// findings: the action in both states of enforcement.
func (w *window) concluded(j *judged, p *policy.Policy) model.WindowResult {
	none := []model.Count{}
	res := model.WindowResult{Old: refOf(w.p.old, w.old), Judged: w.p.judged, Why: w.p.why, BaseEqual: w.equal, Symbols: symbolFacts(w.offer.Exports),
		Verdicts: none, Meanings: none, Loads: model.LoadCounts{Ignored: none, Enforced: none}, Reverse: w.reverse}
	if !w.p.judged {
		return res
	}
	res.Verdicts, res.Meanings, res.Loads, res.SameAt = w.needs.counts()
	if w.change != nil {
		res.Change = w.change.document()
	}
	rest, signatures := model.Keep, model.Keep
	for _, x := range j.list {
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
	res.IfIgnored, res.IfEnforced = rest, max(rest, signatures)
	res.Action = res.IfEnforced
	if p.Signatures == policy.Ignored {
		res.Action = res.IfIgnored
	}
	return res
}
