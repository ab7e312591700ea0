package judge

import (
	"slices"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
)

// cell is one module on one kernel, with the rule of the finding that says
// what is wrong there; "" where nothing is.
type cell struct {
	model.ModuleOn
	rule string
	load *loadcheck.Result
}

// builtOn finds the kernel whose base a module was encoded against: by its
// stamp, else the one that its vermagic names, unless its BTF contradicts.
func (x *outside) builtOn(f *kmod.Facts) (int, model.Evidence) {
	if len(f.BTF) == 0 {
		return -1, model.ByAssumed
	}
	if mark, err := stamp.Parse(f.Stamp); err == nil && mark.Base != nil && mark.FitsSections(f.BTF, f.BTFBase) {
		return slices.IndexFunc(x.hosts, func(h *host) bool {
			return h.base != nil && mark.Base.Digest == h.base.sum
		}), model.ByStamp
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
	res, err := EvidenceOn(f, h.base.raw, h.index)
	return res, err == nil
}

// EvidenceOn asks whether a module's BTF can have been encoded against a base,
// with its index; an error where it cannot be parsed on it.
func EvidenceOn(f *kmod.Facts, base *btf.Raw, index *evidence.Base) (evidence.Result, error) {
	raw, err := splitOn(f, base)
	if err != nil {
		return evidence.Result{}, err
	}
	return index.Judge(raw, evidence.Module{Words: words(f.IDs), Versions: versionEntries(f)}), nil
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

// cell judges a module on kernel k.
func (x *outside) cell(s *outsider, k int, load *loadcheck.Result) cell {
	h, f := x.hosts[k], s.m.Facts
	c := cell{load: load, ModuleOn: model.ModuleOn{Kernel: k, Verdict: model.VerdictUnknown, Meaning: model.MeaningUnknown,
		Vermagic: vermagicWord(f.Modinfo.Vermagic, h.loader.Vermagic, load),
		Compared: load.Compared, Changed: load.Changed, Missing: load.Missing, Load: loadOf(load)}}
	if why := load.Why(false); why != nil && why.When == loadcheck.Always {
		c.Verdict, c.Meaning, c.Action, c.Why, c.rule = model.Blocked, model.MeaningNone, model.RebuildFor, why.String(), "outside.blocked"
		return c
	}
	switch {
	case h.reads == tri.No, h.kernel == nil && len(f.BTF) == 0 && !registersIDs(f):
		c.Verdict, c.Meaning = model.Inert, model.MeaningNone
	case h.kernel != nil:
		x.asked(&c, s, k)
	default:
		c.open("the kernel's image or base is not there: what it does with the BTF is not known")
	}
	if c.Action == model.Keep && !c.Unknown && len(load.Gaps) > 0 && !onlySignature(load) {
		c.open("not known: " + load.Gaps[0])
	}
	return c
}

// open leaves the answer open.
func (c *cell) open(why string) { c.Unknown, c.Why, c.rule = true, why, "outside.unknown" }

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
func (x *outside) asked(c *cell, s *outsider, k int) {
	h, f := x.hosts[k], s.m.Facts
	a := h.kernel.ask(f)
	c.Verdict, c.Words, c.Meaning = a.verdict, a.words, model.MeaningNone
	repair := func(rule, why string) {
		c.Action, c.Why, c.rule = model.Strip, why, rule
		if len(f.BTF) == 0 || a.bareFails {
			c.Action = model.RebuildFor
		}
	}
	switch a.verdict {
	case model.Attached:
		var why string
		switch c.Meaning, why = x.meaning(s, k); c.Meaning {
		case model.Different:
			repair("outside.different", why)
		case model.MeaningUnknown:
			repair("outside.meaning-unknown", why)
		}
	case model.Dropped:
		if c.rule = "outside.dropped"; plainList(f, h) {
			repair("outside.stale-ids", "its BTF is dropped, and an id list of it, which no kernel checks, is read with another base")
		}
	case model.Rejected:
		repair("outside.rejected", a.words)
	case model.InitFails:
		repair("outside.init-fails", a.words)
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
func (x *outside) meaning(s *outsider, k int) (model.Meaning, string) {
	h, f := x.hosts[k], s.m.Facts
	if len(f.BTFBase) > 0 {
		return model.Same, "" // relocated by name and size
	}
	if s.builtOn >= 0 {
		if x.hosts[s.builtOn].base.ref.SHA256 == h.base.ref.SHA256 {
			return model.Same, ""
		}
		return x.compared(s, k)
	}
	if res, ok := h.evidence(f); ok && res.Conclusion == evidence.Contradicted {
		return model.Different, "the kernel takes it with other types: " + res.First().Text
	}
	return model.MeaningUnknown, "the kernel takes it, perhaps with other types: the kernel it was built on is not among those given"
}

// compared is the meaning on kernel k of a module of another kernel's base.
func (x *outside) compared(s *outsider, k int) (model.Meaning, string) {
	r := x.comparison(s.builtOn, k).module(s.m.Facts)
	switch word := r.word(); word {
	case model.Different:
		return word, "the kernel takes it with other types: " + r.differs
	case model.MeaningUnknown:
		return word, "the kernel takes it, perhaps with other types than those of " + x.hosts[s.builtOn].r.Name + ": " + r.differs
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
func (x *outside) repair(s *outsider, d *distill.Distiller) {
	if !slices.ContainsFunc(s.cells, func(c cell) bool { return c.Action == model.Strip }) {
		return
	}
	s.action = model.Strip
	if x.distillable(s, d) {
		s.action = model.Distill
	}
	for c := range s.cells {
		if s.cells[c].Action == model.Strip {
			s.cells[c].Action = s.action
		}
	}
}

// distillable tries it on every kernel that loads the module and reads its BTF.
func (x *outside) distillable(s *outsider, d *distill.Distiller) bool {
	f := s.m.Facts
	if s.builtOn < 0 || len(f.BTFBase) > 0 {
		return false
	}
	r, why := distilled(d, f, x.hosts[s.builtOn].base.raw)
	if why != "" {
		return false
	}
	for _, c := range s.cells {
		h := x.hosts[c.Kernel]
		if c.Verdict == model.Blocked || h.reads == tri.No {
			continue
		}
		if h.kernel == nil || !h.kernel.profile.Distilled || plainList(f, h) {
			return false
		}
		if res := h.kernel.base.Module(r.Split, r.Base); !res.OK {
			return false
		}
		if x.hosts[s.builtOn].kernel != nil && x.comparison(s.builtOn, c.Kernel).distil(d, f).why != "" {
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
