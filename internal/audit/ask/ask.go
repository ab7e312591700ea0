// Package ask is what `kpkg-btf audit` asks of kpkg-btf-audit: one request, as
// JSON on its standard input. The stores and SQLite, which that program links,
// stay out of the gate.
package ask

import "kpkg-btf/internal/fetch"

// Program is the name of the program that audits archives.
const Program = "kpkg-btf-audit"

// Request is one of the three steps: the one that is not nil.
type Request struct {
	// Tool is the version of the program that asks: another one is refused.
	Tool  string `json:"tool"`
	Plan  *Plan  `json:"plan,omitempty"`
	Run   *Run   `json:"run,omitempty"`
	Merge *Merge `json:"merge,omitempty"`
	Quiet bool   `json:"quiet,omitempty"`
}

// Plan asks which kernels and modules there are, and who meets whom.
type Plan struct {
	Places []fetch.Place `json:"places"`
	// Patterns and Sources choose kernels as fetch.Query does, Modules are shell
	// patterns of packages with external modules.
	Patterns []string `json:"patterns,omitempty"`
	Sources  []string `json:"sources,omitempty"`
	Modules  []string `json:"modules,omitempty"`
	// Names is how many earlier names of its series a kernel is judged against as
	// if it had kept them.
	Names int `json:"names"`
	// Since is an earlier plan, whose units are left out.
	Since string `json:"since,omitempty"`
	Cache string `json:"cache"`
	// Output is the file, "" for standard output.
	Output string `json:"output,omitempty"`
	Force  bool   `json:"force,omitempty"`
}

// Run asks for the units of one share.
type Run struct {
	Plan   string `json:"plan"`
	Store  string `json:"store"`
	Shard  Shard  `json:"shard"`
	Policy string `json:"policy,omitempty"`
	// Day is the day by which waivers of the policy expire.
	Day       string `json:"day"`
	Jobs      int    `json:"jobs"`
	Cache     string `json:"cache"`
	CacheSize int64  `json:"cache_size"` // bytes that may stay in the cache
}

// Merge asks for the answer of all units.
type Merge struct {
	Plans  []string `json:"plans"`
	Store  string   `json:"store"`
	Policy string   `json:"policy,omitempty"`
	Day    string   `json:"day"`
	Output string   `json:"output"` // a folder
	Bases  string   `json:"bases,omitempty"`
}

// DefaultModules are the names that packagers give to external modules.
var DefaultModules = []string{"kmod-*", "*-kmp-*"}
