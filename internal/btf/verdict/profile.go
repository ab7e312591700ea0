package verdict

import "kpkg-btf/internal/btf"

// Chain is what a kernel checks of modifier chains.
type Chain uint8

// The chain checks by version.
const (
	ChainNone   Chain = iota // up to 5.18
	ChainOrder               // 5.19 to 7.1: btf_check_type_tags
	ChainLength              // 7.2+: btf_check_modifier_chain_length
)

// Section is the rule for the names of DATASECs.
type Section uint8

// The section name rules by version.
const (
	SectionIdent Section = iota // an identifier with dots, up to 6.8
	SectionTail                 // printable, first character not looked at, 6.9 to 6.11
	SectionPrint                // printable
)

// Profile is what a kernel does with BTF, one field for each thing that has
// ever differed between kernels (docs/kernel-rules.md, "Versions"). A profile
// is read only once a Base was made with it.
type Profile struct {
	// Name is the version it was made for.
	Name string
	// Assumed says that the version is newer than any this program knows, or
	// that the image claims a kind this program does not know.
	Assumed bool

	ModuleBTF     bool // looks at the BTF of modules at all (5.11+)
	AllowMismatch bool // CONFIG_MODULE_ALLOW_BTF_MISMATCH (5.18+)
	// WarnOnce: with AllowMismatch, one warning for all modules, and messages
	// about types of split BTF are not printed.
	WarnOnce bool
	// LogSpace: "BPF: text"; before, "BPF:text".
	LogSpace bool

	Masks        btf.Masks
	InfoMask     uint32 // bits allowed in a record's info word; 0: not checked
	KindMax      btf.Kind
	HeaderSize   uint32 // sizeof(struct btf_header): 24 or 32
	KsymNameLen  int    // longest name
	Dots         bool   // dots in identifiers
	Section      Section
	Chain        Chain
	EmptyDatasec bool // DATASEC of no variables
	EnumKflag    bool // kind_flag on ENUM: signed
	TagKflag     bool // kind_flag on DECL_TAG and TYPE_TAG: an attribute

	// FuncResolve: in BTF of user space a FUNC is resolved as other types are,
	// so that a TYPEDEF may name one; before, it was looked at alone.
	FuncResolve bool

	Distilled   bool // honours .BTF.base
	EmbeddedBug bool // 6.11.0: types embedded by the last split types unmarked

	KfuncAPI        bool // register_btf_kfunc_id_set exists (5.18+)
	KfuncMissing    Errno
	KfuncFlags      bool // sets must carry BTF_SET8_KFUNCS (6.9+)
	KfuncProtoCheck bool // btf_check_kfunc_protos (6.4+)
	KfuncDuplicate  bool // a kfunc's name must be new (7.2+)
	DtorAPI         bool // register_btf_id_dtor_kfuncs exists (5.19+)
	DtorMissing     Errno

	evidence [numFields]string
}

// Field names a field of a Profile whose evidence is recorded.
type Field uint8

// The fields with evidence of their own; everything else is by version.
const (
	FieldModuleBTF Field = iota
	FieldAllowMismatch
	FieldDistilled
	FieldChain
	FieldKindMax
	FieldHeaderSize
	FieldKsymNameLen
	FieldKfuncMissing
	FieldKfuncProtoCheck
	FieldKfuncDuplicate
	FieldDtorMissing
	FieldDots
	FieldTagKflag
	FieldSection
	FieldRest
	numFields
)

var fieldNames = [numFields]string{
	"module-btf", "allow-mismatch", "distilled", "chain", "kind-max", "header-size", "ksym-name-len", "kfunc-missing",
	"kfunc-proto-check", "kfunc-duplicate", "dtor-missing", "dots", "tag-kflag", "section", "rest",
}

func (f Field) String() string { return fieldNames[f] }

// Evidence says what a field rests on: "version 6.12" or the words the
// observation came with.
func (p *Profile) Evidence(f Field) string { return p.evidence[f] }

// SameRules reports whether kernels of two profiles ask the same of a module's
// BTF and of the ids that its init registers, the bases apart: what the one
// takes, the other does not refuse for its form.
func (p *Profile) SameRules(q *Profile) bool { return p.form() == q.form() }

// form is what decides about the form of a module's BTF. What a kernel prints,
// and whether it loads a module that it refuses, is not of it.
func (p *Profile) form() Profile {
	f := *p
	f.Name, f.Assumed, f.evidence = "", false, [numFields]string{}
	f.AllowMismatch, f.WarnOnce, f.LogSpace, f.FuncResolve = false, false, false, false
	f.KfuncMissing, f.DtorMissing = 0, 0
	return f
}
