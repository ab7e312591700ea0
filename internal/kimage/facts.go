package kimage

import (
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
)

// Facts is what one kernel image tells.
type Facts struct {
	// Format is the chain of containers, outermost first: "bzImage xz ELF",
	// "EFI-zboot zstd Image", "ELF", "PE-UKI bzImage zstd ELF".
	Format []string
	Arch   model.Arch
	// BigEndian is the byte order of the kernel's data, BTF included.
	BigEndian bool
	// Release is `uname -r` from the version banner, "" when there is none
	// (a headers vmlinux). Banner is the whole "Linux version …" string.
	Release string
	Banner  string

	// Vermagic is the string that the loader compares with a module's
	// (kernel/module/main.c), "" when the image shows none.
	Vermagic string
	// StructModule is sizeof(struct module) where this kernel compares it with
	// a module's (6.4+), 0 where it does not, or the base does not tell.
	StructModule int64

	// BTF is the base, cut at the end of the last section its header
	// declares; nil when the image has none. BTFWhere says where it was found:
	// "section .BTF" or "scan at 0x…". BTFSize is the size before the cut.
	BTF      []byte
	BTFWhere string
	BTFSize  int64
	// BTFOnly is an ELF that carries nothing but BTF: the vmlinux of Debian's
	// headers packages.
	BTFOnly bool

	Abilities Abilities

	// Certs are the DER certificates embedded in the image, in file order.
	Certs [][]byte
	// Exports are the symbols from __ksymtab and __kcrctab, sorted by name;
	// nil when the image has no such tables, or is raw and its entries are
	// addresses (arm, mips).
	Exports []symvers.Symbol
	// Config is the text of CONFIG_IKCONFIG, nil without it.
	Config []byte
}

// Tri is a fact that an image may leave open.
type Tri uint8

const (
	Unknown Tri = iota
	No
	Yes
)

// Ability is one fact with the evidence it rests on, in words ("string
// \"failed to validate module [\" at 0x…", "no FUNC btf_relocate").
type Ability struct {
	Is       Tri
	Value    int64 // where the ability is a number
	Evidence string
}

// Abilities are the facts of KERNEL-BTF.md §2.5: what this kernel does with
// the BTF of modules, read off the image itself because distributions backport.
type Abilities struct {
	ModuleBTF       Ability // validates module BTF (btf_parse_module)
	Distilled       Ability // honours .BTF.base (6.11+)
	TagOrder        Ability // checks that type tags precede modifiers (5.19 to 7.1)
	ChainLength     Ability // has a modifier chain limit at all (5.19+)
	KfuncMissing    Ability // Yes: missing module BTF makes kfunc registration fail (printk level 3), No: warns
	DtorMissing     Ability // the same of destructor kfuncs
	MaxKind         Ability // Value: BTF_KIND_MAX
	HeaderSize      Ability // Value: sizeof(struct btf_header), 24 or 32
	KsymNameLen     Ability // Value: KSYM_NAME_LEN from struct bpf_ksym
	AllowMismatch   Ability // CONFIG_MODULE_ALLOW_BTF_MISMATCH
	KfuncProtoCheck Ability // init checks kfunc prototypes (btf_check_kfunc_protos, 6.4+)
	KfuncDuplicate  Ability // refuses a kfunc name that exists already (7.2+)
	SigModule       Ability // CONFIG_MODULE_SIG (FUNC module_sig_check / mod_verify_sig)
}
