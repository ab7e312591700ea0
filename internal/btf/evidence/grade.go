package evidence

import "fmt"

// Grade says how well it is known that a module was encoded against a base.
type Grade uint8

const (
	// Unknown: nothing was looked at.
	Unknown Grade = iota
	// Refuted: it was not.
	Refuted
	// Doubted: it is improbable, not impossible.
	Doubted
	// Agreed: checks could have failed and did not. How often that is wrong is
	// measured (Kernels.Of).
	Agreed
	// Proven: the step that encoded the module says so, over this very BTF.
	Proven
)

// Claim is what somebody says of a module's base.
type Claim uint8

const (
	NoClaim   Claim = iota
	ByEncoder       // the encoder's stamp, over this very BTF, names this base
	ByWord          // somebody's stamp does, or whoever runs this says so
	Otherwise       // a stamp over this very BTF names another base
)

// Known is the answer about one module and one base.
type Known struct {
	Grade Grade
	// By are what it rests on, the strongest first: "stamp", "word", names of
	// Checks.
	By []string
	// Why says what refutes it or makes it doubtful.
	Why string
}

// Grading grades what is known. r is nil when the module has no BTF, or none that
// can be read. together is the stretch of Together that the module touches, nil
// for none. A contradiction outranks any claim; a doubt is closed by one.
//
// Whoever judges a release calls Base.Judge for each module, Together over all
// their Leans, and this with the stretch that Touches the module:
//
//	res := index.Judge(split, module)
//	known := evidence.Grading(&res, claim, touched)
func Grading(r *Result, c Claim, together *Shift) Known {
	switch {
	case c == Otherwise:
		return Known{Grade: Refuted, By: []string{"stamp"}, Why: "its stamp names another base"}
	case r == nil:
		return Known{}
	case r.Conclusion == Contradicted:
		v := r.First()
		return Known{Grade: Refuted, By: []string{v.Check.String()}, Why: v.Text}
	case c == ByEncoder:
		return Known{Grade: Proven, By: []string{"stamp"}}
	}
	doubt := r.Shift
	whose := "this module uses"
	if doubt == nil {
		doubt, whose = together, "modules of this release use"
	}
	switch {
	case c == ByWord:
		return Known{Grade: Agreed, By: append([]string{"word"}, r.passed()...)}
	case doubt != nil:
		return Known{Grade: Doubted, By: []string{Tables.String(), Names.String()},
			Why: fmt.Sprintf("%s the ids %d to %d of the base as if they were %+d (%d signs: prototypes that operation tables want, types that go by a name)",
				whose, doubt.From, doubt.To, doubt.By, doubt.Votes)}
	}
	return Known{Grade: Agreed, By: r.passed()}
}

// Outside reports whether something beside the BTF itself speaks for the base:
// ids that the build wrote elsewhere, __versions, operation tables. Without it
// there is only the absence of contradiction.
func (r *Result) Outside() bool {
	for _, c := range [...]Check{IDs, Versions, Tables} {
		if t := r.Checks[c]; t.Looked > 0 && t.Hits == 0 {
			return true
		}
	}
	return false
}

func (r *Result) passed() (names []string) {
	for _, c := range [...]Check{IDs, Versions, Tables, Names, Dedup, Symbols} {
		if r.Checks[c].Looked > 0 {
			names = append(names, c.String())
		}
	}
	return names
}
