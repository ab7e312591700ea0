package elfx

import "kpkg-btf/internal/where"

// Section is one section header.
type Section struct {
	Name      string // "" without a name table
	NameOff   uint32 // in the name table
	Type      uint32 // SHT*
	Flags     uint64 // SHF*
	Addr      uint64
	Off       uint64 // in the file
	Size      uint64
	Link      uint32
	Info      uint32
	Addralign uint64
	Entsize   uint64
	Index     uint32
}

// HasData reports whether the section occupies bytes of the file.
func (s *Section) HasData() bool { return s.Type != SHTNobits && s.Type != SHTNull }

// Compressed reports whether the content is compressed (SHF_COMPRESSED).
func (s *Section) Compressed() bool { return s.Flags&SHFCompressed != 0 }

func (f *File) shdrSize() uint64 {
	if f.Is64 {
		return 64
	}
	return 40
}

// section reads header i, which must lie within the file.
func (f *File) section(i uint64) Section {
	size := f.shdrSize()
	b := f.data[f.Shoff+i*size:][:size]
	s := Section{NameOff: f.U32(b), Type: f.U32(b[4:]), Index: uint32(i)}
	if f.Is64 {
		s.Flags, s.Addr, s.Off, s.Size = f.U64(b[8:]), f.U64(b[16:]), f.U64(b[24:]), f.U64(b[32:])
		s.Link, s.Info = f.U32(b[40:]), f.U32(b[44:])
		s.Addralign, s.Entsize = f.U64(b[48:]), f.U64(b[56:])
		return s
	}
	s.Flags, s.Addr = uint64(f.U32(b[8:])), uint64(f.U32(b[12:]))
	s.Off, s.Size = uint64(f.U32(b[16:])), uint64(f.U32(b[20:]))
	s.Link, s.Info = f.U32(b[24:]), f.U32(b[28:])
	s.Addralign, s.Entsize = uint64(f.U32(b[32:])), uint64(f.U32(b[36:]))
	return s
}

// HeaderOff is the offset of the section's header in the file.
func (f *File) HeaderOff(s *Section) int64 { return int64(f.Shoff + uint64(s.Index)*f.shdrSize()) }

// Section returns the first section of a name, which is the one the kernel takes
// (kernel/module/main.c, find_any_sec), or nil.
func (f *File) Section(name string) *Section {
	for i := range f.Sections {
		if f.Sections[i].Name == name && i != 0 {
			return &f.Sections[i]
		}
	}
	return nil
}

// Data returns the content of a section as a part of the input; nil for a
// section without file content. A compressed section is Unsupported.
func (f *File) Data(s *Section) ([]byte, error) {
	if !s.HasData() {
		return nil, nil
	}
	if s.Compressed() {
		return nil, where.New(where.Unsupported, "section %s is compressed (SHF_COMPRESSED)", s.Name).At(f.HeaderOff(s))
	}
	return f.RawData(s), nil
}

// RawData is Data without decoding: of a compressed section, the bytes as they
// are in the file.
func (f *File) RawData(s *Section) []byte {
	if !s.HasData() {
		return nil
	}
	total := uint64(len(f.data))
	if s.Off > total || s.Size > total-s.Off {
		return nil // not a section of this file
	}
	return f.data[s.Off : s.Off+s.Size : s.Off+s.Size]
}

// ContentEnd is the end of the last thing the ELF headers tell of: header,
// tables or content. What follows (a module's signature) is not ELF.
func (f *File) ContentEnd() int64 {
	end := uint64(52)
	if f.Is64 {
		end = 64
	}
	if f.Shoff != 0 {
		end = max(end, f.Shoff+uint64(len(f.Sections))*f.shdrSize())
	}
	for i := range f.Sections {
		if s := &f.Sections[i]; s.HasData() {
			end = max(end, s.Off+s.Size)
		}
	}
	return int64(end)
}
