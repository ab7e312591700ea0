package judge

import (
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
)

// loads asks whether the release's own kernel loads its modules at all. One
// that it refuses was not made for it: nothing but a rebuild helps.
func (s *selfState) loads(res *model.SelfResult, mods []moduleSelf, m *manifest.Manifest, own [][]byte) {
	facts, names := factsOf(s.r.Modules)
	scene := loadcheck.Scene{Kernel: loaderOf(s.r, m, nil, own, s.trust.verifier), Beside: loadcheck.Of(facts, names)}
	answers := scene.All(facts, names, s.jobs)
	res.Loads = countLoads(answers)
	f := model.Finding{Rule: "self.blocked", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
		Hint: "image and modules are not of one build, or a module that these need is missing from it"}
	open := model.Finding{Rule: "self.load-unknown", Severity: model.Warning, Encounter: model.Self,
		Hint: "the headers package with Module.symvers, the config and the vmlinuz tell"}
	for i := range mods {
		x := &mods[i]
		x.load = answers[i]
		if why := x.load.Why(false); why != nil {
			x.verdict, x.words = model.Blocked, why.String()
			if why.Rule != loadcheck.RuleSignature { // has findings of its own
				s.n.many(f, modulesText("that this kernel refuses to load, whatever their BTF"), x.m.Path, x.m.Path+": "+x.words)
			}
		} else if len(x.load.Gaps) > 0 {
			s.n.many(open, modulesText("of which it is not known whether this kernel loads them"), x.m.Path, x.load.Gaps[0])
		}
	}
}
