package rules

import "kpkg-btf/internal/model"

// pin are the findings about bases that hold the ids of older ones.
var pin = []Rule{
	{
		ID: "pin.not-used", Encounter: model.Window, Of: model.OfRelease, Severity: model.Warning, Action: model.Keep,
		Summary: "a base that was not pinned on the older one",
		Means:   "The bases differ, and the newer one does not hold the ids of the older one. Where the older one belongs to a pinned series, the build fell back.",
		Found:   "The newer base is pinned on the older one in memory, and the modules are counted that would mean the same there.",
		Do:      "Give the build the wrapper of pahole, or from 7.0 of resolve_btfids, and the older base.",
		Example: "Debian's 6.1.192-1 and 6.1.192-2: pinned, 4022 of 4023 new modules mean the same on the older kernel, and unpinned none.",
		Command: "kpkg-btf hooks print pin-pahole",
		Since:   first,
	},
	{
		ID: "pin.slack-left", Encounter: model.Window, Of: model.OfRelease, Severity: model.Info, Action: model.Keep,
		Summary: "how much room a pinned base has left",
		Means:   "Both bases belong to one pinned series, and later releases can add as many types and bytes of strings as the slack holds.",
		Found:   "The fillers of the newer base are counted.",
		Do:      "Nothing. When it runs short, begin a new series together with a new ABI name.",
		Command: "kpkg-btf pin NEW --on OLD",
		Since:   first,
	},
}
