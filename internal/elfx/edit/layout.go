package edit

import (
	"cmp"
	"slices"

	"kpkg-btf/internal/elfx"
)

// style is how sections lie in the file.
type style struct {
	// gnu is the order of bfd: sections in the order of their indexes, without
	// relocations, symbol and string tables; .symtab, .symtab_shndx, .strtab;
	// relocations; .shstrtab. Otherwise it is the order in which they were
	// found.
	gnu bool
	// capped aligns to no more than an address, as binutils 2.44 do in
	// relocatable objects (2.40: to sh_addralign).
	capped bool
	// loose does not align sections without content
	// (lld/ELF/Writer.cpp, computeFileOffset).
	loose bool
}

// styles are those of binutils before and since 2.44, of lld and llvm-objcopy.
var styles = []style{{gnu: true}, {gnu: true, capped: true}, {}, {capped: true}, {loose: true}}

// stage is the part of bfd's file that a section lies in.
func (o *Object) stage(s *section) int {
	switch {
	case s == o.names:
		return 5
	case s.isReloc():
		return 4
	case o.symtab != nil && s == o.symtab.link:
		return 3
	case s == o.shndx:
		return 2
	case s == o.symtab:
		return 1
	}
	return 0
}

// inFile returns the sections in the order in which they lie in the file. Those
// of SHT_NULL have no place.
func (o *Object) inFile() []*section {
	out := make([]*section, 0, len(o.secs))
	for _, s := range o.secs {
		if s.hdr.Type != elfx.SHTNull {
			out = append(out, s)
		}
	}
	if o.style.gnu {
		slices.SortStableFunc(out, func(a, b *section) int { return o.stage(a) - o.stage(b) })
	} else {
		slices.SortStableFunc(out, func(a, b *section) int { return a.rank - b.rank })
	}
	return out
}

// rankAsFound notes the order in which the sections were found: by offset,
// those without content before the one whose content begins there.
func (o *Object) rankAsFound() {
	found := slices.Clone(o.secs)
	slices.SortStableFunc(found, func(a, b *section) int {
		if c := cmp.Compare(a.hdr.Off, b.hdr.Off); c != 0 {
			return c
		}
		return cmp.Compare(min(a.fileSize(), 1), min(b.fileSize(), 1))
	})
	for i, s := range found {
		s.rank = 2 * i // room for a section before each
	}
}

// number gives every section its index.
func (o *Object) number() {
	for i, s := range o.secs {
		s.index = uint32(i + 1)
	}
}

// place gives every section its place in the file; it returns that of the
// section headers.
func (o *Object) place() (shoff uint64) {
	off := uint64(52)
	if o.file.Is64 {
		off = 64
	}
	for _, s := range o.inFile() {
		if !o.style.loose || s.hdr.Type != elfx.SHTNobits {
			off = o.align(off, s.hdr.Addralign)
		}
		s.off = off
		off += s.fileSize()
	}
	return roundUp(off, uint64(o.file.WordSize()))
}

// align rounds up to the lowest bit of an alignment, as bfd does
// (_bfd_elf_assign_file_position_for_section).
func (o *Object) align(off, alignment uint64) uint64 {
	alignment &= -alignment
	if o.style.capped {
		alignment = min(alignment, uint64(o.file.WordSize()))
	}
	return roundUp(off, alignment)
}

func roundUp(off, alignment uint64) uint64 {
	if alignment <= 1 {
		return off
	}
	return (off + alignment - 1) &^ (alignment - 1)
}
