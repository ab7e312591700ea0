package judge

import (
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
)

// What is known of modules that are not there: their manifest, and with
// `record --refs` what they use of their base.

// refs is module for one of which only the references are there. What a kernel
// says to its BTF they do not tell.
func (c *classed) refs(m *manifest.ModuleRefs) read {
	refs := m.Refs
	if m.UnsureIDs {
		refs.IDs = nil
	}
	x := read{known: true, res: c.classes.JudgeRefs(&refs)}
	if m.UnsureIDs && gate(&x.res) {
		all := m.Refs
		all.OwnTypes = true // some of the words may be
		if with := c.classes.JudgeRefs(&all); !gate(&with) {
			x.known, x.differs = false, "nothing says which words of .BTF_ids are ids"
		}
	}
	switch {
	case !x.known:
	case !gate(&x.res):
		x.differs = c.classes.Text(nil, gateDifference(&x.res))
	case !x.res.Same(meaning.Deep):
		x.deeper = c.classes.Text(nil, x.res.First[meaning.Deep])
	}
	for l := range c.classes.LayoutsOf(&refs) {
		x.layouts = append(x.layouts, c.classes.Contrast(l.Old, l.New)+" in its own types")
	}
	moved := c.classes.JudgeRefsMoved(&refs)
	x.movable = gate(&moved)
	return x
}

// noRefs is why a module's meaning is not known although there are references.
const noRefs = "it has no references in the file of record --refs: its BTF is distilled, or was not well-formed on its base"

// lookByRefs reads new modules that are not there on the old base.
func (w *windowState) lookByRefs(out []looked, refs *manifest.Refs) {
	for i := range w.new.Modules {
		m := &w.new.Modules[i]
		switch x := refs.Of(m.Path); {
		case m.BTF.Kind == manifest.BTFNone || w.cmp == nil:
		case x == nil:
			out[i].read.differs = noRefs
		default:
			out[i].read = w.cmp.refs(x)
		}
	}
}

// reverseByRefs judges what the old modules mean on the new base, where they
// are not there but their references and their base are; done is false where
// something of it is missing. Whether the new kernel loads them, and takes their
// BTF, stays open.
func (w *windowState) reverseByRefs() (done bool, err error) {
	refs, err := w.p.old.WholeRefs()
	if err != nil || refs == nil {
		return false, err
	}
	var cmp *classed
	if w.res.BaseEqual != model.Equal {
		if err := w.classify(); err != nil || w.bases == nil {
			return false, err
		}
		cmp = w.bases.reversed()
	}
	res := &w.res.Reverse
	res.Judged, res.Modules, res.Why = true, len(w.old.Modules), "by the references recorded with the manifest: whether the new kernel takes them is not known"
	verdicts, meanings, loads := model.Counter{}, model.Counter{}, model.Counter{}
	for i := range w.old.Modules {
		x := w.reverseByRef(cmp, refs, &w.old.Modules[i])
		verdicts.Add(string(x.Verdict))
		meanings.Add(string(x.Meaning))
		loads.Add(string(x.Load.Loads))
		res.Each = append(res.Each, x)
	}
	res.Verdicts, res.Meanings = verdicts.Sorted(), meanings.Sorted()
	res.Loads = model.LoadCounts{Ignored: loads.Sorted(), Enforced: loads.Sorted()}
	return true, nil
}

func (w *windowState) reverseByRef(cmp *classed, refs *manifest.Refs, m *manifest.Module) model.ReverseModule {
	x := model.ReverseModule{Path: m.Path, Verdict: model.VerdictUnknown, Meaning: model.MeaningUnknown, Load: fromManifest(m).Load}
	switch r := refs.Of(m.Path); {
	case readsModuleBTF(w.new) == tri.No:
		x.Verdict, x.Meaning = model.Inert, model.MeaningNone
	case m.BTF.Kind == manifest.BTFNone:
		x.Meaning = model.MeaningNone
		switch missingIsFatal(w.new, m) {
		case tri.Yes:
			x.Verdict = model.InitFails
		case tri.No:
			x.Verdict = model.Inert
		}
	case w.res.BaseEqual == model.Equal:
		x.Meaning = model.Same
	case r != nil:
		on := cmp.refs(r)
		x.Meaning = on.word()
	}
	return x
}
