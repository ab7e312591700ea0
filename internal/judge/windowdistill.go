package judge

import (
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/kmod"
)

// trial is what would become of one module if it were distilled.
type trial struct {
	tried bool
	why   string // why it does not help, "" when it does
	// deeper is the first type behind a pointer that is another one on the old
	// kernel.
	deeper string
}

// distil distils a module in memory and asks both kernels: the old one, still
// booted, and its own after the reboot. Both must take it, and it must mean on
// the old one what it means on its own, as far as layouts are embedded; what a
// pointer leads to is the old kernel's own (btf_relocate, KERNEL-BTF.md §3.2).
func (c *comparison) distil(d *distill.Distiller, f *kmod.Facts) trial {
	no := func(why string) trial { return trial{tried: true, why: why} }
	split, under, ids := f.BTF, f.BTFBase, func(id btf.ID) (btf.ID, bool) { return id, true }
	if len(under) == 0 {
		r, why := distilled(d, f, c.base)
		if why != "" {
			return no(why)
		}
		split, under, ids = r.Split, r.Base, r.ID
	}
	onOld, res := c.old.base.Relocate(split, under)
	if !res.OK {
		return no("distilled, the old kernel refuses it: " + res.String())
	}
	onNew, res := c.own.base.Relocate(split, under)
	if !res.OK {
		return no("distilled, its own kernel refuses it: " + res.String())
	}
	base, err := btf.Parse(under)
	if err != nil {
		return no("cannot be distilled: " + err.Error())
	}
	m := meaning.Module{OnOld: onOld, OnNew: onNew}
	if m.Split, err = btf.ParseSplit(split, base); err != nil {
		return no("cannot be distilled: " + err.Error())
	}
	if m.IDs, err = relocatedIDs(f, ids); err != nil {
		return no(err.Error())
	}
	out := c.classes.Judge(m)
	if !out.Same(meaning.ByValue) {
		return no("distilled, it means something else on the old kernel: " + c.classes.Text(m.Split, out.First[meaning.ByValue]))
	}
	t := trial{tried: true}
	if !out.Same(meaning.Deep) {
		t.deeper = c.classes.Text(m.Split, out.First[meaning.Deep])
	}
	return t
}

// distilled distils a module that lies on a base.
func distilled(d *distill.Distiller, f *kmod.Facts, base *btf.Raw) (r *distill.Result, why string) {
	raw, err := btf.ParseSplit(f.BTF, base)
	if err != nil {
		return nil, "cannot be distilled: " + err.Error()
	}
	if r, err = d.Distill(raw); err != nil {
		return nil, "cannot be distilled: " + err.Error()
	}
	return r, ""
}
