package encounter

import (
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
	"kpkg-btf/internal/where"
)

const (
	ignoresBase = "this kernel ignores .BTF.base and takes ids of that for its own"
	noBuildBase = "the kernel it was built on is not among those given"
	noRefs      = "it has no references in the file of record --refs: its BTF was not well-formed on its base"
)

// means settles what the module's types are on the kernel: the table of the
// package comment, row by row.
func (c *Cell) means(k *kernel.Kernel, m *Module, bases *Bases) {
	kind := m.kind()
	distilled := kind == manifest.BTFDistilled
	switch {
	case kind == manifest.BTFNone, k.ReadsBTF().Is == tri.No:
		c.Meaning = model.MeaningNone
	case distilled && k.HonoursDistilled() == tri.No:
		c.different(ignoresBase)
	case m.Build.Denied != "":
		c.different(m.Build.Denied)
	case m.Build.Doubt != "":
		c.unknown("doubtful: " + m.Build.Doubt)
	case sameBase(k, m.Build.On):
		c.Meaning, c.Movable = model.Same, true
	case distilled && c.unplaced(k, m):
	case m.Build.On == nil && distilled && k.HonoursDistilled() == tri.Yes:
		c.Meaning = model.Same
	case m.Build.On == nil:
		c.unbuilt(k, m)
	case k.Base == nil || m.Build.On.Base == nil:
		c.unknown("one of the bases is not at hand")
	default:
		c.compare(k, m, bases)
	}
}

func (c *Cell) different(why string) { c.Meaning, c.Differs = model.Different, why }

func (c *Cell) unknown(why string) {
	c.Differs = why
	c.ask(AboutMeaning, why)
}

// unplaced: a type of .BTF.base is not found on the kernel.
func (c *Cell) unplaced(k *kernel.Kernel, m *Module) bool {
	f := m.types()
	if k.Rules() == nil || f == nil {
		return false
	}
	if _, r := k.Rules().Relocate(f.BTF.Bytes(), f.BTFBase.Bytes()); !r.OK {
		c.different("the kernel does not relocate its .BTF.base: " + r.String())
		return true
	}
	return false
}

// unbuilt: nothing says which base the module was encoded against. That it was
// this kernel's may be denied.
func (c *Cell) unbuilt(k *kernel.Kernel, m *Module) {
	if m.Facts != nil && k.Base != nil {
		if res, err := EvidenceOn(m.Facts, k.Base); err == nil && res.Conclusion == evidence.Contradicted {
			c.different(res.First().Text)
			return
		}
	}
	c.unknown(noBuildBase)
}

// Gate reports whether a meaning is the same as far as decisions ask: by
// identity, and by the layout of what is embedded.
func gate(r *meaning.Result) bool { return r.Same(meaning.Identity) && r.Same(meaning.ByValue) }

// gateDifference is the first that the gate sees.
func gateDifference(r *meaning.Result) meaning.Difference {
	for d := range meaning.Depth(meaning.NumDepths) {
		if !r.Same(d) {
			return r.First[d]
		}
	}
	return meaning.Difference{}
}

// compare compares the types on both bases.
func (c *Cell) compare(k *kernel.Kernel, m *Module, bases *Bases) {
	cl := bases.classes(k, m.Build.On)
	switch {
	case m.types() != nil:
		c.compareFacts(cl, k, m)
	case m.Refs != nil:
		c.compareRefs(cl, m)
	default:
		c.unknown(noRefs)
	}
}

// took puts the result of a comparison; split is nil where there are only
// references.
func (c *Cell) took(cl *meaning.Classes, res *meaning.Result, m *Module, split *btf.Raw) {
	c.Compared, c.Meaning = true, model.Same
	for d := range meaning.Depth(meaning.NumDepths) {
		c.SameAt[d] = res.Same(d)
	}
	switch {
	case !gate(res):
		c.different(m.text(cl, split, gateDifference(res)))
	case !res.Same(meaning.Deep):
		c.Deeper = m.text(cl, split, res.First[meaning.Deep])
	}
}

// text says a difference, and in which type of the module's own it is where
// those are at hand.
func (m *Module) text(cl *meaning.Classes, split *btf.Raw, d meaning.Difference) string {
	if m.Facts == nil {
		d.In = 0
	}
	return cl.Text(split, d)
}

// in names one of the module's own types, where those are at hand.
func (m *Module) in(split *btf.Raw, id btf.ID) string {
	if m.Facts == nil {
		return "its own types"
	}
	return split.Label(id)
}

