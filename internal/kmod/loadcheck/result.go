package loadcheck

import (
	"fmt"
	"strings"
)

// Errnos of refusals (include/uapi/asm-generic/errno*.h).
const (
	eperm        = -1
	enoent       = -2
	enoexec      = -8
	einval       = -22
	ekeyrejected = -129
)

// Rule names the check that refuses a module; the words stay.
type Rule string

// The rules, in the kernel's order.
const (
	RuleSignature Rule = "signature"
	RuleCipher    Rule = "cipher" // the image lacks the algorithm of a signature that it would take
	RuleArch      Rule = "architecture"
	RuleStruct    Rule = "struct-module"
	RuleLayout    Rule = "module-layout"
	RuleVermagic  Rule = "vermagic"
	RuleImportNS  Rule = "import-ns"
	RuleCRC       Rule = "crc"
	RuleSymbol    Rule = "symbol"    // nobody exports it
	RuleGPL       Rule = "gpl"       // exported to GPL modules only
	RuleNamespace Rule = "namespace" // in a namespace the module does not import
	RuleDepends   Rule = "depends"   // its exporter does not load
	RuleDuplicate Rule = "duplicate" // exports what is exported already
)

// When says where a refusal happens.
type When uint8

const (
	// Always is on every machine with this kernel.
	Always When = iota
	// IfLoaded is where a module of the kernel's own release was loaded before.
	IfLoaded
	// Enforced is where signatures are enforced (module.sig_enforce, lockdown).
	Enforced
)

// Reason is one refusal.
type Reason struct {
	Rule  Rule
	Errno int
	// Text is what the kernel prints, "" where it says nothing.
	Text   string
	Symbol string // the symbol in question, "" for none
	// Module is the module that is needed and does not load, or whose licence is
	// the reason. Loaded is, with IfLoaded, the one that is loaded already.
	Module, Loaded string
	When           When
}

// String is the refusal in one line: the kernel's words, and what they leave out.
func (r *Reason) String() string {
	text := r.Text
	if text == "" {
		text = "refused without a word"
		if r.Rule == RuleSignature {
			text = "Key was rejected by service" // strerror of EKEYREJECTED, as modprobe says
		}
	}
	if !strings.Contains(text, "(err ") {
		text += fmt.Sprintf(" (err %d)", r.Errno)
	}
	switch {
	case r.Rule == RuleDepends:
		text += ": " + r.Module + " does not load"
	case r.Rule == RuleGPL && r.Module == "":
		text += ": exported to GPL modules only"
	}
	if r.When == IfLoaded {
		text += ", where the older " + r.Loaded + " is loaded"
	}
	return text
}

// maxReasons bounds what is kept of one module; a module of a wholly other
// kernel may break at each of a thousand imports.
const maxReasons = 8

// Result is the answer for one module.
type Result struct {
	// Reasons are the refusals in the kernel's order, the first eight and those
	// of modules that it needs; More counts the rest. The kernel itself stops at the first step that refuses.
	Reasons   []Reason
	More      int
	Signature Signature
	// Compared are the imports whose checksums both sides give, Changed those
	// of them that differ; Missing are imports that nobody exports.
	Compared, Changed, Missing int
	// Gaps are the questions that the facts of the kernel leave open, in words.
	Gaps []string

	needs []need // modules of the set that it resolves symbols from
}

type need struct {
	module string
	symbol string
}

func (r *Result) add(x Reason) {
	if len(r.Reasons) == maxReasons {
		r.More++
		return
	}
	r.Reasons = append(r.Reasons, x)
}

func (r *Result) gap(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, g := range r.Gaps {
		if g == text {
			return
		}
	}
	if len(r.Gaps) < maxReasons {
		r.Gaps = append(r.Gaps, text)
	}
}

// Why returns the first refusal in a state of enforcement, nil when the module
// loads; one that happens everywhere before one that depends on what is loaded.
func (r *Result) Why(enforced bool) *Reason {
	var maybe *Reason
	for i := range r.Reasons {
		x := &r.Reasons[i]
		switch {
		case x.When == Always || x.When == Enforced && enforced:
			return x
		case x.When == IfLoaded && maybe == nil:
			maybe = x
		}
	}
	return maybe
}
