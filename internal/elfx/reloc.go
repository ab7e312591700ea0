package elfx

import "iter"

// Reloc is one relocation.
type Reloc struct {
	Off    uint64 // in the section that is relocated
	Sym    uint32 // index in the symbol table
	Type   uint32
	Addend int64 // 0 in an SHT_REL section: the addend is in the content
}

// Relocs is a relocation section; nothing is copied.
type Relocs struct {
	Layout
	raw     []byte
	entry   int
	addends bool
	machine uint16
	// Target is the section relocated, Symtab the index of the symbol table.
	Target, Symtab uint32
}

// RelocsOf opens a section of type SHT_REL or SHT_RELA.
func (f *File) RelocsOf(s *Section) (Relocs, error) {
	r := Relocs{Layout: f.Layout, entry: 2 * f.WordSize(), machine: f.Machine, Target: s.Info, Symtab: s.Link}
	at := f.HeaderOff(s)
	switch s.Type {
	case SHTRel:
	case SHTRela:
		r.addends = true
		r.entry += f.WordSize()
	default:
		return Relocs{}, bad(at, "section %s holds no relocations", s.Name)
	}
	if s.Entsize != uint64(r.entry) || s.Size%uint64(r.entry) != 0 {
		return Relocs{}, bad(at, "relocations %s: %d bytes with entries of %d, not %d", s.Name, s.Size, s.Entsize, r.entry)
	}
	if uint64(s.Info) >= uint64(len(f.Sections)) || uint64(s.Link) >= uint64(len(f.Sections)) {
		return Relocs{}, bad(at, "relocations %s: of section %d with symbols of %d, there are %d", s.Name, s.Info, s.Link, len(f.Sections))
	}
	var err error
	r.raw, err = f.Data(s)
	return r, err
}

// RelocsFor opens the first relocation section of a section; Len is 0 when
// there is none.
func (f *File) RelocsFor(target *Section) (Relocs, error) {
	for i := range f.Sections {
		s := &f.Sections[i]
		if (s.Type == SHTRela || s.Type == SHTRel) && s.Info == target.Index {
			return f.RelocsOf(s)
		}
	}
	return Relocs{}, nil
}

// HasAddends reports whether Addend is in the entries.
func (r *Relocs) HasAddends() bool { return r.addends }

// Len is the number of relocations.
func (r *Relocs) Len() int {
	if r.entry == 0 {
		return 0
	}
	return len(r.raw) / r.entry
}

// At returns relocation i, which must be less than Len.
func (r *Relocs) At(i int) Reloc {
	b := r.raw[i*r.entry:][:r.entry]
	if !r.Is64 {
		info := r.U32(b[4:])
		out := Reloc{Off: uint64(r.U32(b)), Sym: info >> 8, Type: info & 0xff}
		if r.addends {
			out.Addend = int64(int32(r.U32(b[8:])))
		}
		return out
	}
	info := r.U64(b[8:])
	out := Reloc{Off: r.U64(b), Sym: uint32(info >> 32), Type: uint32(info)}
	switch {
	case r.machine == machineMIPS && !r.BigEndian:
		// MIPS64 has its own r_info: a 32-bit symbol in file order, then four
		// bytes of which the last is the first type to apply.
		out.Sym, out.Type = r.U32(b[8:]), uint32(b[15])
	case r.machine == machineMIPS, r.machine == machineSPARCV9:
		out.Type &= 0xff // the rest is further types, or data of SPARC's
	}
	if r.addends {
		out.Addend = int64(r.U64(b[16:]))
	}
	return out
}

// All ranges over the relocations.
func (r *Relocs) All() iter.Seq2[int, Reloc] {
	return func(yield func(int, Reloc) bool) {
		for i := range r.Len() {
			if !yield(i, r.At(i)) {
				return
			}
		}
	}
}
