package kmod

import (
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
	// AllocDigest tells whether two copies of one module (signed or not,
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

	// BTF and BTFBase are the raw contents of the first .BTF and .BTF.base
	// section (the kernel takes the first of a name: find_any_sec), nil when
	// there is none, empty when the section has size 0. SHT_NOBITS is absent.
	BTF, BTFBase []byte
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
	// A kernel compares the release word of vermagic unless the first is there,
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
	// Oddities are what is wrong with the module and yet did not keep it from
	// being read, in words: overlapping sections, two .BTF, .modinfo missing or
	// without its last NUL. nil for a normal module.
	Oddities []string
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

// IDs is a .BTF_ids section: 4-byte BTF ids that the build wrote, and the
// symbols that say what they are (include/linux/btf_ids.h).
type IDs struct {
	Size    int
	Words   []IDWord  // by offset
	Sets    []IDSet   // by offset
	Labels  []IDLabel // by offset
	Located bool      // symbols are there; without them (--strip-unneeded) words cannot be told apart
	Data    []byte
}

// IDWord is one __BTF_ID__KIND__NAME__N word. In a set ID need not belong to
// Name: the build sorts the ids of a set after it has written them
// (tools/bpf/resolve_btfids, sets_patch), and the symbols stay where they were.
type IDWord struct {
	Off  int    // byte offset in the section
	ID   uint32 // the value in the file
	Kind string // "func", "struct", "union", "typedef", …
	Name string // NAME, C identifier
	Set  int    // index into IDs.Sets, or -1: a plain BTF_ID_LIST word
}

// IDLabel is the name by which C code knows a list or set that begins at Off:
// "btf_nf_conn_ids". Lists are told apart by nothing else.
type IDLabel struct {
	Off  int
	Name string
}

// IDSet is one __BTF_ID__set__NAME or __BTF_ID__set8__NAME.
type IDSet struct {
	Off   int
	Name  string
	Set8  bool
	Count uint32 // the cnt word in the file; more than len(IDs) in a broken set
	Flags uint32 // of a set8 (6.9+)
	IDs   []uint32
	// PairFlags are the flags beside each id of a set8 (KF_*), nil in a set.
	PairFlags []uint32
}
