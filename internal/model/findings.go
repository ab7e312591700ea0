package model

import "slices"

// About says what the subjects of a finding are.
type About string

const (
	OfRelease About = "release" // none: it is about the release itself
	OfModules About = "modules"
	OfSymbols About = "symbols"
)

// FindingRule describes the rule of a finding: what policies, linters and
// renderers may know of it before it occurs.
type FindingRule struct {
	Rule      string
	Encounter Encounter
	Of        About
	// Action is the highest that findings of this rule ask for by themselves.
	Action       Action
	Inconclusive bool   // it may leave the answer open
	Summary      string // in a few words, without figures
}

// Waivable tells whether a waiver can lower it: rebuild and inconclusive are
// lowered by nothing.
func (f FindingRule) Waivable() bool { return f.Action > Keep && f.Action < Rebuild }

// FindingRules are all rules there are, sorted by name.
func FindingRules() []FindingRule { return findingRules }

// FindingRuleOf finds a rule by its name.
func FindingRuleOf(rule string) (FindingRule, bool) {
	i, ok := slices.BinarySearchFunc(findingRules, rule, func(f FindingRule, name string) int {
		if f.Rule < name {
			return -1
		}
		if f.Rule > name {
			return 1
		}
		return 0
	})
	if !ok {
		return FindingRule{}, false
	}
	return findingRules[i], true
}

