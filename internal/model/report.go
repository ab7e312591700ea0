package model

// DecisionSchema is the schema word of the document that check writes.
const DecisionSchema = "kpkg-btf/decision/2.1"

// Report is the result of check: what was compared, what was seen, what to
// do. It is the decision document, and every renderer draws from it alone.
type Report struct {
	Schema string `json:"schema"`
	// Must names fields, as "releases.modules.action", that a reader must
	// know: a later minor version says so what it cannot do without.
	Must   []string     `json:"must_understand,omitempty"`
	Policy PolicyRef    `json:"policy"`
	New    []ReleaseRef `json:"new"`
	Old    []ReleaseRef `json:"old"`
	// Kernels are those of --on, that external modules were judged on.
	Kernels  []ReleaseRef     `json:"kernels,omitempty"`
	Ignored  []IgnoredInput   `json:"ignored"`
	Releases []ReleaseVerdict `json:"releases"`
	// Findings are about the run itself: its policy, the set of releases.
	Findings []Finding `json:"findings"`
	Outcome  Outcome   `json:"outcome"`
	Decision string    `json:"decision"` // DecisionOf
	ExitCode int       `json:"exit_code"`
	FailOn   string    `json:"fail_on,omitempty"` // what --fail-on let pass
	// Variables names the environment variables that gave flags of the run, and
	// those of the hooks that it ran under, sorted.
	Variables []string `json:"variables,omitempty"`
}

// PolicyRef names the policy that decided.
type PolicyRef struct {
	Source string `json:"source"`
	SHA256 string `json:"sha256"` // of the file's text
	// Effective is the SHA-256 of what it means, the defaults of this version
	// and the flags included (kpkg-btf policy print).
	Effective string `json:"effective_sha256"`
	// Day is the day (YYYY-MM-DD, UTC) that the expiry of waivers was judged
	// by, "" when none expires.
	Day string `json:"day,omitempty"`
}

// IgnoredInput is an input without kernel content.
type IgnoredInput struct {
	File string `json:"file"`
	Why  string `json:"why"`
}

// ReleaseRef names a release and where it came from.
type ReleaseRef struct {
	Name     string   `json:"name"`
	Arch     Arch     `json:"arch"`
	Packages []string `json:"packages"`
	Scope    string   `json:"scope"` // "full", "base+symvers", "modules", …
	Modules  int      `json:"modules"`
	BTFBytes int64    `json:"btf_bytes"`
	Base     BaseRef  `json:"base"`
}

// BaseRef is a base in figures.
type BaseRef struct {
	SHA256      string `json:"sha256"`  // "" when there is none
	Types       uint32 `json:"types"`   // ids, void included (the kernel's nr_types)
	StringBytes uint32 `json:"strings"` // bytes of the string section
	Where       string `json:"where"`
}

// ReleaseVerdict is the judgement of one new release.
type ReleaseVerdict struct {
	Release ReleaseRef     `json:"release"`
	Self    SelfResult     `json:"self"`
	Windows []WindowResult `json:"windows"`
	// On is there for modules that were built elsewhere: one for each kernel.
	On       []KernelResult `json:"on,omitempty"`
	Findings []Finding      `json:"findings"`
	Outcome  Outcome        `json:"outcome"`
	Decision string         `json:"decision"`
	// Next is the name to take instead, when the decision is bump.
	Next    *NextName        `json:"next,omitempty"`
	Modules []ModuleDecision `json:"modules" doc:"lines"`
}

// NextName is a suggestion for a release that needs another ABI name.
type NextName struct {
	Scheme string `json:"scheme"` // "Debian", …, "unknown"
	Name   string `json:"name"`   // uname -r; "" when the scheme is unknown
	Why    string `json:"why"`
}

// SelfResult is the self encounter in figures.
type SelfResult struct {
	Judged   bool            `json:"judged"`
	Modules  int             `json:"modules"`
	WithBTF  int             `json:"with_btf"`
	Verdicts []Count         `json:"verdicts" doc:"line"`
	Meanings []Count         `json:"meanings" doc:"line"`
	Missing  []Count         `json:"missing" doc:"line"`
	Loads    LoadCounts      `json:"loads" doc:"line"`
	Evidence []EvidenceCount `json:"evidence"`
	// BuildBase is how well it is known that the modules with BTF were encoded
	// against this image's base; nil where that was not judged.
	BuildBase *BuildBaseResult `json:"build_base,omitempty"`
	// Health is what the build encoded; nil where that was not judged.
	Health *Health `json:"health,omitempty"`
}

// BuildBaseResult counts modules with BTF by the grade of their build base.
type BuildBaseResult struct {
	Grades []Count `json:"grades"`
	// Kernel is the kind of kernel that the rates are of. Of a hundred modules
	// whose base was linked again after them, NoticedAlone are noticed at least
	// when one is among right ones, NoticedTogether when all are
	// (docs/detection-rates.md).
	Kernel          string `json:"kernel"`
	NoticedAlone    int    `json:"noticed_alone_percent"`
	NoticedTogether int    `json:"noticed_together_percent"`
}

// Count is how many modules a word applies to.
type Count struct {
	Word  string `json:"word"`
	Count int    `json:"count"`
}

// EvidenceCount is what one kind of evidence said: modules it could speak of,
// and those it contradicts.
type EvidenceCount struct {
	Evidence     Evidence `json:"evidence"`
	Supports     int      `json:"supports"`
	Contradicts  int      `json:"contradicts"`
	FirstExample string   `json:"first,omitempty"`
}

