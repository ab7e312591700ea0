package model

// Loads reports whether a kernel loads a module at all.
type Loads string

const (
	LoadsYes     Loads = "yes"
	LoadsNo      Loads = "no"
	LoadsMaybe   Loads = "may-not" // not where an older module is loaded already
	LoadsUnknown Loads = "unknown" // no refusal is known, but not all could be asked
)

// ModuleLoad is what becomes of one module before a kernel looks at its BTF:
// signature, vermagic, symbol versions, imports, exports.
type ModuleLoad struct {
	Loads Loads `json:"loads"` // where signatures are not enforced
	// IfEnforced is the same where they are (module.sig_enforce, lockdown).
	IfEnforced Loads  `json:"if_enforced"`
	Signature  string `json:"signature"` // "valid", "none", "unknown-key", …
	// Says are the kernel's own words in its order, with errno; More counts
	// what was left out.
	Says []string `json:"says,omitempty"`
	More int      `json:"more,omitempty"`
	// Open are the questions that stayed open, in words.
	Open []string `json:"open,omitempty"`
}

// LoadCounts are modules by what becomes of them, in both states of enforcement.
type LoadCounts struct {
	Ignored  []Count `json:"signatures_ignored"`
	Enforced []Count `json:"signatures_enforced"`
}

// LoadCounter counts modules by what becomes of them; the zero value is ready.
type LoadCounter struct{ ignored, enforced Counter }

// Add counts a module.
func (c *LoadCounter) Add(l *ModuleLoad) {
	if c.ignored == nil {
		c.ignored, c.enforced = Counter{}, Counter{}
	}
	c.ignored.Add(string(l.Loads))
	c.enforced.Add(string(l.IfEnforced))
}

// Counts are the numbers, the largest first.
func (c *LoadCounter) Counts() LoadCounts {
	return LoadCounts{Ignored: c.ignored.Sorted(), Enforced: c.enforced.Sorted()}
}

// ReverseResult is the modules of the older release, and what was built like
// them, on the new kernel.
type ReverseResult struct {
	Judged   bool       `json:"judged"`
	Why      string     `json:"why,omitempty"` // why it is not, or by what else than the modules it is
	Modules  int        `json:"modules"`
	Verdicts []Count    `json:"verdicts" doc:"line"`
	Meanings []Count    `json:"meanings" doc:"line"`
	Loads    LoadCounts `json:"loads" doc:"line"`
	// Each are the modules one by one, in path order.
	Each []ReverseModule `json:"each" doc:"lines"`
}

// ReverseModule is one module of the older release on the new kernel.
type ReverseModule struct {
	Path    string     `json:"path"`
	Verdict Verdict    `json:"verdict"`
	Meaning Meaning    `json:"meaning"`
	Words   string     `json:"words,omitempty"` // the kernel's own about its BTF
	Load    ModuleLoad `json:"load"`
}
