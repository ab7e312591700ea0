package encounter

import (
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/tri"
)

// Trial is what would become of a module if it were distilled.
type Trial struct {
	Tried bool
	// Why it does not help, "" when it does.
	Why string
	// Deeper is the first type behind a pointer that is another one on the
	// kernel.
	Deeper string
	// Bytes is the size of .BTF and .BTF.base then, 0 where it does not help.
	Bytes int64
}

// Helps reports whether the module, distilled, is taken by the kernel and by
// its own with the types it means.
func (t *Trial) Helps() bool { return t.Tried && t.Why == "" }

// trial tries it where something has to be done and it may help.
func (c *Cell) trial(k *kernel.Kernel, m *Module, p *Peers) Trial {
	if c.Sound() || m.kind() == manifest.BTFNone || k.ReadsBTF().Is == tri.No {
		return Trial{}
	}
	return TryDistilled(k, m, p)
}

// MayDistill reports whether distilling can be tried: both kernels honour
// .BTF.base, and the base that the module was built on is at hand.
func MayDistill(k, on *kernel.Kernel) bool {
	return on != nil && k.Rules() != nil && on.Rules() != nil && k.HonoursDistilled() == tri.Yes && on.HonoursDistilled() == tri.Yes
}

// TryDistilled distils a module in memory and asks both kernels: the one it
// meets, and its own. Both must take it, and it must mean on the one what it
// means on the other, as far as layouts are embedded; what a pointer leads to is
// that kernel's own (btf_relocate, docs/kernel-rules.md, "Distilled bases"). The zero Trial where it
// cannot be tried.
func TryDistilled(k *kernel.Kernel, m *Module, p *Peers) Trial {
	m = m.opened(p.Distiller)
	f, on := m.types(), m.Build.On
	if f == nil || f.BTF.Len() == 0 || !MayDistill(k, on) {
		return Trial{}
	}
	no := func(why string) Trial { return Trial{Tried: true, Why: why} }
	split, under, ids := f.BTF.Bytes(), f.BTFBase.Bytes(), func(id btf.ID) (btf.ID, bool) { return id, true }
	if len(under) == 0 {
		r, why := distilled(p.Distiller, f, on.Base.Raw)
		if why != "" {
			return no(why)
		}
		split, under, ids = r.Split, r.Base, r.ID
	}
	onOld, res := k.Rules().Relocate(split, under)
	if !res.OK {
		return no("distilled, the kernel refuses it: " + res.String())
	}
	onNew, res := on.Rules().Relocate(split, under)
	if !res.OK {
		return no("distilled, its own kernel refuses it: " + res.String())
	}
	x := meaning.Module{OnOld: onOld, OnNew: onNew}
	var err error
	if x.Split, err = splitOn(&kmod.Facts{BTF: kmod.BlobOf(split), BTFBase: kmod.BlobOf(under)}, nil); err != nil {
		return no("cannot be distilled: " + err.Error())
	}
	if x.IDs, err = relocatedIDs(f, ids); err != nil {
		return no(err.Error())
	}
	cl := p.Bases.classes(k, on)
	out := cl.Judge(x)
	if !out.Same(meaning.ByValue) {
		return no("distilled, it means something else on the kernel: " + m.text(cl, x.Split, out.First[meaning.ByValue]))
	}
	t := Trial{Tried: true, Bytes: int64(len(split) + len(under))}
	if m.Facts == nil { // what stands for it has other names, and so another size
		t.Bytes = m.Record.BTF.Size + m.Record.BTF.BaseSize
	}
	if !out.Same(meaning.Deep) {
		t.Deeper = m.text(cl, x.Split, out.First[meaning.Deep])
	}
	return t
}

// distilled distils a module that lies on a base.
func distilled(d *distill.Distiller, f *kmod.Facts, base *btf.Raw) (r *distill.Result, why string) {
	raw, err := btf.ParseSplit(f.BTF.Bytes(), base)
	if err != nil {
		return nil, "cannot be distilled: " + err.Error()
	}
	if r, err = d.Distill(raw); err != nil {
		return nil, "cannot be distilled: " + err.Error()
	}
	return r, ""
}
