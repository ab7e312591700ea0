// Package manifest is the record of one release: all that a later check needs
// to know about it, in one canonical document (internal/document) that is small
// enough to commit. The base BTF travels beside it (WriteBase), and what the
// modules use of the base (WriteRefs).
//
// What modules share is written once: the vermagic of most of them, and the
// signers, which they name by number.
package manifest

import (
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
)

// Schema is what this package writes. It reads every document of its major
// version.
const Schema = "kpkg-btf/manifest/2.1"

// Scope says what a manifest was recorded from.
type Scope string

const (
	// Full is image and modules.
	Full Scope = "full"
	// BaseSymvers is from headers alone: a valid old side, never a new one.
	BaseSymvers Scope = "base+symvers"
)

// Words are those there are.
func (Scope) Words() []string { return []string{string(Full), string(BaseSymvers)} }

// Manifest is one release. The order of its lists does not matter to Write;
// Read returns them sorted.
type Manifest struct {
	// Tool is the name and version of the program that wrote it. It is in no
	// digest.
	Tool string `json:"-"`
	// digest is that of the text it was read from; zero for one made by hand.
	digest [32]byte

	// Packages are where the rest came from. Two manifests of one kernel, from
	// .deb and from .rpm, differ in nothing else (ContentDigest).
	Packages []Package `json:"packages,omitempty" doc:"sorted"`

	Release string     `json:"release"`        // uname -r
	Arch    model.Arch `json:"arch,omitempty"` // of the kernel, not of the package
	Scope   Scope      `json:"scope"`

	Image     *Image    `json:"image,omitempty"` // nil: no image among the inputs
	Base      *Base     `json:"base,omitempty"`  // nil: the image has no BTF
	Abilities []Ability `json:"abilities,omitempty" doc:"sorted"`
	Config    Config    `json:"config,omitempty" doc:"sorted"` // see ConfigOptions
	Certs     []Cert    `json:"certs,omitempty" doc:"sorted"`  // embedded in the image
	// Kfuncs are the sets of kfuncs that the image and its modules register.
	Kfuncs []KfuncSet `json:"kfuncs,omitempty" doc:"sorted,lines"`
	// Exports is nil when there was neither a Module.symvers nor tables.
	Exports *Exports `json:"exports,omitempty"`
	// BuiltIn is modules.builtin as paths below lib/modules/<release>; nil when
	// there was none, empty when it is.
	BuiltIn []string `json:"builtin,omitzero" doc:"sorted,lines"`
	Modules []Module `json:"-"`
	// Self is what the modules are on the image; nil where nobody asked.
	Self *Self `json:"self,omitempty"`
}

// Package is one input; inputs that agree in all but Gives are one.
type Package struct {
	Name    string `json:"name,omitempty"` // "" for a directory or loose files
	Version string `json:"version,omitempty"`
	Arch    string `json:"arch,omitempty"` // the packaging's own word: "amd64", "x86_64"
	Kind    string `json:"kind,omitempty"` // "deb", "rpm", "dir", "file"
	// Gives is what was taken from it, in words: "image", "modules", "config",
	// "symvers", "builtin".
	Gives []string `json:"gives,omitempty" doc:"sorted"`
}

// Image is the kernel image.
type Image struct {
	Format []string `json:"format,omitempty"` // chain of containers, outermost first
	Banner string   `json:"banner,omitempty"` // the "Linux version …" string, "" when there is none
	// BTFOnly is an ELF that holds BTF and nothing else (Debian's headers).
	BTFOnly bool `json:"btf_only,omitempty"`
	// StructModule is the size of the kernel's struct module, which it compares
	// with a module's own; 0 where it is not known.
	StructModule int64 `json:"struct_module,omitempty"`
}

// Base identifies a vmlinux BTF.
type Base struct {
	SHA256    [32]byte `json:"sha256"`  // of the BTF cut at the end of the last section its header declares
	Size      int64    `json:"size"`    // bytes of that
	Types     int64    `json:"types"`   // ids, void included: the kernel's nr_types
	StrLen    int64    `json:"str_len"` // bytes of the string section
	HdrLen    int64    `json:"hdr_len"` // hdr_len: 24 or 32
	BigEndian bool     `json:"big_endian,omitempty"`
	Where     string   `json:"where,omitempty"` // "section .BTF", "scan at 0x…"
}

// Ability is what the kernel does with the BTF of modules.
type Ability struct {
	Name     string    `json:"name"` // "distilled", "max_kind"
	Is       tri.State `json:"is"`
	Value    int64     `json:"value,omitempty"` // where the ability is a number, else 0
	Evidence string    `json:"evidence,omitempty"`
}

// Option is one line of the kernel's config: "CONFIG_X" with its value as it
// stands there, quotes included; "n" for "is not set".
type Option struct {
	_     struct{} `doc:"tuple"`
	Name  string   `json:"name"`
	Value string   `json:"value"`
}

