package judge

import (
	"slices"

	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
)

// cell asks kernel k about a module, and settles what it needs there.
func (x *outside) cell(s *externalModule, k int, p *encounter.Peers) onKernel {
	c := encounter.Meet(x.kernels[k], &s.mod, p)
	load := p.Load
	out := onKernel{cell: c, ModuleOn: model.ModuleOn{Kernel: k, Verdict: c.Verdict, Meaning: c.Meaning, Words: c.Words,
		Vermagic: vermagicWord(s.m.Facts.Modinfo.Vermagic, x.kernels[k].Vermagic(), load),
		Compared: load.Compared, Changed: load.Changed, Missing: load.Missing, Load: encounter.ModuleLoad(load)}}
	out.settle(&c, s.m.Facts != nil && s.m.Facts.BTF.Len() > 0)
	return out
}

// settle says what the module needs on the kernel: the lowest action that is
// safe, and what is not known.
func (o *onKernel) settle(c *encounter.Cell, hasBTF bool) {
	repair := func(rule, why string) {
		o.Action, o.Why, o.rule = model.Strip, why, rule
		if !hasBTF || c.BareFails == tri.Yes {
			o.Action = model.RebuildFor
		}
	}
	switch c.Verdict {
	case model.Blocked:
		o.Action, o.Why, o.rule = model.RebuildFor, c.Load.Why(false).String(), "outside.blocked"
		return
	case model.Attached:
		switch c.Meaning {
		case model.Different:
			repair("outside.different", "the kernel takes it with other types: "+c.Differs)
		case model.MeaningUnknown:
			repair("outside.meaning-unknown", "the kernel takes it, perhaps with other types: "+c.Differs)
		}
	case model.Dropped:
		if o.rule = "outside.dropped"; c.Stale.Any() {
			repair("outside.stale-ids", "its BTF is dropped, and an id list of it, which no kernel checks, is read with another base")
		}
	case model.Rejected:
		repair("outside.rejected", c.Words)
	case model.InitFails:
		repair("outside.init-fails", c.Words)
	case model.VerdictUnknown:
		o.unasked(c, repair)
	}
	if why := c.Asks(encounter.AboutLoad); why != "" && !o.Unknown && o.Action == model.Keep {
		o.Unknown, o.Why, o.rule = true, "not known: "+why, "outside.unknown"
	}
}

// unasked: what the kernel does with the module is not known. Where what its
// types are there is, or its base at least, removing the BTF is safe whatever it
// does.
func (o *onKernel) unasked(c *encounter.Cell, repair func(rule, why string)) {
	why := c.Asks(encounter.AboutVerdict)
	if why == "" {
		why = c.Asks(encounter.AboutInit)
	}
	switch c.Meaning {
	case model.Different:
		repair("outside.different", "the kernel refuses it, or takes it with other types: "+c.Differs)
		o.Unknown = c.BareFails == tri.Unknown
	default:
		o.Unknown, o.Why, o.rule = true, why, "outside.unknown"
	}
}

// repair finds the one rewriting that serves all kernels that need one:
// distilled where every kernel that reads the BTF takes the result, else
// without BTF.
func (x *outside) repair(s *externalModule, d *distill.Distiller) {
	if !slices.ContainsFunc(s.cells, func(c onKernel) bool { return c.Action == model.Strip }) {
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
func (x *outside) distillable(s *externalModule, d *distill.Distiller) bool {
	if s.builtOn < 0 || s.m.Facts.BTFBase.Len() > 0 {
		return false
	}
	for i := range s.cells {
		c := &s.cells[i]
		k := x.kernels[c.Kernel]
		if c.Verdict == model.Blocked || k.ReadsBTF().Is == tri.No {
			continue
		}
		t := c.cell.Distilled
		if !t.Tried {
			t = encounter.TryDistilled(k, &s.mod, &encounter.Peers{Bases: x.bases, Distiller: d})
		}
		if !t.Helps() || c.cell.Stale.Any() {
			return false
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

// readsBTF reports whether any of the kernels may read the BTF of modules.
func (x *outside) readsBTF() bool {
	return slices.ContainsFunc(x.kernels, func(k *kernel.Kernel) bool { return k.ReadsBTF().Is != tri.No })
}
