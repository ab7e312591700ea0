package kimage

import (
	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/kernel/ability"
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

	Abilities ability.Set

	// IDs is .BTF_ids, the kernel's own kfunc sets and lists of ids; nil where the
	// image is raw or has none. A stripped image has no symbols for it
	// (IDs.Located), the vmlinux of a headers package has.
	IDs *ids.Section
	// KfuncSets are the kernel's own sets of kfuncs: as the symbols of .BTF_ids say,
	// else by their form, without names and only of 6.9 and later.
	KfuncSets []ids.Set

	// Certs are the DER certificates embedded in the image, in file order.
	Certs [][]byte
	// Exports are the symbols from __ksymtab and __kcrctab, sorted by name;
	// nil when the image has no such tables, or is raw and its entries are
	// addresses (arm, mips).
	Exports []symvers.Symbol
	// Config is the text of CONFIG_IKCONFIG, nil without it.
	Config []byte
}
