package rules

import "kpkg-btf/internal/model"

// reverse are the findings about older and external modules on the new kernel.
var reverse = []Rule{
	{
		ID: "reverse.base", Encounter: model.Reverse, Of: model.OfRelease, Severity: model.Warning, Action: model.Bump,
		Summary: "external modules and initrds of the old base, on the new kernel",
		Means:   "What was built on the old base does not match the new kernel: modules in an initrd that was not made again, DKMS and kmod modules that nobody rebuilt because the name did not change. Repairing the new modules cannot reach them.",
		Found:   "The modules of the old release stand for them: each is judged by the rules of the new kernel and on its base.",
		Do:      "Rebuild external modules and initrds when the new kernel is installed; policy reverse: bump makes it a bump.",
		Command: "kpkg-btf verify",
		Since:   first,
	},
	{
		ID: "reverse.blocked", Encounter: model.Reverse, Of: model.OfModules, Severity: model.Warning, Action: model.Bump,
		Summary: "modules of the old release that the new kernel does not load",
		Means:   "Modules built for the old release are refused by the new kernel, and so is what was built like them.",
		Found:   "Each old module is compared with the exports, vermagic and options of the new kernel.",
		Do:      "Rebuild external modules and initrds when the new kernel is installed.",
		Command: "kpkg-btf show DECISION reverse.blocked",
		Since:   first,
	},
}