var findingRules = sortedRules([]FindingRule{
	{"abi.added", Window, OfSymbols, Keep, false, "exported symbols that are new"},
	{"abi.crc-changed", Window, OfSymbols, Bump, false, "exported symbols with another checksum"},
	{"abi.crc-only", Window, OfSymbols, Keep, false, "exported symbols with another checksum and the same types"},
	{"abi.deep", Window, OfSymbols, Keep, false, "exported symbols that reach changed types behind pointers"},
	{"abi.deep-unversioned", Window, OfSymbols, Bump, false, "the same of symbols without a checksum"},
	{"abi.layout", Window, OfSymbols, Bump, false, "exported symbols that hold changed layouts by value"},
	{"abi.types-unknown", Window, OfRelease, Keep, false, "types of exported symbols cannot be compared"},
	{"abi.undescribed", Window, OfSymbols, Keep, false, "exported symbols without a type in BTF"},
	{"abi.joined-image", Window, OfSymbols, Bump, false, "exports that moved from a module into vmlinux"},
	{"abi.left-image", Window, OfSymbols, Bump, false, "exports that moved from vmlinux into a module"},
	{"abi.lost", Window, OfSymbols, Bump, false, "exported symbols that are gone"},
	{"abi.moved", Window, OfSymbols, Keep, false, "exports that moved between modules"},
	{"abi.namespace", Window, OfSymbols, Bump, false, "exports that now need a namespace"},
	{"abi.stricter", Window, OfSymbols, Bump, false, "exports that are now for GPL modules only"},
	{"abi.uncovered", Window, OfSymbols, Keep, true, "exports without a checksum, which may have changed"},
	{"abi.uncovered-same", Window, OfRelease, Keep, false, "exports without a checksum whose types are the same by BTF"},
	{"abi.unknown", Window, OfRelease, Keep, true, "exported symbols of one side are not known"},
	{"outside.base-unknown", Outside, OfModules, Keep, false, "modules with split BTF of a base that is none of the kernels'"},
	{"outside.blocked", Outside, OfModules, RebuildFor, false, "modules that a kernel does not load, whatever their BTF"},
	{"outside.btf-none", Outside, OfModules, Keep, false, "modules without BTF"},
	{"outside.different", Outside, OfModules, RebuildFor, false, "modules that a kernel takes with other types than they were built with"},
	{"outside.dropped", Outside, OfModules, Keep, false, "modules that load without their BTF"},
	{"outside.init-fails", Outside, OfModules, RebuildFor, false, "modules whose init fails for their BTF"},
	{"outside.meaning-unknown", Outside, OfModules, RebuildFor, false, "modules that a kernel takes, perhaps with other types"},
	{"outside.no-modules", Outside, OfRelease, Keep, true, "no modules among the inputs"},
	{"outside.rejected", Outside, OfModules, RebuildFor, false, "modules that a kernel refuses for their BTF"},
	{"outside.signature", Outside, OfModules, Keep, false, "modules that do not load where signatures are enforced"},
	{"outside.stale-ids", Outside, OfModules, RebuildFor, false, "modules with id lists of another base"},
	{"outside.unknown", Outside, OfModules, Keep, true, "modules of which it is not known what a kernel makes of them"},
	{"outside.unreadable", Outside, OfRelease, Keep, true, "members that cannot be read"},
	{"outside.added", Outside, OfModules, Keep, false, "modules below updates, extra or weak-updates"},
	{"policy.waiver-expired", Run, OfRelease, Keep, false, "waivers that have expired"},
	{"policy.waiver-unused", Run, OfRelease, Keep, false, "waivers that nothing needed"},
	{"reverse.base", Reverse, OfRelease, Bump, false, "external modules and initrds of the old base, on the new kernel"},
	{"reverse.blocked", Reverse, OfModules, Bump, false, "modules of the old release that the new kernel does not load"},
	{"self.base-refused", Self, OfRelease, Rebuild, false, "the kernel refuses its own base"},
	{"self.base-unreadable", Self, OfRelease, Keep, true, "the base cannot be read"},
	{"self.blocked", Self, OfModules, Rebuild, false, "modules that their own kernel does not load, whatever their BTF"},
	{"self.btf-lost", Self, OfModules, Rebuild, false, "in-tree modules without BTF"},
	{"self.btf-malformed", Self, OfModules, Rebuild, false, "modules with BTF that cannot be parsed"},
	{"self.btf-none", Self, OfModules, Keep, false, "modules built out of tree without BTF"},
	{"self.btf-other-base", Self, OfModules, Rebuild, false, "modules whose BTF contradicts the image's base"},
	{"self.btf-unused", Self, OfRelease, Keep, false, "BTF that this kernel does not read"},
	{"self.copies-differ", Self, OfModules, Rebuild, false, "modules packed more than once with different content"},
	{"self.dropped", Self, OfModules, Rebuild, false, "modules whose BTF their own kernel drops"},
	{"self.image-architecture", Self, OfRelease, Keep, true, "image and modules of different architectures"},
	{"self.image-name", Self, OfRelease, Rebuild, false, "an image that calls itself otherwise than its package"},
	{"self.init-fails", Self, OfModules, Rebuild, false, "modules whose init fails on their own kernel"},
	{"self.load-unknown", Self, OfModules, Keep, false, "modules of which it is not known whether their kernel loads them"},
	{"self.manifest-only", Self, OfRelease, Keep, true, "a manifest where packages are needed"},
	{"self.module-odd", Self, OfModules, Keep, false, "modules that load but are oddly made"},
	{"self.no-base", Self, OfRelease, Keep, true, "an image without BTF where it should have some"},
	{"self.no-image", Self, OfRelease, Keep, true, "no kernel image among the inputs"},
	{"self.no-modules", Self, OfRelease, Keep, true, "no modules among the inputs"},
	{"self.profile-assumed", Self, OfRelease, Keep, false, "a kernel newer than the rules known here"},
	{"self.rejected", Self, OfModules, Rebuild, false, "modules that their own kernel refuses"},
	{"self.signature-foreign", Self, OfModules, Keep, false, "modules signed by a key the image does not carry"},
	{"self.signature-none", Self, OfModules, Keep, false, "unsigned modules among signed ones"},
	{"self.signature-other-build", Self, OfModules, Rebuild, false, "modules signed by the build key of another build"},
	{"self.signature-stale", Self, OfModules, Rebuild, false, "modules that were changed after being signed"},
	{"self.signature-unsupported", Self, OfModules, Keep, false, "signatures that this program does not verify"},
	{"self.stamp", Self, OfModules, Rebuild, false, "modules stamped with another base"},
	{"self.stamp-void", Self, OfModules, Keep, false, "modules whose stamp speaks of another .BTF"},
	{"self.two-bases", Self, OfRelease, Rebuild, false, "images of one release with different bases"},
	{"self.unreadable", Self, OfRelease, Keep, true, "members that cannot be read"},
	{"self.vermagic", Self, OfModules, Rebuild, false, "modules built for another release"},
	{"self.vermagic-mixed", Self, OfRelease, Rebuild, false, "modules with different vermagic options"},
	{"self.vermagic-none", Self, OfModules, Rebuild, false, "modules without a vermagic"},
	{"set.bump", Run, OfRelease, Bump, false, "releases that share their ABI name with one that needs another"},
	{"set.missing", Run, OfRelease, Keep, true, "releases that the set must hold and does not"},
	{"set.new", Run, OfRelease, Keep, false, "releases that the set did not have before"},
	{"set.not-compared", Run, OfRelease, Keep, true, "releases that were not judged against their partner in the baseline"},
	{"set.policies", Run, OfRelease, Keep, true, "decisions made by different policies"},
	{"set.removed", Run, OfRelease, Keep, false, "releases of the baseline that the set no longer has"},
	{"set.two-builds", Run, OfRelease, Rebuild, false, "two builds under one name"},
	{"window.base", Window, OfModules, Strip, false, "modules of another base on the old kernel"},
	{"window.base-unknown", Window, OfRelease, Keep, true, "the base of one side is not known"},
	{"window.blocked", Window, OfModules, Bump, false, "modules that the old kernel does not load, whatever their BTF"},
	{"window.stale-ids", Window, OfModules, Strip, false, "modules without BTF that still hold ids of another base"},
	{"window.load-unknown", Window, OfModules, Keep, false, "modules of which it is not known whether the old kernel loads them"},
	{"window.may-be-blocked", Window, OfModules, Bump, false, "modules that the old kernel does not load where older modules are loaded"},
	{"window.cause", Window, OfRelease, Keep, false, "why the bases differ"},
	{"window.deep", Window, OfModules, Keep, false, "modules that point at types that changed"},
	{"window.dropped", Window, OfModules, Keep, false, "modules that are without BTF until the reboot"},
	{"window.ids-zeroed", Window, OfModules, Keep, false, "modules that lose plain lists of BTF ids when repaired"},
	{"window.layout", Window, OfModules, Bump, false, "modules that embed types the old kernel lays out otherwise"},
	{"window.missing-fatal", Window, OfModules, Bump, false, "modules that no repair helps on the old kernel"},
	{"window.missing-unknown", Window, OfModules, Keep, true, "modules of which it is not known whether they can do without BTF"},
	{"window.module-built-in", Window, OfModules, Bump, false, "modules that became built in"},
	{"window.module-vanished", Window, OfModules, Bump, false, "modules that are gone"},
	{"window.modules-unknown", Window, OfRelease, Keep, false, "the old side has no list of modules"},
	{"window.new-blocked", Window, OfModules, Keep, false, "modules new in the release that the old kernel does not load"},
	{"window.not-distillable", Window, OfModules, Strip, false, "modules that distilling does not help"},
	{"window.signer", Window, OfModules, Bump, false, "modules signed by a key the old kernel does not know"},
	{"window.signer-unknown", Window, OfModules, Keep, true, "modules of which it is not known whether the old kernel trusts their key"},
	{"window.mismatch-lost", Reverse, OfModules, Keep, false, "the new kernel refuses modules that the old one loaded without their BTF"},
	{"window.vermagic", Window, OfRelease, Bump, false, "other vermagic options than the old kernel's"},
})

func sortedRules(list []FindingRule) []FindingRule {
	slices.SortFunc(list, func(a, b FindingRule) int {
		if a.Rule < b.Rule {
			return -1
		}
		return 1
	})
	return list
}
