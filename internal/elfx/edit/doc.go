// Package edit rewrites relocatable ELF objects (kernel modules) in memory:
// sections are removed, added and given other content; whatever is not asked
// for stays as it is.
//
// What it writes is what GNU objcopy writes for --remove-section,
// --update-section, --add-section and --set-section-flags, byte for byte, when
// the input is laid out as binutils lay objects out (as in bfd/elf.c of 2.40:
// assign_section_numbers, assign_file_positions_except_relocs,
// _bfd_elf_assign_file_positions_for_non_load; the names as in
// bfd/elf-strtab.c; 2.44 aligns contents to 8 bytes at most). That is every
// module that ld -r, strip or objcopy wrote last, and the objcopy meant is one
// of the same habits. Objects of other tools (lld, llvm-objcopy) keep their own order of
// sections and their string tables, and only what lies behind an edit moves.
//
// Before the first edit Open proves that it understands the layout: what it
// would write without any edit equals the input, every header field, gap and
// byte. An input of which that does not hold is refused.
//
// Deliberately not supported: executables and shared objects, bytes behind the
// ELF content (a module's signature: package modsig splits it off), more than
// one symbol table.
package edit
