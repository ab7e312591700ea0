// Package manifest is the record of one release: all that a later check needs
// to know about it, in one canonical JSON document that is small enough to
// commit. The base BTF travels beside it (WriteBase).
//
// The text: UTF-8, LF, fixed key order, arrays sorted, one module and one
// symbol a line, integers only. Bytes that are not UTF-8 stand base64 coded in
// a field of the same name with "_b64" added, in an array as {"b64": "…"}.
// What is empty or zero is left out. The document begins with
//
//	{
//	"schema": "kpkg-btf/manifest/1.0",
//	"tool": "kpkg-btf 0.1",
//	"digest": "sha256:…",
//
// and the digest is the SHA-256 of the schema string, a LF and every byte of
// the text after the line of the digest: a later minor version's fields are
// covered whether known or not, the tool's version is not.
package manifest

import (
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
)

// Schema is what this package writes. It reads every document of major 1.
const (
	Schema      = schemaKind + "1.0"
	schemaKind  = "kpkg-btf/manifest/"
	schemaMajor = 1
)

// Scope says what a manifest was recorded from.
type Scope string

const (
	// Full is image and modules.
	Full Scope = "full"
	// BaseSymvers is from headers alone: a valid old side, never a new one.
	BaseSymvers Scope = "base+symvers"
)

// Manifest is one release. The order of its lists does not matter to Write;
// Read gives them sorted.
type Manifest struct {
	// Tool is the name and version of the program that wrote it. It is in no
	// digest.
	Tool string
	// digest is that of the text it was read from; zero for one made by hand.
	digest [32]byte

	// Packages are where the rest came from. Two manifests of one kernel, from
	// .deb and from .rpm, differ in nothing else (ContentDigest).
	Packages []Package

	Release string     // uname -r
	Arch    model.Arch // of the kernel, not of the package
	Scope   Scope

	Image     *Image // nil: no image among the inputs
	Base      *Base  // nil: the image has no BTF
	Abilities []Ability
	Config    Config // see ConfigOptions
	Certs     []Cert // embedded in the image
	// Exports is nil when there was neither a Module.symvers nor tables.
	Exports *Exports
	// BuiltIn is modules.builtin as paths below lib/modules/<release>; nil when
	// there was none, empty when it is.
	BuiltIn []string
	Modules []Module
}

// Package is one input; inputs that agree in all but Gives are one.
type Package struct {
	Name    string // "" for a directory or loose files
	Version string
	Arch    string // the packaging's own word: "amd64", "x86_64"
	Kind    string // "deb", "rpm", "dir", "file"
	// Gives is what was taken from it, in words: "image", "modules", "config",
	// "symvers", "builtin".
	Gives []string
}

// Image is the kernel image.
type Image struct {
	Format []string // chain of containers, outermost first
	Banner string   // the "Linux version …" string, "" when there is none
	// BTFOnly is an ELF that holds BTF and nothing else (Debian's headers).
	BTFOnly bool
}

// Base identifies a vmlinux BTF.
type Base struct {
	SHA256    [32]byte // of the BTF cut at the end of the last section its header declares
	Size      int64    // bytes of that
	Types     int64    // ids, void included: the kernel's nr_types
	StrLen    int64    // bytes of the string section
	HdrLen    int64    // hdr_len: 24 or 32
	BigEndian bool
	Where     string // "section .BTF", "scan at 0x…"
}

// Ability is what the kernel does with the BTF of modules.
type Ability struct {
	Name     string // "distilled", "max_kind"
	Is       tri.State
	Value    int64 // where the ability is a number, else 0
	Evidence string
}

// Option is one line of the kernel's config: "CONFIG_X" with its value as it
// stands there, quotes included; "n" for "is not set".
type Option struct{ Name, Value string }

// Cert is an X.509 certificate.
type Cert struct {
	SHA256  [32]byte // of the DER
	Subject string
	KeyID   string // subject key id, lower-case hex, "" without
	Serial  string // lower-case hex
}

// Exports are the exported symbols of image and modules.
type Exports struct {
	// Source is where they were read: "Module.symvers" or "tables" (the
	// __ksymtab sections of image and modules).
	Source  string
	Symbols []Symbol
}

// Export is how strictly a symbol is exported.
type Export string

const (
	ExportUnknown Export = "unknown"
	ExportAny     Export = "any" // EXPORT_SYMBOL
	ExportGPL     Export = "gpl" // EXPORT_SYMBOL_GPL
)

// Symbol is one exported symbol.
type Symbol struct {
	Name      string
	Owner     string // "vmlinux" or the module as in Module.symvers: "drivers/net/mii"
	Export    Export
	CRC       uint32 // 0: not versioned
	Namespace string // "" for none
}

// BTFKind is what BTF a module carries.
type BTFKind string

const (
	BTFNone      BTFKind = "none"
	BTFSplit     BTFKind = "split"
	BTFDistilled BTFKind = "distilled" // with .BTF.base
)

// Module is one loadable module.
type Module struct {
	// Path is below lib/modules/<release> and without the suffix of a
	// compression: "kernel/net/llc/llc.ko" (ModulePath).
	Path string
	Name string // as the kernel knows it: "snd_hda_intel"
	// SHA256 and Size are of the content without signature and compression.
	SHA256 [32]byte
	Size   int64

	BTF BTF
	IDs *IDs // nil: no .BTF_ids

	Vermagic   string
	Intree     bool
	Srcversion string
	Depends    []string
	// Registers are the imports through which a module hands BTF ids to the
	// kernel (register_btf_kfunc_id_set and others): whether it can do without BTF.
	Registers []string
	Signer    *Signer // nil: not signed
	Stamp     []byte  // content of .BTF.base_checksum, nil without
}

// BTF is the BTF sections of a module.
type BTF struct {
	Kind   BTFKind
	SHA256 [32]byte // of .BTF
	Size   int64
	// BaseSHA256 and BaseSize are of .BTF.base, when distilled.
	BaseSHA256 [32]byte
	BaseSize   int64
}

// IDs is the .BTF_ids section of a module.
type IDs struct {
	SHA256  [32]byte
	Sets    int64
	Words   int64 // all words that hold an id, those of sets included
	Located bool  // the symbols that say what they are are there
}

// Signer is who signed a module.
type Signer struct {
	KeyID     string // lower-case hex
	Hash      string // "sha256"
	Algorithm string // "rsa", "ecdsa"
}