const unsureWords = "nothing says which words of .BTF_ids are ids"

func (c *Cell) compareFacts(cl *meaning.Classes, k *kernel.Kernel, m *Module) {
	f := m.types()
	x, why := parse(k, m)
	if why != "" {
		c.unknown(why)
		return
	}
	ids, sure := f.TypeIDs()
	if sure {
		x.IDs = ids
	}
	res := judgeOn(cl, x, f)
	unsure := false
	if !sure && gate(&res) {
		x.IDs = ids
		all := judgeOn(cl, x, f)
		unsure = !gate(&all)
	}
	if unsure {
		c.unknown(unsureWords)
	} else {
		c.took(cl, &res, m, x.Split)
	}
	for l := range cl.Layouts(x) {
		c.Layouts = append(c.Layouts, cl.Contrast(l.Old, l.New)+" in "+m.in(x.Split, l.In))
	}
	moved := res // one that is relocated has moved already
	if x.OnOld == nil {
		moved = cl.JudgeMoved(x.Split)
	}
	c.Movable = gate(&moved)
}

// compareRefs is compareFacts for a module of which only references are kept.
func (c *Cell) compareRefs(cl *meaning.Classes, m *Module) {
	refs := m.Refs.Refs
	if m.Refs.UnsureIDs {
		refs.IDs = nil
	}
	res := cl.JudgeRefs(&refs)
	unsure := false
	if m.Refs.UnsureIDs && gate(&res) {
		all := m.Refs.Refs
		all.OwnTypes = true // some of the words may be
		with := cl.JudgeRefs(&all)
		unsure = !gate(&with)
	}
	if unsure {
		c.unknown(unsureWords)
	} else {
		c.took(cl, &res, m, nil)
	}
	for l := range cl.LayoutsOf(&refs) {
		c.Layouts = append(c.Layouts, cl.Contrast(l.Old, l.New)+" in "+m.in(nil, 0))
	}
	moved := cl.JudgeRefsMoved(&refs)
	c.Movable = gate(&moved)
}

// judgeOn adds to Judge the plain id words of a module with a .BTF.base: no
// kernel relocates them (docs/kernel-rules.md, "Ids of distilled modules").
func judgeOn(cl *meaning.Classes, m meaning.Module, f *kmod.Facts) meaning.Result {
	res := cl.Judge(m)
	if m.OnOld == nil || f.IDs == nil {
		return res
	}
	for _, w := range f.IDs.Words {
		for d := range meaning.Depth(meaning.NumDepths) {
			if w.Set < 0 && res.Same(d) && !cl.InPlace(d, btf.ID(w.ID)) {
				res.First[d] = meaning.Difference{What: meaning.IDWord, ID: btf.ID(w.ID), Old: btf.ID(w.ID), New: btf.ID(w.ID)}
			}
		}
	}
	return res
}

// parse opens a module's BTF on what it lies on; why says why that cannot be
// judged.
func parse(k *kernel.Kernel, m *Module) (x meaning.Module, why string) {
	f, on := m.types(), m.Build.On
	var err error
	if f.BTFBase.Len() == 0 {
		if x.Split, err = btf.ParseSplit(f.BTF.Bytes(), on.Base.Raw); err != nil {
			return x, where.In(".BTF", err).Error()
		}
		return x, ""
	}
	if k.Rules() == nil || on.Rules() == nil {
		return x, "relocating its .BTF.base needs the images of both kernels"
	}
	if x.Split, err = splitOn(f, nil); err != nil {
		return x, err.Error()
	}
	onOld, r := k.Rules().Relocate(f.BTF.Bytes(), f.BTFBase.Bytes())
	if !r.OK {
		return x, "the kernel does not relocate its .BTF.base: " + r.String()
	}
	onNew, r := on.Rules().Relocate(f.BTF.Bytes(), f.BTFBase.Bytes())
	if !r.OK {
		return x, "its own kernel does not relocate its .BTF.base: " + r.String()
	}
	x.OnOld, x.OnNew = onOld, onNew
	return x, ""
}

// splitOn parses a module's BTF on its own distilled base, else on base.
func splitOn(f *kmod.Facts, base *btf.Raw) (*btf.Raw, error) {
	if f.BTFBase.Len() > 0 {
		var err error
		if base, err = btf.Parse(f.BTFBase.Bytes()); err != nil {
			return nil, where.In(".BTF.base", err)
		}
	}
	raw, err := btf.ParseSplit(f.BTF.Bytes(), base)
	return raw, where.In(".BTF", err)
}
