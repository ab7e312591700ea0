package judge

import (
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/model"
)

// selfLoads: a module that its own kernel does not load at all was not made for
// it: nothing but a rebuild helps.
func selfLoads(mods []moduleSelf) (model.LoadCounts, []note) {
	var n gathering
	var counts model.LoadCounter
	f := model.Finding{Rule: "self.blocked", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
		Hint: "image and modules are not of one build, or a module that these need is missing from it"}
	open := model.Finding{Rule: "self.load-unknown", Severity: model.Warning, Encounter: model.Self,
		Hint: "the headers package with Module.symvers, the config and the vmlinuz tell"}
	for i := range mods {
		x := &mods[i]
		load := encounter.ModuleLoad(x.cell.Load)
		counts.Add(&load)
		if why := x.cell.Load.Why(false); why != nil {
			if why.Rule != loadcheck.RuleSignature { // has findings of its own
				n.add(f, modulesText("that this kernel refuses to load, whatever {its|their} BTF"), x.m.Path, x.m.Path+": "+why.String())
			}
		} else if why := x.cell.Asks(encounter.AboutLoad); why != "" {
			n.add(open, modulesText("of which it is not known whether this kernel loads {it|them}"), x.m.Path, why)
		}
	}
	return counts.Counts(), n
}
