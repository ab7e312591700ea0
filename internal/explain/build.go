package explain

import (
	"strings"

	"kpkg-btf/internal/model"
)

// buildMessage is a line that kbuild, pahole, libbpf, resolve_btfids or
// objcopy prints while a kernel or a module is built. Sources: scripts/
// link-vmlinux.sh, Makefile.modfinal, gen-btf.sh; tools/bpf/resolve_btfids;
// pahole 1.15 to 1.32 (btf_encoder.c, dwarf_loader.c); libbpf's btf.c.
type buildMessage struct {
	kind string
	// words stand in the line in this order; the message begins with the first.
	words []string
	// open and shut enclose the file or symbol that the line names.
	open, shut string
	symbol     bool // it is a symbol's or type's name, not a module's
	what
	gate string
}

// What becomes of the package, and whether the gate sees it.
const (
	gateNone   = "not reached: the build stops here, there is no package"
	gateLost   = "stops it (exit 6) for a module of the kernel's own packages: its BTF is lost. An external module without BTF passes, none is expected of it"
	gateIDs    = "stops it (exit 6): ids that were never resolved, or are 0 in a set, do not pass"
	gateBase   = "stops it: an image without BTF beside a configuration that wants it is no pass (exit 5 or 6)"
	gatePasses = "passes it: kpkg-btf judges what is in the packages, and this line alone changes nothing there"
)

const checkAfter = "kpkg-btf check on the packages shows which modules are affected"

