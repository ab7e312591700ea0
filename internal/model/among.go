package model

// OriginsSchema is the schema word of the document that inspect --among writes.
const OriginsSchema = "kpkg-btf/origins/1.0"

// Origins says on which of several recorded bases modules were encoded.
type Origins struct {
	Schema  string         `json:"schema"`
	Bases   int            `json:"bases"` // that were compared, equal ones counted once
	Ignored []IgnoredInput `json:"ignored"`
	Modules []ModuleOrigin `json:"modules"`
}

// ModuleOrigin is one module and every base, the likeliest first.
type ModuleOrigin struct {
	Module   string     `json:"module"`
	Vermagic string     `json:"vermagic"`
	Ranks    []BaseRank `json:"ranks"`
	// Found is how many bases of Ranks share the first place; 0 when each is
	// contradicted, doubtful or open.
	Found int `json:"found"`
}

// Grade is how well a base is known to be the one that a module was encoded on.
type Grade string

// The grades, the strongest first.
const (
	GradeProven       Grade = "proven"       // a stamp of the encoder names it
	GradeAsserted     Grade = "asserted"     // a stamp names it that somebody wrote later
	GradeRecorded     Grade = "recorded"     // a release on it has this very .BTF, and nothing speaks against it
	GradeConsistent   Grade = "consistent"   // checks that could have failed did not
	GradeDoubtful     Grade = "doubtful"     // nothing is impossible, but something is improbable
	GradeOpen         Grade = "open"         // there was nothing to check, or no base to check on
	GradeContradicted Grade = "contradicted" // it is not this one
)

// BaseRank is what speaks for and against one base.
type BaseRank struct {
	Base     BaseRef  `json:"base"`
	Files    []string `json:"files"`    // that hold it
	Releases []string `json:"releases"` // uname -r of those that say it
	Grade    Grade    `json:"grade"`
	For      []string `json:"for"`     // the checks that held, the strongest first
	Looked   int      `json:"looked"`  // facts that touch the base and were compared
	Named    bool     `json:"named"`   // the module's vermagic names a release on it
	Against  string   `json:"against"` // what contradicts it, or why it is open
}
