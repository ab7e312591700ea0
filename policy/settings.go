package policy

import "slices"

// Signatures reports whether the older kernel can refuse foreign signatures.
type Signatures string

const (
	Enforced Signatures = "enforced"
	Ignored  Signatures = "ignored"
)

// BuildBase says how well the base must be known that modules were encoded
// against.
type BuildBase string

const (
	BaseConsistent BuildBase = "consistent" // checks that could have failed did not
	BaseProven     BuildBase = "proven"     // the step that encoded them says so
)

// Weight is how much a class of findings counts.
type Weight string

const (
	Note Weight = "note"
	Bump Weight = "bump"
)

// Dropped says what becomes of a module that merely loads without its BTF
// until the next reboot.
type Dropped string

const (
	DroppedKeep   Dropped = "keep"
	DroppedRepair Dropped = "repair" // distill it, or else strip it
)

// Undescribed says what becomes of exported symbols of kernels without symbol
// versions that BTF does not describe either, where modules import them.
type Undescribed string

const (
	UndescribedOpen   Undescribed = "open"   // nothing is known of them
	UndescribedAccept Undescribed = "accept" // they count as unchanged
)

// Window are the settings of the window encounter.
type Window struct {
	Dropped Dropped `yaml:"dropped"`
}

// Health are the bounds of what is told of a build, in percent.
type Health struct {
	// Repeated is the share of the modules' BTF that their base has already.
	Repeated int `yaml:"repeated"`
	// Growth is how much more BTF the modules have than those of the older release.
	Growth int `yaml:"growth"`
}

const maxPercent = 10000

// MayZeroIDs reports whether the words of a module's plain id lists may be
// zeroed, when it is distilled or stripped, by the spellings of its path.
func (p *Policy) MayZeroIDs(spellings ...string) bool { return matchAny(p.zeroIDs, spellings) }

// BTFNotExpected reports whether an in-tree module is meant to carry no BTF, by
// the spellings of its path.
func (p *Policy) BTFNotExpected(spellings ...string) bool { return matchAny(p.noneExpected, spellings) }

func matchAny(list []*Glob, names []string) bool {
	return slices.ContainsFunc(list, func(g *Glob) bool { return g.subject(Subject{Modules: names}) })
}
