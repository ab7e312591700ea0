package model

// OutsideSchema is the schema word of the document that check --on writes.
const OutsideSchema = "kpkg-btf/outside/1.0"

// OutsideReport is modules that were built elsewhere on each kernel that may
// load them: what whoever ships them must know before.
type OutsideReport struct {
	Schema  string          `json:"schema"`
	New     []ReleaseRef    `json:"new"`
	Kernels []ReleaseRef    `json:"kernels"`
	Ignored []IgnoredInput  `json:"ignored"`
	Modules []OutsideModule `json:"modules"`
	// Rebuild are the kernels, by index, that some module must be rebuilt for.
	Rebuild      []int  `json:"rebuild_for"`
	Inconclusive bool   `json:"inconclusive"`
	Decision     string `json:"decision"` // "keep", "distill", "strip", "rebuild for KERNEL", "inconclusive"
	ExitCode     int    `json:"exit_code"`
	FailOn       string `json:"fail_on,omitempty"`
}

// OutsideModule is one module, with a cell for each kernel in their order.
type OutsideModule struct {
	Path     string `json:"path"`
	Name     string `json:"name"`
	Release  string `json:"release"` // the one it was built or packed for
	Source   string `json:"source"`
	Vermagic string `json:"vermagic"`
	KeyID    string `json:"key_id"` // of its signer, "" when unsigned
	BTF      string `json:"btf_sha256"`
	BTFBase  string `json:"btf_base_sha256"`
	BTFIDs   string `json:"btf_ids_sha256"`
	// BuiltOn is the kernel, by index, on whose base it was encoded, -1 when
	// none of those given; BuildBase says how that is known.
	BuiltOn   int      `json:"built_on"`
	BuildBase Evidence `json:"build_base"`
	// Action repairs the module for all kernels at once: keep, distill or strip.
	Action Action        `json:"action"`
	On     []OutsideCell `json:"on"`
}

// OutsideCell is one module on one kernel.
type OutsideCell struct {
	Kernel  int     `json:"kernel"`
	Verdict Verdict `json:"verdict"`
	Meaning Meaning `json:"meaning"`
	// Vermagic is "equal", "other-release" (not compared by this kernel),
	// "differs" or "unknown".
	Vermagic string `json:"vermagic"`
	// CRCs: imports whose checksums were compared, and of these changed; and
	// imports that nobody exports.
	Compared int `json:"crcs_compared"`
	Changed  int `json:"crcs_changed"`
	Missing  int `json:"imports_missing"`
	// Needs is "keep", "distill", "strip", "rebuild" or "unknown".
	Needs string     `json:"needs"`
	Why   string     `json:"why,omitempty"`
	Words string     `json:"words,omitempty"` // the kernel's own about its BTF
	Load  ModuleLoad `json:"load"`
}

// What a module needs on one kernel, beside the words of an Action.
const (
	NeedsRebuild = "rebuild"
	NeedsUnknown = "unknown"
)