// buildMessages are tried in this order.
var buildMessages = []buildMessage{
	{"build.no-base", []string{"Skipping BTF generation for ", "due to unavailability of vmlinux"}, "generation for ", " due to", false,
		what{"the module is built without BTF, because the kernel's build folder has no vmlinux (headers packages often ship none). The module loads on every kernel; its kfuncs, struct_ops and typed tracing are missing",
			[]string{"nothing, if nobody needs the module's types", "else give the build a base first: cp /sys/kernel/btf/vmlinux /lib/modules/\"$(uname -r)\"/build/vmlinux, and build again"}}, gateLost},
	{"build.no-pahole", []string{"BTF: ", "pahole", "is not available"}, "BTF: ", ":", true,
		what{"CONFIG_DEBUG_INFO_BTF is set and pahole is not installed: vmlinux is not linked", []string{"install pahole (package dwarves or pahole) and put it into the build dependencies"}}, gateNone},
	{"build.pahole-old", []string{"pahole version", "is too old"}, "pahole version ", " ", true,
		what{"this kernel needs a newer pahole: vmlinux is not linked, or the configuration switches BTF off without a word (CONFIG_PAHOLE_VERSION)", []string{"build with a newer pahole; the line names the least version"}}, gateNone},
	{"build.no-resolve_btfids", []string{"resolve_btfids", "not found"}, "", "", false,
		what{"resolve_btfids was not built or lies elsewhere: .BTF_ids keeps zeros, and modules that register kfuncs fail at init", []string{"make tools/bpf/resolve_btfids (it needs libelf and zlib headers); for external modules: install it with the headers, or build without CONFIG_DEBUG_INFO_BTF_MODULES"}}, gateIDs},
	{"build.no-resolve_btfids", []string{"resolve_btfids", "No such file or directory"}, "", "", false,
		what{"resolve_btfids was not built or lies elsewhere: .BTF_ids keeps zeros, and modules that register kfuncs fail at init", []string{"make tools/bpf/resolve_btfids (it needs libelf and zlib headers); for external modules: install it with the headers"}}, gateIDs},
	{"build.base-unreadable", []string{"Failed to parse base BTF '", "'"}, "base BTF '", "'", true,
		what{"pahole cannot read the base that the module is to be encoded on: that vmlinux has no .BTF (headers packages may strip it), or BTF newer than pahole's libbpf. -22 is a malformed or unknown record, -2 no section, -4001 no ELF or BTF file at all. The module gets no BTF and the build of a DKMS package fails",
			[]string{"look at the base: kpkg-btf inspect on that vmlinux", "if it has no BTF: cp /sys/kernel/btf/vmlinux over it, or reinstall the headers package", "if it has: build with the pahole that built the kernel"}}, gateLost},
	{"build.base-no-btf", []string{"failed to find '.BTF' ELF section in "}, "section in ", "\n", true,
		what{"the file has no .BTF: vmlinux was stripped, was linked without BTF, or a tool was pointed at the wrong file", []string{"readelf -S FILE shows whether .BTF is there", "keep it in what strips vmlinux: strip --keep-section=.BTF"}}, gateBase},
	{"build.permute", []string{"FAILED: btf permute"}, "", "", false,
		what{"resolve_btfids (7.0+) could not bring the types into the order of their names: its libbpf refuses the ids, most often because BTF and base are of different links, or an older resolve_btfids is used", []string{"make clean in tools/bpf/resolve_btfids and link vmlinux again", "use the libbpf of the kernel's own tree"}}, gateNone},
	{"build.permute", []string{"FAILED to sort BTF"}, "", "", false,
		what{"resolve_btfids (7.0+) could not sort the types by name, the step after this one in its log tells nothing new: no .BTF was written", []string{"make clean in tools/bpf/resolve_btfids and link vmlinux again"}}, gateNone},
	{"build.ids-base", []string{"FAILED: load base BTF from "}, "base BTF from ", ":", true,
		what{"resolve_btfids could not read the base that the module's ids count from", []string{"kpkg-btf inspect on that vmlinux; link it again with BTF"}}, gateIDs},
	{"build.ids-load", []string{"FAILED: load BTF from ", "No data available"}, "BTF from ", ":", true,
		what{"resolve_btfids found no .BTF in the file: pahole failed before and its error was passed over, or it was not run", []string{"look for pahole's message above this line", "build with V=1"}}, gateNone},
	{"build.ids-load", []string{"FAILED: load BTF from ", "No such file or directory"}, "BTF from ", ":", true,
		what{"resolve_btfids did not find the file, or (older libbpf) a .BTF in it: pahole wrote none", []string{"look for pahole's message above this line", "check that pahole is installed and new enough"}}, gateNone},
	{"build.ids-load", []string{"FAILED: load BTF from ", "Invalid argument"}, "BTF from ", ":", true,
		what{"resolve_btfids does not understand the BTF that pahole wrote: pahole is newer than this kernel knows (ENUM64 since 1.24, layout since 1.31)", []string{"build with a pahole of the kernel's time, or pass the switch that leaves the new kind out (--skip_encoding_btf_enum64)"}}, gateNone},
	{"build.ids-load", []string{"FAILED: load BTF from "}, "BTF from ", ":", true,
		what{"resolve_btfids could not read the BTF of the file; the word behind the name is libbpf's reason", []string{"kpkg-btf inspect on that file; look for pahole's message above this line"}}, gateNone},
	{"build.ids-unresolved", []string{"FAILED unresolved symbol "}, "symbol ", "\n", true,
		what{"the kernel's code names a type or function by BTF id and the BTF has none of that name: its option is off, the type was optimised away, or pahole did not encode it (too old, or confused by the compiler's DWARF). The link stops", []string{"build with a newer pahole", "check that the option that brings the symbol is on"}}, gateNone},
	{"build.ids-unresolved", []string{"WARN: resolve_btfids: unresolved symbol "}, "symbol ", "\n", true,
		what{"the BTF has no type or function of this name, its id stays 0. In a set of kfuncs the whole set then fails to register at boot (EINVAL, since 6.4); in a plain list that check matches nothing", []string{"look whether the function was inlined or its option is off; a kfunc needs __bpf_kfunc", checkAfter}}, gateIDs},
	{"build.ids-ambiguous", []string{"WARN: multiple IDs found for '"}, "for '", "'", true,
		what{"two types of one name are in the base and the first is taken: deduplication did not unite two definitions. Programs and kfuncs that mean the other one are refused by the verifier", []string{"kpkg-btf inspect on the image counts such twins", "build all objects with the same compiler and options; a newer pahole unites more"}}, gatePasses},
	{"build.ids-damaged", []string{"FAILED: malformed BTF, can't resolve "}, "", "", false,
		what{"resolve_btfids met damaged BTF", []string{"kpkg-btf inspect on that file"}}, gateNone},
	{"build.ids-damaged", []string{"FAILED elf_update"}, "", "", false,
		what{"resolve_btfids could not write the ids back into the file (a section's alignment, a full disk)", []string{"look at free space; build with uncompressed debug sections"}}, gateIDs},
	{"build.ids-damaged", []string{"FAILED patching index "}, "", "", false, what{"resolve_btfids found an id outside .BTF_ids: symbols and section are of different links", []string{"link again from the objects"}}, gateIDs},
	{"build.ids-damaged", []string{"FAILED malformed data for set"}, "", "", false, what{"a set of BTF ids is there twice", []string{"report it to whoever wrote the set"}}, gateIDs},
	{"build.ids-damaged", []string{"FAILED unsupported prefix "}, "", "", false, what{"resolve_btfids is older than the sources: it does not know this kind of id", []string{"build it from the same tree"}}, gateIDs},
	{"build.ids-damaged", []string{"FAILED symbol ", "crossed the number of allowed lists"}, "symbol ", " ", true, what{"one symbol is in more than 100 lists", []string{"raise ADDR_CNT in resolve_btfids"}}, gateNone},
	{"build.ids-damaged", []string{"FAILED cannot open "}, "open ", ":", true, what{"resolve_btfids could not open the file", []string{"look at the line before"}}, gateNone},
	{"build.dedup", []string{"btf__dedup failed"}, "", "", false,
		what{"pahole could not deduplicate the types: its libbpf met types it cannot compare (damaged DWARF, or too many), so no BTF is written", []string{"build with a newer pahole", "if it is memory: fewer jobs (pahole -j)"}}, gateNone},
	{"build.name", []string{"PAHOLE: Error: ", "(sym: '"}, "(sym: '", "'", true,
		what{"a symbol has a name that BTF does not allow", []string{"rename it, or pahole --btf_encode_force leaves it out"}}, gateNone},
	{"build.name", []string{"PAHOLE: Warning: ", "(sym: '"}, "(sym: '", "'", true, what{"a symbol with a name that BTF does not allow was left out", nil}, gatePasses},
	{"build.encode", []string{"Encountered error while encoding BTF"}, "", "", false,
		what{"pahole gave up: the file gets no BTF. The reason is in the lines before", []string{"look at the lines before this one", "build with V=1 and run the pahole line by hand with -V"}}, gateLost},
	{"build.encode", []string{"Failed to encode BTF"}, "", "", false,
		what{"pahole gave up: the file gets no BTF. The reason is in the lines before", []string{"look at the lines before this one"}}, gateLost},
	{"build.encode", []string{"Failed to generate BTF for "}, "BTF for ", "\n", true,
		what{"the link of vmlinux stops, because pahole wrote no BTF", []string{"look for pahole's message above this line", "check the version: pahole --version"}}, gateNone},
	{"build.encode", []string{"Try to disable CONFIG_DEBUG_INFO_BTF"}, "", "", false,
		what{"kbuild's advice after BTF of vmlinux failed. Without the option no module has BTF, and kfuncs are gone", []string{"mend what the lines before say instead"}}, gateNone},
	{"build.emit", []string{"[", "] ", "Error emitting "}, "] ", " Error", true,
		what{"libbpf refused a record that pahole made of the DWARF: a name, a size or an id that BTF does not allow. The file gets no BTF", []string{"build with a newer pahole", "the record in brackets names the type: look at its definition"}}, gateNone},
	{"build.emit", []string{"Error emitting BTF "}, "", "", false,
		what{"libbpf refused a record that pahole made of the DWARF. The file gets no BTF", []string{"build with a newer pahole"}}, gateNone},
	{"build.emit", []string{"error: failed to encode "}, "'", "'", true,
		what{"pahole could not encode a function, variable or tag; without --btf_encode_force it stops", []string{"build with a newer pahole"}}, gateNone},
	{"build.emit", []string{"error: found variable '", "that has void type"}, "variable '", "'", true,
		what{"DWARF gives a variable no type; pahole stops (1.21 and older with some compilers)", []string{"build with pahole 1.22 or newer, or --skip_encoding_btf_vars"}}, gateNone},
	{"build.emit", []string{"id drift, core_id: "}, "", "", false, what{"pahole's own numbering and libbpf's went apart: a defect of this pahole", []string{"build with another pahole"}}, gateNone},
	{"build.split-alone", []string{"Malformed BTF string section, did you forget to provide base BTF"}, "", "", false,
		what{"a tool opened a module's BTF without its base; nothing is wrong with the module", []string{"give the tool the base: bpftool -B vmlinux, pahole --btf_base vmlinux"}}, gatePasses},
	{"build.unknown-kind", []string{"libbpf: Unsupported BTF_KIND:"}, "BTF_KIND:", "\n", true,
		what{"this libbpf is older than the BTF that it reads", []string{"use pahole, bpftool and resolve_btfids of one time"}}, gateNone},
	{"build.damaged", []string{"libbpf: ", "BTF"}, "", "", false,
		what{"libbpf refuses the BTF that a tool gave it; the line says which part", []string{"kpkg-btf inspect on that file"}}, gateLost},
	{"build.no-btf", []string{"pahole: ", " has no btf type information"}, "pahole: ", " has no", false,
		what{"the file has no BTF: pahole was asked to show it, and there is none", []string{"if it should: look for the messages of its own build; kpkg-btf inspect FILE says why it has none"}}, gateLost},
	{"build.no-dwarf", []string{"pahole: ", " has no ", " type information"}, "pahole: ", " has no", false,
		what{"the file has no debug information that pahole can read, so no BTF can be made of it: it was stripped too early, or DWARF is off", []string{"run pahole before strip", "check CONFIG_DEBUG_INFO and that objects are built with -g"}}, gateLost},
	{"build.killed", []string{"pahole", "Killed"}, "", "", false, what{"pahole was killed, most often for want of memory (about 1 GB a job)", []string{"fewer jobs, more memory"}}, gateNone},
	{"build.killed", []string{"Killed", "pahole"}, "", "", false, what{"pahole was killed, most often for want of memory (about 1 GB a job)", []string{"fewer jobs, more memory"}}, gateNone},
	{"build.killed", []string{"Segmentation fault", "pahole"}, "", "", false, what{"pahole crashed", []string{"build with another pahole"}}, gateNone},
	{"build.killed", []string{"pahole", "Segmentation fault"}, "", "", false, what{"pahole crashed", []string{"build with another pahole"}}, gateNone},
	{"build.objcopy", []string{"objcopy: error: "}, "", "", false,
		what{"llvm-objcopy could not add .BTF to the file: a section links to one that it removes or does not know (relocations kept in vmlinux)", []string{"link without --emit-relocs, or use GNU objcopy (LLVM_OBJCOPY=objcopy)", "a newer LLVM"}}, gateNone},
	{"build.objcopy", []string{"objcopy: ", "BTF"}, "", "", false, what{"objcopy could not add .BTF to the file", []string{"look at free space and the file's rights; use the binutils of the toolchain"}}, gateNone},
	{"build.objcopy", []string{"objcopy: Unable to recognise the format"}, "", "", false, what{"objcopy is of another architecture than the file: .BTF is not added", []string{"set OBJCOPY or CROSS_COMPILE to the toolchain's"}}, gateNone},
	{"build.elf", []string{"elf_update failed: "}, "", "", false, what{"pahole could not write .BTF into the file", []string{"look at free space; a newer elfutils"}}, gateNone},
	{"build.elf", []string{"failed to add .BTF section to '"}, "to '", "'", true, what{"pahole could not write .BTF into the file", []string{"check that llvm-objcopy or objcopy is installed"}}, gateNone},
	{"build.dwarf", []string{"die__process", "expected got "}, "", "", false,
		what{"pahole cannot read a unit of the DWARF: damaged or compressed debug information, or a version newer than pahole's elfutils. Its types are missing from the BTF", []string{"build with CONFIG_DEBUG_INFO_DWARF4, or a newer pahole and elfutils", "without CONFIG_DEBUG_INFO_COMPRESSED and split DWARF"}}, gateLost},
	{"build.dwarf", []string{"die__", "not supported"}, "", "", false,
		what{"pahole met a kind of DWARF entry that it does not know (newer compiler, Rust, C++) and left it out", []string{"a newer pahole, if types are missed"}}, gatePasses},
	{"build.dwarf", []string{"tag__recode_dwarf_type: couldn't find"}, "", "", false, what{"DWARF refers to a type that pahole did not find; it becomes void", []string{"a newer pahole"}}, gatePasses},
	{"build.dwarf", []string{"DW_TAG_partial_unit used, some types will not be considered"}, "", "", false, what{"the debug information was rewritten by dwz, pahole does not see the types that it moved", []string{"encode BTF before dwz"}}, gateLost},
	{"build.dwarf", []string{"DW_TAG_skeleton_unit used"}, "", "", false, what{"CONFIG_DEBUG_INFO_SPLIT: the types are in .dwo files that pahole does not read", []string{"switch split DWARF off"}}, gateLost},
}

// find returns where the message begins in a line, -1 if it is not in it.
func (b *buildMessage) find(s string) int {
	first, at := -1, 0
	for _, w := range b.words {
		i := strings.Index(s[at:], w)
		if i < 0 {
			return -1
		}
		if first < 0 {
			first = at + i
		}
		at += i + len(w)
	}
	return first
}

// building are the messages of a kernel's build.
func building(msg string) *event {
	for i := range buildMessages {
		b := &buildMessages[i]
		if b.find(msg) < 0 {
			continue
		}
		e := &event{LogEvent: model.LogEvent{Kind: b.kind, Count: 1, Gate: b.gate}, build: b}
		_, rest, ok := strings.Cut(msg, b.open)
		if b.open == "" || !ok {
			return e
		}
		name, _, _ := strings.Cut(rest, b.shut)
		if b.symbol {
			e.Symbol = strings.TrimSpace(name)
		} else {
			e.Module = moduleName(name)
		}
		return e
	}
	return nil
}