// WindowResult is the encounter of the new modules with one older release.
type WindowResult struct {
	Old ReleaseRef `json:"old"`
	// Judged is false when the names differ and nobody asked as if they did
	// not: then Why says so and the rest are facts that do not decide.
	Judged    bool         `json:"judged"`
	Why       string       `json:"why"`
	BaseEqual Equality     `json:"base_equal"`
	Symbols   *SymbolFacts `json:"symbols"` // nil: one side has none
	Verdicts  []Count      `json:"verdicts" doc:"line"`
	Meanings  []Count      `json:"meanings" doc:"line"`
	Loads     LoadCounts   `json:"loads" doc:"line"`
	// Reverse is the older modules on the new kernel.
	Reverse ReverseResult `json:"reverse"`
	SameAt  SameAt        `json:"same_at"`
	// Change is how the bases differ; nil when they do not, or one is missing.
	Change *BaseChange `json:"change,omitempty"`
	// Action is the decision of this encounter; IfEnforced and IfIgnored are
	// both answers to whether the old kernel can refuse signatures.
	Action     Action `json:"action"`
	IfEnforced Action `json:"if_signatures_enforced"`
	IfIgnored  Action `json:"if_signatures_ignored"`
}

// SameAt counts the modules whose BTF means the same on the old base, by how
// far types are compared. They are told where both bases are there and differ.
type SameAt struct {
	Known    int `json:"known"`    // modules that could be compared
	Named    int `json:"named"`    // types by name
	Identity int `json:"identity"` // and by size
	ByValue  int `json:"by_value"` // by layout, what is behind a pointer by name
	Deep     int `json:"deep"`     // by everything that can be reached
	// Movable would mean the same, at identity and by value, if the new build's
	// base had come out as the old one's where nothing changed.
	Movable int `json:"movable"`
}

// Equality is yes, no, or not known.
type Equality string

const (
	Equal        Equality = "equal"
	Differs      Equality = "differs"
	NotKnownSame Equality = "unknown"
)

// SymbolFacts are the exported symbols of two releases in figures.
type SymbolFacts struct {
	Old       int `json:"old"`
	New       int `json:"new"`
	Common    int `json:"common"`
	Compared  int `json:"compared"` // common, with a CRC on both sides
	Changed   int `json:"changed"`
	Lost      int `json:"lost"`
	Added     int `json:"added"`
	Moved     int `json:"moved"`
	LeftImage int `json:"left_image"`
	Stricter  int `json:"stricter"`
	Namespace int `json:"namespace"`
	Uncovered int `json:"uncovered"`
}

// ModuleDecision binds a module to its action by digests that survive
// stripping of symbols, signing and compression between check and apply.
type ModuleDecision struct {
	Path    string `json:"path"`
	Name    string `json:"name"`
	BTF     string `json:"btf_sha256"`      // "" without BTF
	BTFBase string `json:"btf_base_sha256"` // "" unless distilled
	BTFIDs  string `json:"btf_ids_sha256"`  // "" without .BTF_ids
	// BTFBytes is the size of .BTF and .BTF.base, DistilledBytes what both are
	// once it is distilled; 0 where that was not tried, or does not help.
	BTFBytes       int64 `json:"btf_bytes,omitempty"`
	DistilledBytes int64 `json:"distilled_bytes,omitempty"`
	// RepeatedBytes are those of types that the base has too, since 2.1.
	RepeatedBytes int64  `json:"repeated_bytes,omitempty"`
	Action        Action `json:"action"`
	// Reasons are the rules of the findings that ask something of the module,
	// SetBy what in the policy changed the action.
	Reasons []string `json:"reasons"`
	SetBy   string   `json:"set_by,omitempty"`
	Verdict Verdict  `json:"self_verdict"`
	// Words are the kernel's own, where it does not just take the module.
	Words   string  `json:"self_words,omitempty"`
	Meaning Meaning `json:"self_meaning"`
	Missing Missing `json:"missing,omitempty"`
	// MissingWhy says why it has no BTF, as far as the module itself tells.
	MissingWhy string `json:"missing_why,omitempty"`
	// BuildBase grades how well it is known which base the module was encoded
	// against; BuildBaseBy is the strongest thing that it rests on.
	BuildBase   BuildBase      `json:"build_base"`
	BuildBaseBy Evidence       `json:"build_base_by"`
	Load        ModuleLoad     `json:"load"`
	Windows     []ModuleWindow `json:"windows,omitempty"`
	// BuiltOn is, of an external module, the checksum of the base it was
	// encoded against, where that is one of the kernels'.
	BuiltOn string     `json:"built_on,omitempty"`
	On      []ModuleOn `json:"on,omitempty"`
}

// ModuleWindow is one module on one older kernel; Old indexes the report's
// windows of its release.
type ModuleWindow struct {
	Old     int     `json:"old"`
	Verdict Verdict `json:"verdict"`
	Meaning Meaning `json:"meaning"`
	Action  Action  `json:"action"`
	Why     string  `json:"why,omitempty"`
	// Words are the kernel's own about the module's BTF.
	Words string     `json:"words,omitempty"`
	Load  ModuleLoad `json:"load"`
	// Differs is the first thing that is read otherwise than it was meant, or
	// why that is not known.
	Differs string `json:"differs,omitempty"`
}
