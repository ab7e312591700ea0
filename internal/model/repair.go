package model

// RepairSchema is the schema word of the document that apply writes.
const RepairSchema = "kpkg-btf/repair/1.0"

// Repair is what apply did, or with DryRun would do.
type Repair struct {
	Schema string `json:"schema"`
	DryRun bool   `json:"dry_run"`
	// Source says who decided: the name of the decision document, or
	// "--action=strip".
	Source string `json:"source"`
	// DecisionSHA256 is that of the decision document; "" without one.
	DecisionSHA256 string `json:"decision_sha256,omitempty"`

	Actions []Count        `json:"actions"` // of modules, by what became of them
	Outputs []RepairOutput `json:"outputs"`
	// Checks are what looked at the result, and what could not.
	Checks  []RepairCheck  `json:"checks"`
	Notes   []string       `json:"notes"`
	Modules []RepairModule `json:"modules" doc:"lines"` // sorted by input and path
}

// RepairOutput is one package, tree or file.
type RepairOutput struct {
	Input   string `json:"input"`
	Output  string `json:"output"` // the input itself for a tree
	Modules int    `json:"modules"`
	Changed int    `json:"changed"`
	// Published is false where nothing had to change, and in a dry run.
	Published bool     `json:"published"`
	SHA256    string   `json:"sha256,omitempty"` // of a package
	Notes     []string `json:"notes,omitempty"`
}

// RepairCheck is one look at the result. Result is "ok" or "not
// cross-checked: " and why; anything else and nothing is published.
type RepairCheck struct {
	By     string `json:"by"`
	Result string `json:"result"`
}

// RepairModule is what became of one module file.
type RepairModule struct {
	Input   string `json:"input"`
	Path    string `json:"path"`    // in the input
	Release string `json:"release"` // uname -r
	// Done is "stripped", "neutralized", "distilled", "stamped", or why the
	// file was left: "right already", "keep".
	Done string `json:"done"`
	// Before and After are the SHA-256 of the module without signature and
	// compression; After is "" where nothing changed.
	Before string `json:"before"`
	After  string `json:"after,omitempty"`
	// Signature is "unsigned", "dropped", "re-signed", or "kept".
	Signature string `json:"signature"`
	SignedBy  string `json:"signed_by,omitempty"` // key id of a new signature
	// Blocked: the new signature is by a key of no certificate of the image, so
	// that this module is refused where signatures are enforced.
	Blocked     bool            `json:"blocked,omitempty"`
	Compression string          `json:"compression,omitempty"`
	Sections    []RepairSection `json:"sections,omitempty"`
	ZeroedIDs   []string        `json:"zeroed_ids,omitempty"`
	Lost        []string        `json:"lost,omitempty"`
}

// RepairSection is one section whose content differs; "" is no such section.
type RepairSection struct {
	Name       string `json:"name"`
	Before     string `json:"before"` // SHA-256
	After      string `json:"after"`
	BytesAfter int64  `json:"bytes_after"`
	Bytes      int64  `json:"bytes_before"`
}
