package elfx

import (
	"bytes"
	"iter"
)

// Symbol is one entry of a symbol table.
type Symbol struct {
	NameOff uint32 // in the string table
	Info    uint8
	Other   uint8
	// Section is the index of the section, through SHT_SYMTAB_SHNDX where the
	// entry says so. Reserved numbers (SHNAbs, SHNCommon) are told by Reserved.
	Section  uint32
	Reserved bool
	Value    uint64
	Size     uint64
}

// Bind is STB*, Type is STT*.
func (s *Symbol) Bind() uint8 { return s.Info >> 4 }

// Type is the kind of the symbol, STT*.
func (s *Symbol) Type() uint8 { return s.Info & 15 }

// Undefined says that the symbol is an import.
func (s *Symbol) Undefined() bool { return s.Section == SHNUndef && !s.Reserved }

// Symtab is a symbol table with its names; nothing is copied.
type Symtab struct {
	Layout
	raw, str, shndx []byte
	off             int64
	entry           int
	sections        uint32
}

// Symtab opens the first section of type SHT_SYMTAB; its Len is 0 when the
// file has none.
func (f *File) Symtab() (Symtab, error) {
	for i := range f.Sections {
		if f.Sections[i].Type == SHTSymtab {
			return f.SymtabOf(&f.Sections[i])
		}
	}
	return Symtab{}, nil
}

// SymtabOf opens a symbol table. Its size must be a multiple of the entry's,
// its sh_link a string table that ends with NUL.
func (f *File) SymtabOf(s *Section) (Symtab, error) {
	t := Symtab{Layout: f.Layout, off: int64(s.Off), entry: 16, sections: uint32(len(f.Sections))}
	if f.Is64 {
		t.entry = 24
	}
	at := f.HeaderOff(s)
	if s.Entsize != uint64(t.entry) || s.Size%uint64(t.entry) != 0 {
		return Symtab{}, bad(at, "symbol table %s: %d bytes with entries of %d, not %d", s.Name, s.Size, s.Entsize, t.entry)
	}
	if s.Link == 0 || uint64(s.Link) >= uint64(len(f.Sections)) || f.Sections[s.Link].Type != SHTStrtab {
		return Symtab{}, bad(at, "symbol table %s: section %d is no string table", s.Name, s.Link)
	}
	var err error
	if t.raw, err = f.Data(s); err != nil {
		return Symtab{}, err
	}
	if t.str, err = f.Data(&f.Sections[s.Link]); err != nil {
		return Symtab{}, err
	}
	if n := len(t.str); n > 0 && t.str[n-1] != 0 {
		return Symtab{}, bad(int64(f.Sections[s.Link].Off), "string table of %s does not end with NUL", s.Name)
	}
	return t, f.extendedIndexes(s, &t)
}

// extendedIndexes finds the SHT_SYMTAB_SHNDX section of a symbol table; it
// exists in files of more than 65279 sections.
func (f *File) extendedIndexes(s *Section, t *Symtab) error {
	if len(f.Sections) < shnLow {
		return nil
	}
	for i := range f.Sections {
		x := &f.Sections[i]
		if x.Type != SHTSymtabShndx || x.Link != s.Index {
			continue
		}
		if x.Size/4 < uint64(t.Len()) {
			return bad(f.HeaderOff(x), "%d extended section indexes for %d symbols", x.Size/4, t.Len())
		}
		var err error
		t.shndx, err = f.Data(x)
		return err
	}
	return nil
}

// Off is the offset of the table in the file.
func (t *Symtab) Off() int64 { return t.off }

// Len is the number of symbols, the null symbol of index 0 included.
func (t *Symtab) Len() int {
	if t.entry == 0 {
		return 0
	}
	return len(t.raw) / t.entry
}

// At returns symbol i, which must be less than Len.
func (t *Symtab) At(i int) Symbol {
	b := t.raw[i*t.entry:][:t.entry]
	var s Symbol
	var shndx uint16
	s.NameOff = t.U32(b)
	if t.Is64 {
		s.Info, s.Other, shndx = b[4], b[5], t.U16(b[6:])
		s.Value, s.Size = t.U64(b[8:]), t.U64(b[16:])
	} else {
		s.Value, s.Size = uint64(t.U32(b[4:])), uint64(t.U32(b[8:]))
		s.Info, s.Other, shndx = b[12], b[13], t.U16(b[14:])
	}
	s.Section = uint32(shndx)
	switch {
	case shndx == SHNXindex && t.shndx != nil:
		s.Section = t.U32(t.shndx[4*i:])
	case shndx >= shnLow:
		s.Reserved = true
	}
	return s
}

// All ranges over the symbols with their indexes, the null symbol left out.
func (t *Symtab) All() iter.Seq2[int, Symbol] {
	return func(yield func(int, Symbol) bool) {
		for i := 1; i < t.Len(); i++ {
			if !yield(i, t.At(i)) {
				return
			}
		}
	}
}

// Name returns the name of a symbol as a part of the input; an offset outside
// the string table is Malformed.
func (t *Symtab) Name(s *Symbol) ([]byte, error) {
	if uint64(s.NameOff) >= uint64(len(t.str)) {
		if s.NameOff == 0 {
			return nil, nil
		}
		return nil, bad(t.off, "symbol name at 0x%x is past the table of %d bytes", s.NameOff, len(t.str))
	}
	b := t.str[s.NameOff:]
	return b[:bytes.IndexByte(b, 0)], nil
}
