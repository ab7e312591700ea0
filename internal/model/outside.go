package model

// KernelResult is modules that were built elsewhere on one kernel.
type KernelResult struct {
	Kernel   ReleaseRef `json:"kernel"`
	Verdicts []Count    `json:"verdicts"`
	Meanings []Count    `json:"meanings"`
	Loads    LoadCounts `json:"loads"`
	Action   Action     `json:"action"` // the highest that any of the modules needs there
}

// ModuleOn is one module that was built elsewhere on one kernel; Kernel
// indexes the KernelResults of its release.
type ModuleOn struct {
	Kernel  int     `json:"kernel"`
	Verdict Verdict `json:"verdict"`
	Meaning Meaning `json:"meaning"`
	// Vermagic is "equal", "other-release" (not compared by this kernel),
	// "differs" or "unknown".
	Vermagic string `json:"vermagic"`
	// CRCs: imports whose checksums were compared, and of these changed; and
	// imports that nobody exports.
	Compared int    `json:"crcs_compared"`
	Changed  int    `json:"crcs_changed"`
	Missing  int    `json:"imports_missing"`
	Action   Action `json:"action"`
	// Unknown: what the kernel does with it, or what it means there, is open.
	Unknown bool       `json:"unknown,omitempty"`
	Why     string     `json:"why,omitempty"`
	Words   string     `json:"words,omitempty"` // the kernel's own about its BTF
	Load    ModuleLoad `json:"load"`
}

// Needs is what the module needs there, in a word.
func (c *ModuleOn) Needs() string { return Outcome{c.Action, c.Unknown}.Word() }

// Elsewhere reports whether the modules of a release were built elsewhere: they
// have no image of their own, and kernels that they were judged on.
func (v *ReleaseVerdict) Elsewhere() bool { return len(v.On) > 0 }
