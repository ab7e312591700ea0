package kmod

import (
	"kpkg-btf/internal/btf/ids"
	"kpkg-btf/internal/btf/symbols"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/symvers"
)

// Facts is all that later judgement needs of one module, about 17 KB. It does
// not refer to the bytes it was parsed from.
type Facts struct {
	Arch      model.Arch
	BigEndian bool
	Is64      bool

	// Digest is the SHA-256 of the module without signature trailer and
	// without compression; Size is the number of those bytes.
	Digest [32]byte
	Size   int64
	// AllocDigest reports whether two copies of one module (signed or not,
	// stripped of debug information, udeb, dbg) are the same code: a hash over
	// every SHF_ALLOC section that is not empty, in name order, with its
	// name, type, flags (write, alloc, execute), size and content, and its
	// relocations with what they refer to by name. Addresses, file offsets, the
	// order of sections, symbol numbers, symbols that no relocation uses,
	// sections that are not loaded (.BTF, .symtab, .comment, debug) and the
	// signature do not count.
	// It is a seeded hash: it can be compared within one process and nowhere
	// else, and no input can choose a collision.
	AllocDigest uint64
	// CodeDigest is AllocDigest without what tells one build of the same source
	// from the next: notes (build id, build salt), .BTF_ids, the release in
	// vermagic. Two that agree do the same with the same data.
	CodeDigest uint64

	// BTF and BTFBase are the contents of the first .BTF and .BTF.base section
	// (the kernel takes the first of a name: find_any_sec), nil when there is
	// none, empty when the section has size 0. They are what the kernel reads,
	// whatever the section's type (see loadedBlob). Every reader asks the Blob.
	BTF, BTFBase Blob
	// Neutralized: the .BTF is empty and carries the mark of apply
	// --mode=neutralize, section type stamp.Emptied.
	Neutralized bool
	// BTFSections counts the sections named .BTF: more than one is a finding.
	BTFSections int

	IDs *IDs // .BTF_ids, nil when there is none

	// Code is what the module's code says of its BTF, empty without BTF.
	Code symbols.Code

	Modinfo Modinfo
	// Versions are the imports with the CRCs the module was built against,
	// from __versions or the extended __version_ext_* sections (6.14+), in
	// file order. nil when the module has neither.
	Versions []Version
	// BasicVersions and ExtVersions say which of the two forms the module has.
	// A kernel compares the release word of vermagic unless the first is present,
	// and reads the second since 6.14 only.
	BasicVersions, ExtVersions bool
	// Imports are the undefined symbols by name, sorted, weak ones marked.
	Imports []Import
	Exports []symvers.Symbol // from __ksymtab*/__kcrctab*, sorted by name; Owner is empty

	Sig *modsig.Signature // nil: no trailer

	// Stamp is the content of .BTF.base_checksum, nil when there is none.
	Stamp []byte

	// ThisModule is the size of .gnu.linkonce.this_module, the module's struct
	// module; kernels since 6.4 compare it with their own.
	ThisModule int64

	Sections []Section // every section but the null section, in file order

	// Compression is the format the file was compressed in ("gzip", "xz",
	// "zstd"), "" for a plain one; from the content, not the name.
	Compression string
	// DebugOnly is a file of separated debug information: what would be loaded
	// has no content (objcopy --only-keep-debug).
	DebugOnly bool
	// Anomalies are what is wrong with the module and yet did not keep it from
	// being read, in words: overlapping sections, two .BTF, .modinfo missing or
	// without its last NUL. nil for a normal module.
	Anomalies []string
}

// Section is one ELF section header, as `inspect` shows it.
type Section struct {
	Name  string
	Type  uint32
	Flags uint64
	Size  uint64
}

// Modinfo is the .modinfo section. All keeps every key=value in file order;
// the fields are the ones that are judged.
type Modinfo struct {
	Name       string
	Vermagic   string
	Intree     bool
	Depends    []string
	Srcversion string
	ImportNS   []string
	License    string
	All        []KeyValue
}

// KeyValue is one entry of .modinfo.
type KeyValue struct{ Key, Value string }

// Version is one import with its checksum.
type Version struct {
	Name string
	CRC  uint32
}

// Import is one undefined symbol.
type Import struct {
	Name string
	Weak bool
}

// IDs, IDWord, IDSet and IDLabel are the contents of .BTF_ids, as package ids
// reads them.
type (
	IDs     = ids.Section
	IDWord  = ids.Word
	IDSet   = ids.Set
	IDLabel = ids.Label
)
