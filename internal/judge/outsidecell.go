package judge

import (
	"encoding/hex"
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/model"
)

// builtOn finds the kernel whose base a module was encoded against: by its
// stamp, else the one that its vermagic names, unless its BTF contradicts.
func (x *outside) builtOn(s *outsider) (int, model.Evidence) {
	f := s.m.Facts
	if len(f.BTF) == 0 {
		return -1, model.ByAssumed
	}
	if mark, err := stamp.Parse(f.Stamp); err == nil && f.Stamp != nil {
		for k, h := range x.hosts {
			if mark.Base != nil && h.base != nil && hex.EncodeToString(mark.Base.Digest[:]) == h.base.ref.SHA256 {
				return k, model.ByStamp
			}
		}
		if mark.Base != nil {
			return -1, model.ByStamp
		}
	}
	word, _, _ := strings.Cut(f.Modinfo.Vermagic, " ")
	for k, h := range x.hosts {
		if h.r.Name != word || h.r.Arch != f.Arch || h.index == nil {
			continue
		}
		if res, ok := h.evidence(f); ok && res.Conclusion != evidence.Contradicted {
			by := model.ByAssumed
			if names := res.Names(); len(names) > 0 {
				by = model.Evidence(names[0])
			}
			return k, by
		}
	}
	return -1, model.ByAssumed
}

// evidence asks whether a module's BTF can be of this kernel's base; false
// where it cannot be parsed on it.
func (h *host) evidence(f *kmod.Facts) (evidence.Result, bool) {
	raw, err := splitOn(f, h.base.raw)
	if err != nil {
		return evidence.Result{}, false
	}
	return h.index.Judge(raw, evidence.Module{Words: words(f.IDs), Versions: versionEntries(f)}), true
}

func splitOn(f *kmod.Facts, base *btf.Raw) (*btf.Raw, error) {
	if len(f.BTFBase) > 0 {
		var err error
		if base, err = btf.Parse(f.BTFBase); err != nil {
			return nil, err
		}
	}
	return btf.ParseSplit(f.BTF, base)
}

// cell judges module i on kernel k.
func (x *outside) cell(i, k int, load *loadcheck.Result) model.OutsideCell {
	h, s := x.hosts[k], &x.list[i]
	f := s.m.Facts
	c := model.OutsideCell{Kernel: k, Verdict: model.VerdictUnknown, Meaning: model.MeaningUnknown, Needs: model.NeedsUnknown,
		Vermagic: vermagicWord(f.Modinfo.Vermagic, h.loader.Vermagic, load),
		Compared: load.Compared, Changed: load.Changed, Missing: load.Missing, Load: loadOf(load)}
	if why := load.Why(false); why != nil && why.When == loadcheck.Always {
		c.Verdict, c.Meaning, c.Needs, c.Why = model.Blocked, model.MeaningNone, model.NeedsRebuild, why.String()
		return c
	}
	switch {
	case h.reads == kimage.No:
		c.Verdict, c.Meaning, c.Needs = model.Inert, model.MeaningNone, model.Keep.String()
	case h.kernel != nil:
		x.asked(&c, i, k)
	case len(f.BTF) == 0 && !registersIDs(f):
		c.Verdict, c.Meaning, c.Needs = model.Inert, model.MeaningNone, model.Keep.String()
	default:
		c.Why = "the kernel's image or base is not there: what it does with the BTF is not known"
	}
	if c.Needs == model.Keep.String() && len(load.Gaps) > 0 && !onlySignature(load) {
		c.Needs, c.Why = model.NeedsUnknown, "not known: "+load.Gaps[0]
	}
	return c
}

// onlySignature: what a kernel that does not enforce signatures makes of one
// does not decide.
func onlySignature(r *loadcheck.Result) bool {
	return len(r.Gaps) == 1 && strings.Contains(r.Gaps[0], "signature")
}

func registersIDs(f *kmod.Facts) bool {
	reg := registered(f)
	return len(reg.Kfuncs) > 0 || reg.RegistersDtors
}

// asked: the kernel's own verdict, and what the module means there.
func (x *outside) asked(c *model.OutsideCell, i, k int) {
	h, f := x.hosts[k], x.list[i].m.Facts
	a := h.kernel.ask(f)
	c.Verdict, c.Words, c.Meaning, c.Needs = a.verdict, a.words, model.MeaningNone, model.Keep.String()
	repair := func(why string) {
		c.Needs, c.Why = model.Strip.String(), why
		if len(f.BTF) == 0 || a.bareFails {
			c.Needs = model.NeedsRebuild
		}
	}
	switch a.verdict {
	case model.Attached:
		var why string
		if c.Meaning, why = x.meaning(i, k); c.Meaning != model.Same {
			repair(why)
		}
	case model.Dropped:
		if plainList(f, h) {
			repair("its BTF is dropped, and an id list of it, which no kernel checks, is read with another base")
		}
	case model.Rejected, model.InitFails:
		repair(a.words)
	}
}

