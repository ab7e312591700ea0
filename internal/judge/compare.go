package judge

import (
	"bytes"
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// comparison is the base of an older kernel and that of the modules' own, with
// the types of both in classes: made once for two releases.
type comparison struct {
	*classed
	// old and own are the kernels, for modules with a .BTF.base; nil where an
	// image is not there.
	old, own *kernel
}

// classed are two bases with their types in classes.
type classed struct {
	theirs, base *btf.Raw // the older kernel's; the modules' own
	classes      *meaning.Classes
}

// classify classes the bases of two releases; nil where one is not there.
// Equal ones become one.
func classify(on, of *release.Release) (*classed, error) {
	theirs, err := wholeBase(on)
	if err != nil || theirs == nil {
		return nil, err
	}
	base, err := wholeBase(of)
	if err != nil || base == nil {
		return nil, err
	}
	if bytes.Equal(theirs.Bytes(), base.Bytes()) {
		theirs = base
	}
	return &classed{theirs, base, meaning.Classify(theirs, base)}, nil
}

// reversed are the same with the sides exchanged.
func (c *classed) reversed() *classed {
	return &classed{c.base, c.theirs, c.classes.Reversed()}
}

// gate tells whether a meaning is the same as far as the decision asks:
// identity, and the layout of what is embedded.
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

// read is what a module's BTF says on the older base.
type read struct {
	known   bool
	res     meaning.Result
	differs string // the first difference that the gate sees, or why it is not known
	deeper  string // the first that it does not see
	// layouts are the types that the module embeds and that the older base
	// lays out otherwise.
	layouts []string
	// movable: it would be the same had the older base been made as its own.
	movable bool
}

// word is the meaning of what is known.
func (r *read) word() model.Meaning {
	switch {
	case !r.known:
		return model.MeaningUnknown
	case gate(&r.res):
		return model.Same
	}
	return model.Different
}

// module reads a module's BTF on the older base.
func (c *comparison) module(f *kmod.Facts) read {
	var x read
	if f.BTFBase != nil && c.old != nil && !c.old.profile.Distilled {
		for d := range x.res.First {
			x.res.First[d].What = meaning.Unplaced
		}
		x.known, x.differs = true, "this kernel ignores .BTF.base and takes ids of that for its own"
		return x
	}
	m, why := c.parse(f)
	if why != "" {
		x.differs = why
		return x
	}
	ids, sure := f.TypeIDs()
	if sure {
		m.IDs = ids
	}
	x.known, x.res = true, c.judge(m, f)
	if !sure && gate(&x.res) {
		m.IDs = ids
		if all := c.judge(m, f); !gate(&all) {
			x.known, x.differs = false, "nothing says which words of .BTF_ids are ids"
		}
	}
	switch {
	case !x.known:
	case !gate(&x.res):
		x.differs = c.classes.Text(m.Split, gateDifference(&x.res))
	case !x.res.Same(meaning.Deep):
		x.deeper = c.classes.Text(m.Split, x.res.First[meaning.Deep])
	}
	for l := range c.classes.Layouts(m) {
		x.layouts = append(x.layouts, c.classes.Contrast(l.Old, l.New)+" in "+m.Split.Label(l.In))
	}
	if m.OnOld == nil {
		moved := c.classes.JudgeMoved(m.Split)
		x.movable = gate(&moved)
	}
	return x
}

// judge adds to Judge the plain id words of a module with a .BTF.base: no
// kernel relocates them (KERNEL-BTF.md §3.3).
func (c *comparison) judge(m meaning.Module, f *kmod.Facts) meaning.Result {
	res := c.classes.Judge(m)
	if m.OnOld == nil || f.IDs == nil {
		return res
	}
	for _, w := range f.IDs.Words {
		for d := range meaning.Depth(meaning.NumDepths) {
			if w.Set < 0 && res.Same(d) && !c.classes.InPlace(d, btf.ID(w.ID)) {
				res.First[d] = meaning.Difference{What: meaning.IDWord, ID: btf.ID(w.ID), Old: btf.ID(w.ID), New: btf.ID(w.ID)}
			}
		}
	}
	return res
}

// parse opens a module's BTF on what it lies on; why says why that cannot be
// judged.
func (c *comparison) parse(f *kmod.Facts) (m meaning.Module, why string) {
	var err error
	if f.BTFBase == nil {
		if m.Split, err = btf.ParseSplit(f.BTF, c.base); err != nil {
			return m, where.In(".BTF", err).Error()
		}
		return m, ""
	}
	if c.old == nil || c.own == nil {
		return m, "relocating its .BTF.base needs the images of both kernels"
	}
	under, err := btf.Parse(f.BTFBase)
	if err != nil {
		return m, where.In(".BTF.base", err).Error()
	}
	if m.Split, err = btf.ParseSplit(f.BTF, under); err != nil {
		return m, where.In(".BTF", err).Error()
	}
	onOld, r := c.old.base.Relocate(f.BTF, f.BTFBase)
	if !r.OK {
		return m, "the old kernel does not relocate its .BTF.base: " + r.String()
	}
	onNew, r := c.own.base.Relocate(f.BTF, f.BTFBase)
	if !r.OK {
		return m, "its own kernel does not relocate its .BTF.base: " + r.String()
	}
	m.OnOld, m.OnNew = onOld, onNew
	return m, ""
}

// staleLists are the plain id words of a module that the old kernel would
// compare with types of its own that are others: no kernel checks or relocates
// them. all is true when nothing says which words they are.
func (c *comparison) staleLists(f *kmod.Facts) (names []string, all bool) {
	if f.IDs == nil {
		return nil, false
	}
	if !f.IDs.Located {
		return nil, len(f.IDWords()) > 0
	}
	for _, w := range f.IDs.Words {
		if w.Set >= 0 || w.ID == 0 || int64(w.ID) >= int64(c.base.NumTypes()) {
			continue
		}
		if id := btf.ID(w.ID); !c.classes.InPlace(meaning.Identity, id) || !c.classes.InPlace(meaning.ByValue, id) {
			names = append(names, w.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), false
}

// relocatedIDs are the members of a module's id sets after it was distilled.
func relocatedIDs(f *kmod.Facts, ids func(btf.ID) (btf.ID, bool)) (out []btf.ID, err error) {
	if f.IDs == nil {
		return nil, nil
	}
	if !f.IDs.Located && len(f.IDWords()) > 0 {
		return nil, where.New(where.Unsupported, "cannot be distilled: nothing says which words of .BTF_ids are ids")
	}
	for _, w := range f.IDs.Words {
		if w.Set < 0 || w.ID == 0 {
			continue
		}
		id, ok := ids(btf.ID(w.ID))
		if !ok {
			return nil, where.New(where.Unsupported, "cannot be distilled: the id of %s in .BTF_ids is a type that the module does not refer to", w.Name)
		}
		out = append(out, id)
	}
	return out, nil
}
