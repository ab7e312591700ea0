package kmod

import (
	"slices"
	"strings"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/where"
)

// exportTables are the sections of struct kernel_symbol and of their
// checksums. From 7.1 on one __ksymtab holds all symbols and __kflagstab tells
// a GPL-only one by bit 0; the last two were in use until 5.12.
var exportTables = []struct {
	symbols, crcs string
	export        symvers.Export
}{
	{"__ksymtab", "__kcrctab", symvers.ExportAny},
	{"__ksymtab_gpl", "__kcrctab_gpl", symvers.ExportGPL},
	{"__ksymtab_gpl_future", "__kcrctab_gpl_future", symvers.ExportGPL},
	{"__ksymtab_unused", "__kcrctab_unused", symvers.ExportAny},
	{"__ksymtab_unused_gpl", "__kcrctab_unused_gpl", symvers.ExportGPL},
}

const flagGPL = 1 // of __kflagstab

// Fields of struct kernel_symbol (kernel/module/internal.h): three 32-bit
// distances, or three addresses where the architecture has no such relocation.
const (
	fieldValue     = 0
	fieldName      = 1
	fieldNamespace = 2
	fields         = 3
)

// exports reads the export tables. Their content is in the relocations, for a
// module is not linked yet.
func (s *scratch) exports(f *Facts, t *elfx.Symtab) error {
	for _, table := range exportTables {
		sec := s.elf.Section(table.symbols)
		if sec == nil || !sec.HasData() || sec.Size == 0 {
			continue
		}
		first := len(f.Exports)
		if err := s.exportNames(f, t, sec, table.export); err != nil {
			return err
		}
		list := f.Exports[first:]
		if err := s.exportCRCs(list, t, table.crcs); err != nil {
			return where.In(table.crcs, err)
		}
		if table.symbols == "__ksymtab" {
			if err := s.exportFlags(list); err != nil {
				return where.In("__kflagstab", err)
			}
		}
	}
	slices.SortStableFunc(f.Exports, func(a, b symvers.Symbol) int { return strings.Compare(a.Name, b.Name) })
	return nil
}

// exportNames appends the symbols of one table in table order.
func (s *scratch) exportNames(f *Facts, t *elfx.Symtab, sec *elfx.Section, export symvers.Export) error {
	rel, err := s.elf.RelocsFor(sec)
	if err != nil {
		return err
	}
	if rel.Len() == 0 {
		if f.DebugOnly {
			return nil
		}
		return where.New(where.Malformed, "section %s without relocations", sec.Name).At(int64(sec.Off))
	}
	field := s.fieldSize(&rel)
	n, whole := sec.Size/(fields*field), sec.Size%(fields*field) == 0
	switch {
	case !whole:
		return where.New(where.Malformed, "section %s: %d bytes are no whole number of %d-byte entries", sec.Name, sec.Size, fields*field).At(int64(sec.Off))
	case n > maxSymbols:
		return where.New(where.Limit, "section %s: %d symbols, the limit is %d", sec.Name, n, maxSymbols).At(int64(sec.Off))
	}
	first := len(f.Exports)
	f.Exports = append(f.Exports, make([]symvers.Symbol, n)...)
	list := f.Exports[first:]
	if err := s.fillExports(list, t, sec, &rel, field); err != nil {
		return err
	}
	for i := range list {
		if list[i].Name == "" {
			return where.New(where.Malformed, "section %s: entry %d has no name", sec.Name, i).At(int64(sec.Off))
		}
		list[i].Export = export
	}
	return nil
}

// fillExports follows the relocations of names and namespaces.
func (s *scratch) fillExports(list []symvers.Symbol, t *elfx.Symtab, sec *elfx.Section, rel *elfx.Relocs, field uint64) error {
	last := ^uint64(0)
	for _, r := range rel.All() {
		which := r.Off / field % fields
		if r.Off >= sec.Size || r.Off%field != 0 || r.Off == last {
			// The second relocation of one place (riscv and loongarch subtract
			// the place in one of its own) does not name anything.
			continue
		}
		last = r.Off
		if which == fieldValue {
			list[r.Off/(fields*field)].What = s.what(t, r.Sym)
			continue
		}
		text, err := s.pointee(t, sec, rel, r)
		if err != nil {
			return err
		}
		name, err := symbolName(text, int64(sec.Off+r.Off))
		if err != nil {
			return err
		}
		e := &list[r.Off/(fields*field)]
		switch which {
		case fieldName:
			e.Name = string(name)
		case fieldNamespace:
			e.Namespace = string(name)
		}
	}
	return nil
}

// what says what a relocation's symbol is, by the section that it lies in.
func (s *scratch) what(t *elfx.Symtab, sym uint32) symvers.What {
	if sym == 0 || int64(sym) >= int64(t.Len()) {
		return symvers.Unknown
	}
	x := t.At(int(sym))
	if x.Reserved || x.Section == 0 || uint64(x.Section) >= uint64(len(s.elf.Sections)) {
		return symvers.Unknown
	}
	if s.elf.Sections[x.Section].Flags&elfx.SHFExecinstr != 0 {
		return symvers.Code
	}
	return symvers.Data
}