// Cert is an X.509 certificate of the image's keyring.
type Cert struct {
	// DER is the certificate itself: what a signature is verified with. It may be
	// missing, SHA256 is of it.
	DER     []byte   `json:"der,omitempty"`
	SHA256  [32]byte `json:"sha256"`
	Subject string   `json:"subject,omitempty"`
	KeyID   string   `json:"key_id,omitempty"` // subject key id, lower-case hex, "" without
	Serial  string   `json:"serial,omitempty"` // lower-case hex
}

// Exports are the exported symbols of image and modules.
type Exports struct {
	// Source is where they were read: "Module.symvers" or "tables" (the
	// __ksymtab sections of image and modules).
	Source  string   `json:"source"`
	Symbols []Symbol `json:"symbols" doc:"sorted"`
}

// Export is how strictly a symbol is exported.
type Export string

const (
	ExportUnknown Export = "unknown"
	ExportAny     Export = "any" // EXPORT_SYMBOL
	ExportGPL     Export = "gpl" // EXPORT_SYMBOL_GPL
)

// Words are those there are.
func (Export) Words() []string {
	return []string{string(ExportUnknown), string(ExportAny), string(ExportGPL)}
}

// Symbol is one exported symbol: ["name","owner","gpl",crc,"namespace"].
type Symbol struct {
	_ struct{} `doc:"tuple"`

	Name      string `json:"name"`
	Owner     string `json:"owner"` // "vmlinux" or the module as in Module.symvers: "drivers/net/mii"
	Export    Export `json:"export"`
	CRC       uint32 `json:"crc"`                 // 0: not versioned
	Namespace string `json:"namespace,omitempty"` // "" for none
}

// KfuncSet is a set of kfuncs in .BTF_ids.
type KfuncSet struct {
	Owner  string  `json:"owner"`         // "vmlinux", or the path of the module
	Name   string  `json:"set,omitempty"` // "" where no symbol names it
	Number int64   `json:"number"`        // of the set in its file, from 0
	Kfuncs []Kfunc `json:"kfuncs" doc:"sorted"`
}

// Kfunc is one member of a set: ["bpf_ct_release",2].
type Kfunc struct {
	_ struct{} `doc:"tuple"`

	Name  string `json:"name"`
	Flags uint32 `json:"flags"` // KF_*
	// Contradicts: a flag is not what the prototype promises.
	Contradicts bool `json:"contradicts,omitempty"`
}

// BTFKind is what BTF a module carries.
type BTFKind string

const (
	BTFNone      BTFKind = "none"
	BTFSplit     BTFKind = "split"
	BTFDistilled BTFKind = "distilled" // with .BTF.base
)

// Words are those there are.
func (BTFKind) Words() []string {
	return []string{string(BTFNone), string(BTFSplit), string(BTFDistilled)}
}

// Module is one loadable module.
type Module struct {
	// Path is below lib/modules/<release> and without the suffix of a
	// compression: "kernel/net/llc/llc.ko" (ModulePath).
	Path string `json:"path"`
	Name string `json:"name"` // as the kernel knows it: "snd_hda_intel"
	// SHA256 and Size are of the content without signature and compression.
	SHA256 [32]byte `json:"sha256"`
	Size   int64    `json:"size"`

	BTF BTF  `json:"btf"`
	IDs *IDs `json:"ids,omitempty"` // nil: no .BTF_ids

	Vermagic   string   `json:"-"`
	Intree     bool     `json:"intree,omitempty"`
	Srcversion string   `json:"srcversion,omitempty"`
	Depends    []string `json:"depends,omitempty" doc:"sorted"`
	// Registers are the imports through which a module hands BTF ids to the
	// kernel (register_btf_kfunc_id_set and others): whether it can do without BTF.
	Registers []string `json:"registers,omitempty" doc:"sorted"`
	Signer    *Signer  `json:"-"`               // nil: not signed
	Stamp     []byte   `json:"stamp,omitempty"` // content of .BTF.base_checksum, nil without
	// Self is what was found of it on its own image; nil where that is not known.
	Self *model.ModuleDecision `json:"-"`
}

// BTF is the BTF sections of a module.
type BTF struct {
	Kind   BTFKind  `json:"kind"`
	SHA256 [32]byte `json:"sha256,omitempty"` // of .BTF
	Size   int64    `json:"size,omitempty"`
	// BaseSHA256 and BaseSize are of .BTF.base, when distilled.
	BaseSHA256 [32]byte `json:"base_sha256,omitempty"`
	BaseSize   int64    `json:"base_size,omitempty"`
	// Repeated is the size of its types that the base has too; 0 before schema 2.1,
	// and where nobody judged the release (Manifest.Self).
	Repeated int64 `json:"repeated,omitempty"`
}

// IDs is the .BTF_ids section of a module.
type IDs struct {
	SHA256  [32]byte `json:"sha256"`
	Sets    int64    `json:"sets,omitempty"`
	Words   int64    `json:"words,omitempty"`   // all words that hold an id, those of sets included
	Located bool     `json:"located,omitempty"` // the symbols that say what they are are present
}

// Signer is who signed a module.
type Signer struct {
	KeyID     string `json:"key_id,omitempty"`    // lower-case hex
	Hash      string `json:"hash,omitempty"`      // "sha256"
	Algorithm string `json:"algorithm,omitempty"` // "rsa", "ecdsa"
}
