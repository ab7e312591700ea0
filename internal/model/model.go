// Package model holds the words of the domain as types, shared by everything
// that produces or shows results. ../../ARCHITECTURE.md explains each word.
package model

// Action is what a packager has to do, in rising order of cost. A release
// needs the highest action that any module or the release itself needs.
type Action uint8

const (
	Keep       Action = iota // ship as it is
	Distill                  // rewrite modules to .BTF + .BTF.base
	Rebase                   // external modules: rewrite their .BTF onto the base of one kernel
	Strip                    // remove .BTF and .BTF.base
	RebuildFor               // external modules: build them anew for the kernel that the finding names
	Bump                     // change the ABI name
	Rebuild                  // the release is wrong in itself
)

var actionNames = [...]string{"keep", "distill", "rebase", "strip", "rebuild-for", "bump", "rebuild"}

func (a Action) String() string { return actionNames[a] }

// MarshalText spells the action as reports and documents do.
func (a Action) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (a *Action) UnmarshalText(b []byte) error {
	for i, n := range actionNames {
		if n == string(b) {
			*a = Action(i)
			return nil
		}
	}
	return &UnknownWordError{Kind: "action", Word: string(b)}
}

// UnknownWordError is a word in a document that this version does not know.
type UnknownWordError struct{ Kind, Word string }

func (e *UnknownWordError) Error() string { return "unknown " + e.Kind + " " + e.Word }

// Verdict is what a kernel does with a module's BTF.
type Verdict string

const (
	Attached       Verdict = "attached"   // loads with its BTF
	Dropped        Verdict = "dropped"    // loads, its BTF ignored
	Rejected       Verdict = "rejected"   // refused with an errno
	InitFails      Verdict = "init-fails" // BTF taken, but init returns an error
	Inert          Verdict = "inert"      // this kernel reads no module BTF
	Blocked        Verdict = "blocked"    // would not load anyway
	VerdictUnknown Verdict = "unknown"
)

// Meaning reports whether the types a module names are still the ones it was
// built with.
type Meaning string

const (
	Same           Meaning = "same"
	Different      Meaning = "different"
	MeaningNone    Meaning = "none"
	MeaningUnknown Meaning = "unknown"
)

// Missing says why a module carries no BTF.
type Missing string

const (
	NotMissing   Missing = ""
	Stripped     Missing = "stripped"      // removed on purpose and marked so
	NoneExpected Missing = "none-expected" // external, or a kernel without module BTF
	Lost         Missing = "lost"          // in-tree, the kernel has BTF, no mark
)

// Evidence says how it is known which base a module was encoded against.
type Evidence string

const (
	ByStamp     Evidence = "stamp" // the encoder's
	ByWord      Evidence = "word"  // somebody's stamp, or --base-is-this-build
	BySignature Evidence = "signature"
	ByIDs       Evidence = "ids"
	ByDedup     Evidence = "dedup"
	ByAssumed   Evidence = "assumed"
)

// BuildBase grades how well it is known which base a module was encoded
// against.
type BuildBase string

const (
	// BaseProven: the step that encoded the module stamped it, over this very BTF.
	BaseProven BuildBase = "proven"
	// BaseConsistent: checks that could have failed did not.
	BaseConsistent BuildBase = "consistent"
	// BaseDoubtful: improbable, not impossible.
	BaseDoubtful BuildBase = "doubtful"
	// BaseContradicted: it was another base.
	BaseContradicted BuildBase = "contradicted"
	// BaseUnknown: without BTF, or without a base to compare with.
	BaseUnknown BuildBase = "unknown"
)

// Encounter is a meeting of modules with a kernel that may load them.
type Encounter string

const (
	Self    Encounter = "self"    // a release's modules on its own image
	Window  Encounter = "window"  // new modules on an old kernel still booted
	Reverse Encounter = "reverse" // old or external modules on the new image
	Outside Encounter = "outside" // external modules
	Run     Encounter = "run"     // none: about the run itself, its policy and its inputs
)

// Severity ranks findings for readers; the decision does not depend on it.
type Severity string

const (
	Info    Severity = "info"
	Warning Severity = "warning"
	Error   Severity = "error"
)

// Finding is one thing that was seen, with what it asks for. Findings of the
// same rule about many modules or symbols are one finding with a count.
type Finding struct {
	Rule      string    `json:"rule"` // stable, dotted: "self.btf-lost"
	Severity  Severity  `json:"severity"`
	Encounter Encounter `json:"encounter"`
	Release   string    `json:"release"`           // uname -r of the release it is about
	Against   string    `json:"against,omitempty"` // the older release, for window and reverse
	// Action is the lowest action that answers the finding.
	Action Action `json:"action"`
	// Inconclusive: the question could not be answered from the inputs.
	Inconclusive bool `json:"inconclusive,omitempty"`
	// If is set where the rest of the answer stands if this holds: "893 exports
	// did not change". Close lists what settles it, one way an entry. Policy or
	// a waiver may close such a finding: then it is not inconclusive, and Waived
	// says by what.
	If      string   `json:"if,omitempty"`
	Close   []string `json:"close,omitempty"`
	Message string   `json:"message"`
	Hint    string   `json:"hint,omitempty"`
	// Count is how many subjects it is about; Subjects lists them (module
	// paths, symbols), all that the inputs name. Message names the first three.
	Count    int      `json:"count"`
	Subjects []string `json:"subjects,omitempty"`
	// Waived names what lowered the action, or closed the finding: "policy
	// signatures: ignored", or the rule or waiver of the policy with its reason.
	// Asked is the action before that.
	Waived string `json:"waived,omitempty"`
	Asked  Action `json:"asked,omitempty"`
	// SetBy names the rule or setting of the policy that gave action or
	// severity without lowering the action.
	SetBy string `json:"set_by,omitempty"`
}
