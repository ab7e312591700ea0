package rules

import "kpkg-btf/internal/model"

// health are the findings about what a build encoded, whether or not it fits
// anything else (judge/kfuncs.go, judge/health.go).
var health = []Rule{
	{
		ID: "health.kfunc-argument", Encounter: model.Self, Of: model.OfSymbols, Severity: model.Error, Action: model.Rebuild,
		Summary: "kfuncs whose implicit argument was left in",
		Means:   "Since 7.0 a kfunc with the flag KF_IMPLICIT_ARGS gets an argument from the kernel, which programs do not declare. In this build's BTF the argument is still there, or the function NAME_impl with all arguments is missing. No program that calls such a kfunc loads.",
		Found:   "The last parameter of each kfunc with the flag is looked at, and the twin is looked up, in the image and in modules. Images without symbols show their sets of kfuncs by their form (6.9 and later).",
		Do:      "Build vmlinux again with another version of pahole; the kernel's resolve_btfids only works on kfuncs that pahole tagged.",
		Example: "Debian 7.2.11-1~bpo13+1, built with pahole 1.30: 26 scx_bpf_* kfuncs, so no sched_ext scheduler loads.",
		Command: "kpkg-btf show DECISION health.kfunc-argument",
		Since:   first,
	},
	{
		ID: "health.kfunc-flags", Encounter: model.Self, Of: model.OfSymbols, Severity: model.Error, Action: model.Rebuild,
		Summary: "kfuncs whose flags contradict their prototypes",
		Means:   "A flag promises a pointer that the prototype does not have: KF_ACQUIRE or KF_RET_NULL without one returned, KF_RELEASE without one taken. The verifier believes the flags, so programs are refused, or taken although they leak or free what the kfunc handles.",
		Found:   "The flags beside each id of a set are compared with the prototype in BTF. Iterators are judged as the kernel does when it registers them.",
		Do:      "Build the modules again from their objects (make clean, or remove the .ko files): resolve_btfids must run once over each file.",
		Example: "nf_conntrack.ko of an incremental build of 6.12.117: bpf_ct_release has KF_ACQUIRE and KF_RET_NULL, and returns nothing.",
		Command: "kpkg-btf show DECISION health.kfunc-flags",
		Since:   first,
	},
	{
		ID: "health.kfunc-flags-changed", Encounter: model.Window, Of: model.OfSymbols, Severity: model.Info, Action: model.Keep,
		Summary: "kfuncs with other flags than before",
		Means:   "The flags of a kfunc are what programs must obey. Programs that were taken by the older kernel may be refused by the new one.",
		Found:   "The flags of each kfunc are compared with those of the same set in the older release.",
		Do:      "Nothing, if the sources changed so.",
		Command: "kpkg-btf show DECISION health.kfunc-flags-changed",
		Since:   first,
	},
	{
		ID: "health.kfunc-flags-moved", Encounter: model.Window, Of: model.OfSymbols, Severity: model.Error, Action: model.Rebuild,
		Summary: "kfuncs that have each other's flags",
		Means:   "A set has the same flags as in the older release, on other kfuncs: ids were sorted again without their flags. The verifier then lets programs leak or free what these kfuncs handle, or refuses right programs.",
		Found:   "The flags of each set are compared with those of the same set in the older release, one by one and all together.",
		Do:      "Build the modules again from their objects: kbuild ran resolve_btfids a second time over the finished files.",
		Example: "An incremental build in which vmlinux was linked again and the module's object stayed.",
		Command: "kpkg-btf show DECISION health.kfunc-flags-moved",
		Since:   first,
	},
	{
		ID: "health.kfunc-prototype", Encounter: model.Self, Of: model.OfSymbols, Severity: model.Error, Action: model.Rebuild,
		Summary: "kfuncs that no program can call",
		Means:   "A set names an id that is no function with a prototype, or a prototype with variable arguments, or with values that do not fit into registers. The kernel refuses every call.",
		Found:   "Each id of a set is looked up in the BTF of its file, and the prototype is read as the verifier reads it.",
		Do:      "Resolve .BTF_ids again on the BTF that is shipped; mend the kfunc.",
		Command: "kpkg-btf show DECISION health.kfunc-prototype",
		Since:   first,
	},
	{
		ID: "health.kfunc-twice", Encounter: model.Self, Of: model.OfSymbols, Severity: model.Error, Action: model.Rebuild,
		Summary: "kfuncs that share their name with another function",
		Means:   "Two functions of one BTF go by the name of a kfunc. Programs find it by the name, get the first, and are refused if it is the other one that is registered.",
		Found:   "The name of each kfunc is counted among the functions of the BTF that it is in.",
		Do:      "Build again; the encoder should have united or left out one of them.",
		Command: "kpkg-btf show DECISION health.kfunc-twice",
		Since:   first,
	},
	{
		ID: "health.kfunc-untagged", Encounter: model.Self, Of: model.OfSymbols, Severity: model.Warning, Action: model.Keep,
		Summary: "kfuncs without the tag that others have",
		Means:   "The build tags kfuncs in BTF (bpf_kfunc), and these were left out. The kernel does not need the tag; bpftool does, when it writes the declarations of kfuncs into vmlinux.h.",
		Found:   "Where the base has such tags, each kfunc of the image and of its modules must have one.",
		Do:      "Build again with another version of pahole.",
		Example: "bpf_sock_destroy in Debian 7.2.11-1~bpo13+1.",
		Command: "kpkg-btf show DECISION health.kfunc-untagged",
		Since:   first,
	},
	{
		ID: "health.own-kfuncs", Encounter: model.Self, Of: model.OfRelease, Severity: model.Error, Action: model.Rebuild,
		Summary: "the kernel refuses a set of its own kfuncs",
		Means:   "Since 6.4 the kernel looks at its own sets of kfuncs at boot as at those of modules. A set that fails is not registered, with one line in the log, and no program can call its kfuncs.",
		Found:   "The sets of the image are judged by the rules of this kernel, on its own base.",
		Do:      "Build vmlinux again; nothing may change its BTF after the ids were resolved.",
		Command: "kpkg-btf inspect IMAGE",
		Since:   first,
	},
}