// fieldSize tells distances of 4 bytes from addresses: a relocation at an odd
// multiple of 4 cannot be that of a 64-bit address.
func (s *scratch) fieldSize(rel *elfx.Relocs) uint64 {
	if !s.elf.Is64 {
		return 4
	}
	for _, r := range rel.All() {
		if r.Off%8 == 4 {
			return 4
		}
	}
	return 8
}

// pointee returns the bytes a relocation of sec refers to: the rest of the
// section its symbol is in.
func (s *scratch) pointee(t *elfx.Symtab, sec *elfx.Section, rel *elfx.Relocs, r elfx.Reloc) ([]byte, error) {
	at := int64(sec.Off + r.Off)
	if r.Sym == 0 || int64(r.Sym) >= int64(t.Len()) {
		return nil, where.New(where.Malformed, "relocation by symbol %d of %d", r.Sym, t.Len()).At(at)
	}
	sym := t.At(int(r.Sym))
	if sym.Reserved || sym.Section == 0 || uint64(sym.Section) >= uint64(len(s.elf.Sections)) {
		return nil, where.New(where.Malformed, "relocation to section %d of %d", sym.Section, len(s.elf.Sections)).At(at)
	}
	target := &s.elf.Sections[sym.Section]
	data, err := s.elf.Data(target)
	if err != nil {
		return nil, err
	}
	off := sym.Value + uint64(r.Addend)
	if !rel.HasAddends() {
		content, err := s.elf.Data(sec)
		if err != nil {
			return nil, err
		}
		if r.Off > uint64(len(content)) || uint64(len(content))-r.Off < 4 {
			return nil, where.New(where.Malformed, "relocation past the end of %s", sec.Name).At(at)
		}
		off = sym.Value + uint64(int64(int32(s.elf.U32(content[r.Off:]))))
	}
	if off >= uint64(len(data)) {
		return nil, where.New(where.Malformed, "relocation to %s+0x%x, past its end", target.Name, off).At(at)
	}
	return data[off:], nil
}

// exportFlags applies __kflagstab, one byte for each symbol of __ksymtab.
func (s *scratch) exportFlags(list []symvers.Symbol) error {
	sec := s.elf.Section("__kflagstab")
	if sec == nil {
		return nil
	}
	data, err := s.elf.Data(sec)
	if err != nil {
		return err
	}
	if len(data) != len(list) {
		return where.New(where.Malformed, "%d flags for %d symbols", len(data), len(list)).At(int64(sec.Off))
	}
	for i, flags := range data {
		if flags&flagGPL != 0 {
			list[i].Export = symvers.ExportGPL
		}
	}
	return nil
}

// exportCRCs reads the checksums of one table. They are plain 32-bit words, or
// before 5.19 relocations: by an absolute symbol whose value is the checksum,
// or (CONFIG_MODULE_REL_CRCS) by a symbol at the place that holds it. A zero
// or undefined one means that the symbol is not versioned.
func (s *scratch) exportCRCs(list []symvers.Symbol, t *elfx.Symtab, name string) error {
	sec := s.elf.Section(name)
	if sec == nil || len(list) == 0 || !sec.HasData() {
		return nil
	}
	data, err := s.elf.Data(sec)
	if err != nil {
		return err
	}
	size := len(data) / len(list)
	if len(data)%len(list) != 0 || size != 4 && size != 8 {
		return where.New(where.Malformed, "%d bytes for %d symbols", len(data), len(list)).At(int64(sec.Off))
	}
	for i := range list {
		if size == 8 {
			list[i].CRC = uint32(s.elf.U64(data[8*i:]))
		} else {
			list[i].CRC = s.elf.U32(data[4*i:])
		}
	}
	if err := s.relocateCRCs(list, t, sec, uint64(size)); err != nil {
		return err
	}
	for i := range list {
		list[i].HasCRC = list[i].CRC != 0
	}
	return nil
}

func (s *scratch) relocateCRCs(list []symvers.Symbol, t *elfx.Symtab, sec *elfx.Section, size uint64) error {
	rel, err := s.elf.RelocsFor(sec)
	if err != nil {
		return err
	}
	last := ^uint64(0)
	for _, r := range rel.All() {
		if r.Off >= sec.Size || r.Off == last {
			continue
		}
		last = r.Off
		if list[r.Off/size].CRC, err = s.relocatedCRC(t, sec, &rel, r); err != nil {
			return err
		}
	}
	return nil
}

func (s *scratch) relocatedCRC(t *elfx.Symtab, sec *elfx.Section, rel *elfx.Relocs, r elfx.Reloc) (uint32, error) {
	at := int64(sec.Off + r.Off)
	if int64(r.Sym) >= int64(t.Len()) {
		return 0, where.New(where.Malformed, "relocation by symbol %d of %d", r.Sym, t.Len()).At(at)
	}
	sym := t.At(int(r.Sym))
	switch {
	case sym.Undefined():
		return 0, nil
	case sym.Reserved && sym.Section == elfx.SHNAbs:
		return uint32(sym.Value + uint64(r.Addend)), nil
	}
	data, err := s.pointee(t, sec, rel, r)
	if err != nil {
		return 0, err
	}
	if len(data) < 4 {
		return 0, where.New(where.Malformed, "checksum cut short").At(at)
	}
	return s.elf.U32(data), nil
}
