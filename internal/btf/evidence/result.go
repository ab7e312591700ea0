// Package evidence tells from the files alone whether a module's split BTF can
// have been encoded against a given base. Nothing in a module names its base,
// but a wrong one shows: ids and string offsets lead to the wrong things, sizes
// stop fitting, and types appear twice that the encoder would have merged.
//
// Every rule was measured on Debian's 6.1, 6.12 and 7.3 kernels: none fires
// for any module on its own base (evidence_e2e_test.go).
package evidence

import "kpkg-btf/internal/btf"

// Check is one family of rules.
type Check uint8

const (
	// Range: every type id is below the number of types, every name offset
	// within the strings.
	Range Check = iota
	// Strings: every name offset is the first byte of a string, and an
	// identifier where C needs one.
	Strings
	// Kinds: references lead to kinds that C and the encoder allow there; the
	// types of a distilled base exist in the base.
	Kinds
	// Sizes: members fit between their offset, the next member and the end of
	// their struct; variables agree with their section.
	Sizes
	// Dedup: no own type repeats a type of the base. pahole and resolve_btfids
	// end with btf__dedup, which merges them (tools/lib/bpf/btf.c).
	Dedup
	// Versions: the array behind the section __versions is one of struct
	// modversion_info, of the section's length. Every module of a kernel with
	// CONFIG_MODVERSIONS has it (scripts/mod/modpost.c: add_versions).
	Versions
	// IDs: the words of .BTF_ids lead to the types their symbols name. Those
	// that lead into the base count as looked at.
	IDs
	// Symbols: the functions and per-CPU variables are those of the module's
	// symbol table, with their sizes.
	Symbols
	// Tables: functions whose address stands in an object have the parameters
	// that some struct of the object's size wants there.
	Tables
	// Names: members and parameters have the types that go by their names in
	// the base. Tables and Names have no hits: they lean (Lean).
	Names
	numChecks
)

// NumChecks is the number of Checks.
const NumChecks = int(numChecks)

var checkNames = [numChecks]string{"range", "strings", "kinds", "sizes", "dedup", "versions", "ids", "symbols", "tables", "names"}

func (c Check) String() string { return checkNames[c] }

// Rule is one rule of a Check.
type Rule uint8

const (
	ruleID Rule = iota
	ruleName
	ruleBaseString
	ruleOwnString
	ruleIdentifier
	ruleNoName
	ruleFuncProto
	ruleTarget
	ruleRestrict
	ruleQualTwice
	ruleElem
	ruleIndex
	ruleMemberKind
	ruleBitfield
	ruleParam
	ruleReturn
	ruleVar
	ruleDatasec
	ruleTag
	ruleMemberEnd
	ruleOverlap
	ruleHole
	ruleSecSize
	ruleDistilled
	ruleDedup
	ruleVersions
	ruleWord
	ruleFunc
	ruleVariable
	numRules
)

// rules gives each rule's check.
var rules = [numRules]Check{
	ruleID: Range, ruleName: Range,
	ruleBaseString: Strings, ruleOwnString: Strings, ruleIdentifier: Strings, ruleNoName: Strings,
	ruleFuncProto: Kinds, ruleTarget: Kinds, ruleRestrict: Kinds, ruleQualTwice: Kinds, ruleElem: Kinds, ruleIndex: Kinds,
	ruleMemberKind: Kinds, ruleBitfield: Kinds, ruleParam: Kinds, ruleReturn: Kinds, ruleVar: Kinds,
	ruleDatasec: Kinds, ruleTag: Kinds,
	ruleMemberEnd: Sizes, ruleOverlap: Sizes, ruleHole: Sizes, ruleSecSize: Sizes,
	ruleDistilled: Kinds,
	ruleDedup:     Dedup, ruleVersions: Versions, ruleWord: IDs,
	ruleFunc: Symbols, ruleVariable: Symbols,
}

// Conclusion is what a Result says.
type Conclusion uint8

const (
	// Silent: the module refers to nothing of the base, nothing was checked.
	Silent Conclusion = iota
	// Consistent: something was checked and nothing speaks against this base.
	Consistent
	// Doubtful: nothing is impossible, but something is improbable (Shift).
	Doubtful
	// Contradicted: the module was not encoded against this base.
	Contradicted
)

// Violation is one contradiction.
type Violation struct {
	Check Check
	ID    btf.ID // the own type it was seen at; 0 for a word of .BTF_ids
	Off   uint32 // byte offset in the blob (of .BTF_ids: in that section)
	Text  string // "[113912] STRUCT nf_foo: member bar at bit 64 is FUNC_PROTO"
}

// Tally is what one check found.
type Tally struct {
	Looked int // facts that touch the base and were compared
	Hits   int
	First  *Violation // nil without hits
}

// Result is the outcome for one module.
type Result struct {
	Conclusion Conclusion
	Checks     [NumChecks]Tally
	// Lean is what the use of the base's ids suggests; Shift, nil for none, is
	// where that is too much for chance.
	Lean  Lean
	Shift *Shift
}

// First is the first violation, of the earliest Check; nil if there is none.
func (r *Result) First() *Violation {
	for i := range r.Checks {
		if v := r.Checks[i].First; v != nil {
			return v
		}
	}
	return nil
}

// Names lists the checks that could have failed and did not, the strongest
// first: "ids" when words of .BTF_ids lead into the base and to what their
// symbols name, "versions" when the array behind __versions is what it must be,
// "symbols" when functions are those of the symbol table, "tables" when stored
// ones have the parameters that structs want, "names" when members and
// parameters have the types usual for their names, "dedup" when no own type
// repeats one of the base. Empty unless Consistent.
func (r *Result) Names() []string {
	if r.Conclusion != Consistent {
		return nil
	}
	return r.passed()
}

func (r *Result) conclude() {
	looked := 0
	for i := range r.Checks {
		if r.Checks[i].Hits > 0 {
			r.Conclusion = Contradicted
			return
		}
		looked += r.Checks[i].Looked
	}
	switch {
	case r.Shift != nil:
		r.Conclusion = Doubtful
	case looked > 0:
		r.Conclusion = Consistent
	}
}
