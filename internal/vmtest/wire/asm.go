package wire

import "encoding/binary"

// Sect is a section of a module to be assembled.
type Sect struct {
	Name  string
	Type  uint32
	Flags uint64
	Data  []byte
	Align uint64
}

// Section types and flags that Assemble's callers need (elf(5)).
const (
	Progbits = shtProgbits
	Nobits   = shtNobits
	Symtab   = 2
	Strtab   = 3
	Alloc    = 2
	Write    = 1
)

const (
	symSize    = 24
	etRel      = 1
	emX8664    = 62
	symtabName = ".symtab"
	strtabName = ".strtab"
	shstrName  = ".shstrtab"
)

// Assemble makes an x86-64 relocatable file of the sections, with the symbols
// defined (as functions at the start of the first section) and the tables
// that a module must have. Sections of type Symtab or Strtab are not for it.
func Assemble(sects []Sect, symbols ...string) []byte {
	le := binary.LittleEndian
	strs, syms := []byte{0}, make([]byte, symSize)
	for _, name := range symbols {
		var sym [symSize]byte
		le.PutUint32(sym[0:], uint32(len(strs)))
		sym[4] = 1<<4 | 2        // STB_GLOBAL, STT_FUNC
		le.PutUint16(sym[6:], 1) // st_shndx
		strs = append(append(strs, name...), 0)
		syms = append(syms, sym[:]...)
	}
	all := append([]Sect{{}}, sects...)
	all = append(all,
		Sect{Name: symtabName, Type: Symtab, Data: syms, Align: 8},
		Sect{Name: strtabName, Type: Strtab, Data: strs, Align: 1},
		Sect{Name: shstrName, Type: Strtab, Align: 1})
	names := []byte{0}
	for _, s := range all[1:] {
		names = append(append(names, s.Name...), 0)
	}
	all[len(all)-1].Data = names

	out := make([]byte, ehdrSize)
	copy(out, "\x7fELF\x02\x01\x01")
	le.PutUint16(out[16:], etRel)
	le.PutUint16(out[18:], emX8664)
	le.PutUint32(out[20:], 1) // e_version
	le.PutUint16(out[52:], ehdrSize)
	le.PutUint16(out[ehShentsz:], shdrSize)
	le.PutUint16(out[ehShnum:], uint16(len(all)))
	le.PutUint16(out[ehShstrndx:], uint16(len(all)-1))
	table := make([]byte, shdrSize)
	name := 1
	for i, s := range all[1:] {
		for uint64(len(out))%max(s.Align, 1) != 0 {
			out = append(out, 0)
		}
		var h [shdrSize]byte
		le.PutUint32(h[shName:], uint32(name))
		le.PutUint32(h[shType:], s.Type)
		le.PutUint64(h[8:], s.Flags)
		le.PutUint64(h[shOffset:], uint64(len(out)))
		le.PutUint64(h[shLen:], uint64(len(s.Data)))
		le.PutUint64(h[shAlign:], s.Align)
		if s.Type == Symtab {
			le.PutUint32(h[40:], uint32(i+2)) // sh_link: the string table follows
			le.PutUint32(h[44:], 1)           // sh_info: one local symbol, the null one
			le.PutUint64(h[56:], symSize)
		}
		name += len(s.Name) + 1
		table = append(table, h[:]...)
		if s.Type != Nobits {
			out = append(out, s.Data...)
		}
	}
	out = pad8(out)
	le.PutUint64(out[ehShoff:], uint64(len(out)))
	return append(out, table...)
}
