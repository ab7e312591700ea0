// Package elfx reads ELF files section by section without trusting them: both
// classes, both byte orders, every count and offset checked against the bytes
// that are present. It keeps raw offsets so that a file can be rewritten later.
//
// The format is that of the System V gABI, chapters 4 and 5 ("ELF Header",
// "Sections", "Symbol Table", "Relocation"); extended section numbering is
// that of the e_shnum and e_shstrndx entries there. What a kernel refuses in a
// module (kernel/module/main.c, elf_validity_check) is refused here too.
//
// Deliberately not supported: content of SHF_COMPRESSED sections, symbol
// versions, dynamic linking.
package elfx