// plainList tells whether a module compares plain ids of another base.
func plainList(f *kmod.Facts, h *host) bool {
	if f.IDs == nil || h.base == nil {
		return false
	}
	return !f.IDs.Located || slices.ContainsFunc(f.IDs.Words, func(w kmod.IDWord) bool {
		return w.Set < 0 && w.ID != 0 && w.ID < h.base.raw.NumTypes()
	})
}

// meaning of a module that a kernel takes.
func (x *outside) meaning(i, k int) (model.Meaning, string) {
	h, f := x.hosts[k], x.list[i].m.Facts
	if len(f.BTFBase) > 0 {
		return model.Same, "" // relocated by name and size
	}
	if on := x.out[i].BuiltOn; on >= 0 {
		b := x.hosts[on]
		if b.base.ref.SHA256 == h.base.ref.SHA256 {
			return model.Same, ""
		}
		return x.compared(i, on, k)
	}
	if res, ok := h.evidence(f); ok && res.Conclusion == evidence.Contradicted {
		return model.Different, "the kernel takes it with other types: " + res.First().Text
	}
	return model.MeaningUnknown, "the kernel takes it, perhaps with other types: the kernel it was built on is not among those given"
}

// compared is the meaning of a module of kernel on's base on kernel k.
func (x *outside) compared(i, on, k int) (model.Meaning, string) {
	r := x.comparison(on, k).module(x.list[i].m.Facts)
	switch word := r.word(); word {
	case model.Different:
		return word, "the kernel takes it with other types: " + r.differs
	case model.MeaningUnknown:
		return word, "the kernel takes it, perhaps with other types than those of " + x.hosts[on].r.Name + ": " + r.differs
	default:
		return word, ""
	}
}

// comparison classes the bases of two kernels when it is first asked for.
func (x *outside) comparison(on, k int) *comparison {
	x.mu.Lock()
	defer x.mu.Unlock()
	c := x.pairs[[2]int{on, k}]
	if c == nil {
		of, here := x.hosts[on], x.hosts[k]
		c = &comparison{&classed{here.base.raw, of.base.raw, meaning.Classify(here.base.raw, of.base.raw)}, here.kernel, of.kernel}
		if x.pairs == nil {
			x.pairs = map[[2]int]*comparison{}
		}
		x.pairs[[2]int{on, k}] = c
	}
	return c
}

// repair finds the one rewriting that serves all kernels that need one:
// distilled where every kernel that reads the BTF takes the result, else
// without BTF.
func (x *outside) repair(i int, d *distill.Distiller) {
	m := &x.out[i]
	need := false
	for _, c := range m.On {
		need = need || c.Needs == model.Strip.String()
	}
	if !need {
		return
	}
	m.Action = model.Strip
	if x.distillable(i, d) {
		m.Action = model.Distill
	}
	for c := range m.On {
		if m.On[c].Needs == model.Strip.String() {
			m.On[c].Needs = m.Action.String()
		}
	}
}

// distillable tries it on every kernel that loads the module and reads its BTF.
func (x *outside) distillable(i int, d *distill.Distiller) bool {
	m, f := &x.out[i], x.list[i].m.Facts
	if m.BuiltOn < 0 || len(f.BTFBase) > 0 {
		return false
	}
	r, why := distilled(d, f, x.hosts[m.BuiltOn].base.raw)
	if why != "" {
		return false
	}
	for _, c := range m.On {
		h := x.hosts[c.Kernel]
		if c.Verdict == model.Blocked || h.reads == kimage.No {
			continue
		}
		if h.kernel == nil || !h.kernel.profile.Distilled || plainList(f, h) {
			return false
		}
		if res := h.kernel.base.Module(r.Split, r.Base); !res.OK {
			return false
		}
		if x.hosts[m.BuiltOn].kernel != nil && x.comparison(m.BuiltOn, c.Kernel).distil(d, f).why != "" {
			return false // taken, with a layout that is another one there
		}
	}
	return true
}

// vermagicWord compares as the kernel does.
func vermagicWord(have, want string, load *loadcheck.Result) string {
	for _, r := range load.Reasons {
		if r.Rule == loadcheck.RuleVermagic {
			return "differs"
		}
	}
	switch {
	case want == "" || have == "":
		return "unknown"
	case have == want:
		return "equal"
	}
	return "other-release"
}
