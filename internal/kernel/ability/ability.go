// Package ability is the one table of what a kernel does with the BTF of
// modules: each ability with its name in documents, the kernel version that
// brought it, and for one kernel the answer with its evidence. Images, manifests
// and the running kernel fill a Set; the rules of verdict are made from it.
package ability

import "kpkg-btf/internal/tri"

// Fact is one answer about a kernel with the evidence it rests on, in words
// ("text \"failed to validate module [\" at 0x…", "no FUNC btf_relocate").
type Fact struct {
	Is       tri.State
	Value    int64 // where the ability is a number, else 0
	Evidence string
}

// Flag reports whether the answer is yes; ok is false where it is unknown.
func (f Fact) Flag() (yes, ok bool) { return f.Is == tri.Yes, f.Is != tri.Unknown }

// Number returns the number; ok is false where it is unknown.
func (f Fact) Number() (n int64, ok bool) { return f.Value, f.Is == tri.Yes && f.Value > 0 }

// Set is what is known of one kernel, read off the kernel itself where
// possible, because distributions backport (docs/kernel-rules.md, "Abilities").
type Set struct {
	ModuleBTF       Fact // validates module BTF (btf_parse_module)
	AllowMismatch   Fact // CONFIG_MODULE_ALLOW_BTF_MISMATCH
	Distilled       Fact // honours .BTF.base
	TagOrder        Fact // checks that type tags precede modifiers
	ChainLength     Fact // has a modifier chain limit at all
	KfuncMissing    Fact // yes: missing module BTF makes kfunc registration fail (printk level 3), no: warns
	DtorMissing     Fact // the same of destructor kfuncs
	KfuncProtoCheck Fact // init checks kfunc prototypes (btf_check_kfunc_protos)
	KfuncDuplicate  Fact // refuses a kfunc name that exists already
	MaxKind         Fact // Value: BTF_KIND_MAX
	HeaderSize      Fact // Value: sizeof(struct btf_header), 24 or 32
	KsymNameLen     Fact // Value: KSYM_NAME_LEN from struct bpf_ksym
	SigModule       Fact // CONFIG_MODULE_SIG (FUNC module_sig_check, mod_verify_sig)
}

// Entry is a row of the table.
type Entry struct {
	// Name is the ability's name in documents.
	Name string
	// Since is the upstream release that brought it, Until the first without it
	// again, "" where none does. Stable series may carry it earlier (verdict's
	// versions), and a distribution's image tells better than any version.
	Since, Until string

	fact func(*Set) *Fact
}

// Of returns the ability's answer in a set, to be read or set.
func (e *Entry) Of(s *Set) *Fact { return e.fact(s) }

// Names that other packages ask by.
const (
	ModuleBTF    = "module-btf"
	Distilled    = "distilled-base"
	KfuncMissing = "kfunc-missing-fails"
	DtorMissing  = "dtor-missing-fails"
)

var table = []Entry{
	{ModuleBTF, "5.11", "", func(s *Set) *Fact { return &s.ModuleBTF }},
	{"allow-mismatch", "5.18", "", func(s *Set) *Fact { return &s.AllowMismatch }},
	{Distilled, "6.11", "", func(s *Set) *Fact { return &s.Distilled }},
	{"tag-order-check", "5.19", "7.2", func(s *Set) *Fact { return &s.TagOrder }},
	{"chain-length-check", "5.19", "", func(s *Set) *Fact { return &s.ChainLength }},
	{KfuncMissing, "5.18", "6.5", func(s *Set) *Fact { return &s.KfuncMissing }},
	{DtorMissing, "5.19", "6.9", func(s *Set) *Fact { return &s.DtorMissing }},
	{"kfunc-proto-check", "6.4", "", func(s *Set) *Fact { return &s.KfuncProtoCheck }},
	{"kfunc-duplicate-check", "7.2", "", func(s *Set) *Fact { return &s.KfuncDuplicate }},
	{"max-kind", "5.11", "", func(s *Set) *Fact { return &s.MaxKind }},
	{"header-size", "5.11", "", func(s *Set) *Fact { return &s.HeaderSize }},
	{"ksym-name-len", "5.11", "", func(s *Set) *Fact { return &s.KsymNameLen }},
	{"module-signatures", "3.7", "", func(s *Set) *Fact { return &s.SigModule }},
}

// Table returns all abilities in the order in which documents have them.
func Table() []Entry { return table }

// Put sets an ability by its name; one of another name is left out.
func (s *Set) Put(name string, f Fact) {
	for i := range table {
		if table[i].Name == name {
			*table[i].fact(s) = f
		}
	}
}
