package model

// ExplanationSchema is the schema word of the document that explain writes.
const ExplanationSchema = "kpkg-btf/explanation/1.0"

// Explanation is what the lines of a kernel's log say about its modules.
type Explanation struct {
	Schema  string         `json:"schema"`
	Given   []GivenRelease `json:"given"`
	Ignored []IgnoredInput `json:"ignored"`
	Lines   int            `json:"lines"`        // of the log
	Unknown int            `json:"unrecognised"` // of these, lines about nothing that is explained
	Events  []LogEvent     `json:"events"`
	// Left are events beyond the limit, counted and not explained.
	Left int `json:"left"`
	// Boots are those that begin in the log, in its order.
	Boots []LogBoot `json:"boots"`
	// Loose are lines with a word of BTF that fit nowhere; LooseLeft are those
	// beyond the limit.
	Loose     []LooseLine `json:"loose"`
	LooseLeft int         `json:"loose_left,omitempty"`
	// Gaps are lines that say that lines are missing.
	Gaps []LooseLine `json:"gaps"`
}

// LogBoot is a boot that begins in a log.
type LogBoot struct {
	Line    int    `json:"line"`
	ID      string `json:"id,omitempty"`      // the journal's
	Release string `json:"release,omitempty"` // uname -r of its kernel
}

// LooseLine is a line of a log that stands for itself.
type LooseLine struct {
	Line int    `json:"line"`
	Text string `json:"text"`
}

// GivenRelease is one release in which the events were looked for.
type GivenRelease struct {
	Name     string   `json:"name"`
	Arch     Arch     `json:"arch"`
	Packages []string `json:"packages"`
	Modules  int      `json:"modules"`
	// Kernel says that it has an image that can be asked; Why says why not.
	Kernel bool   `json:"kernel"`
	Why    string `json:"why,omitempty"`
}

// LogEvent is one thing that happened, in one or more lines.
type LogEvent struct {
	// Kind is "btf.refused", "btf.mismatch", "kfunc.missing", "vermagic", …;
	// the words are those of package explain and stay.
	Kind  string `json:"kind"`
	Line  int    `json:"line"`  // of the first one, from 1
	Count int    `json:"count"` // how often the same was logged
	// Boots are those that logged it, by their number in Explanation.Boots; 0 is
	// one that began before the log.
	Boots []int  `json:"boots"`
	Last  int    `json:"last"`           // line of the last time
	Time  string `json:"time,omitempty"` // as the log writes it
	// Release is the uname -r of the boot, where the log says it.
	Release string   `json:"release,omitempty"`
	Log     []string `json:"log"` // the lines, without time stamps
	Module  string   `json:"module,omitempty"`
	Symbol  string   `json:"symbol,omitempty"`
	Errno   int      `json:"errno,omitempty"`
	// Type is the type that a refusal names.
	Type *LoggedType `json:"type,omitempty"`
	// Mixed are the types of refusals whose lines stand among this one's and
	// could as well be it: parallel loads without caller stamps.
	Mixed []LoggedType `json:"mixed,omitempty"`
	// Gate says of a build's message whether the gate would stop the package.
	Gate    string      `json:"gate,omitempty"`
	Meaning string      `json:"meaning"`
	Name    string      `json:"name,omitempty"` // why the type's name looks as it does
	Cures   []string    `json:"cures"`
	Sources []LogSource `json:"sources"`
	// More are sources beyond the limit.
	More int `json:"more,omitempty"`
	// Open says why no source was found, "" when one was or none was looked for.
	Open string `json:"open,omitempty"`
}

// LoggedType is a type as a kernel printed it; of a member it prints no id,
// and Kind is "member".
type LoggedType struct {
	ID   uint32 `json:"id"`
	Kind string `json:"kind"`
	Name string `json:"name"`
	Text string `json:"text"` // the kernel's objection
}

// LogSource is a module of a release that makes a kernel say what was logged.
type LogSource struct {
	Module string       `json:"module"` // path below lib/modules/RELEASE/
	Of     GivenRelease `json:"of"`     // the build the module belongs to
	On     GivenRelease `json:"on"`     // the kernel that said it
	// Exact: the kernel's rules give every word that was logged. Otherwise
	// only what was left of the lines agrees.
	Exact bool   `json:"exact"`
	Says  string `json:"says"` // the rule, the place in the module, the words
	// Own is what the module's own build makes of it: "accepted", the refusal,
	// "not given", or "not asked" where no kernel's rules are in question.
	Own string `json:"own"`
	// OwnType is the refused type as its own build means it, "[12] STRUCT name".
	OwnType string `json:"own_type,omitempty"`
}
