package elfx

import (
	"bytes"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

const (
	maxSections = 1 << 20 // largest seen: 110 000, in objects built with -ffunction-sections
	maxName     = 4096    // bytes of a section's name
)

// File is a parsed ELF file. It refers to the bytes it was parsed from, names
// of sections excepted.
type File struct {
	Layout
	Type    uint16 // ET_*
	Machine uint16 // EM_*
	Flags   uint32
	Entry   uint64

	Phoff, Shoff         uint64
	Ehsize               uint16
	Phentsize, Shentsize uint16
	Phnum                uint32 // as resolved (PN_XNUM)
	Shstrndx             uint32 // as resolved (SHN_XINDEX)

	// Sections are all section headers in file order, the null section of
	// index 0 included; empty when the file has no section table.
	Sections []Section

	data  []byte
	names string
}

// Is reports whether head begins like an ELF file.
func Is(head []byte) bool {
	return len(head) >= 4 && head[0] == 0x7f && head[1] == 'E' && head[2] == 'L' && head[3] == 'F'
}

// Parse reads the headers of the ELF file data. The file may be followed by
// bytes that do not belong to it. Sections with file content lie within data.
func Parse(data []byte) (*File, error) {
	f := new(File)
	if err := f.Reset(data); err != nil {
		return nil, err
	}
	return f, nil
}

// Reset is Parse into f, whose section slice is used again. After an error f
// is empty.
func (f *File) Reset(data []byte) error {
	*f = File{data: data, Sections: f.Sections[:0]}
	if err := f.parse(); err != nil {
		*f = File{}
		return err
	}
	return nil
}

func (f *File) parse() error {
	shnum, shstrndx, phnum, err := f.header()
	if err != nil {
		return err
	}
	f.Phnum, f.Shstrndx = uint32(phnum), uint32(shstrndx)
	if f.Shoff == 0 {
		if shnum != 0 || phnum == pnXnum {
			return bad(0, "%d sections but no section table", shnum)
		}
		f.Shstrndx = 0
		return nil
	}
	n, err := f.extended(shnum, shstrndx, phnum)
	if err != nil {
		return err
	}
	if err := f.readSections(n); err != nil {
		return err
	}
	return f.readNames()
}

// header reads e_ident and the ELF header.
func (f *File) header() (shnum, shstrndx, phnum uint16, err error) {
	b := f.data
	if !Is(b) {
		return 0, 0, 0, bad(0, "not an ELF file")
	}
	if len(b) < 16 {
		return 0, 0, 0, bad(int64(len(b)), "ELF header cut short")
	}
	switch {
	case b[4] != 1 && b[4] != 2:
		return 0, 0, 0, bad(4, "ELF class %d", b[4])
	case b[5] != 1 && b[5] != 2:
		return 0, 0, 0, bad(5, "ELF byte order %d", b[5])
	case b[6] != 1:
		return 0, 0, 0, bad(6, "ELF version %d", b[6])
	}
	f.Is64, f.BigEndian = b[4] == 2, b[5] == 2
	size := 52
	if f.Is64 {
		size = 64
	}
	if len(b) < size {
		return 0, 0, 0, bad(int64(len(b)), "ELF header cut short")
	}
	f.Type, f.Machine = f.U16(b[16:]), f.U16(b[18:])
	w := f.WordSize()
	f.Entry = f.Word(b[24:])
	f.Phoff = f.Word(b[24+w:])
	f.Shoff = f.Word(b[24+2*w:])
	t := b[24+3*w:]
	f.Flags = f.U32(t)
	f.Ehsize, f.Phentsize, phnum = f.U16(t[4:]), f.U16(t[6:]), f.U16(t[8:])
	f.Shentsize, shnum, shstrndx = f.U16(t[10:]), f.U16(t[12:]), f.U16(t[14:])
	return shnum, shstrndx, phnum, nil
}

// extended resolves the counts that do not fit into the ELF header and stand
// in section 0 instead, and checks that the section table lies in the file.
func (f *File) extended(shnum, shstrndx, phnum uint16) (uint64, error) {
	want := f.shdrSize()
	if uint64(f.Shentsize) != want {
		return 0, bad(0, "section header size is %d, not %d", f.Shentsize, want)
	}
	total := uint64(len(f.data))
	if f.Shoff > total || total-f.Shoff < want {
		return 0, bad(0, "section table at 0x%x is past the end of %d bytes", f.Shoff, total)
	}
	zero := f.section(0)
	n := uint64(shnum)
	if shnum == 0 {
		n = zero.Size
	}
	if shstrndx == SHNXindex {
		f.Shstrndx = zero.Link
	}
	if phnum == pnXnum {
		f.Phnum = zero.Info
	}
	if n > (total-f.Shoff)/want {
		return 0, bad(int64(f.Shoff), "%d section headers run past the end of %d bytes", n, total)
	}
	return n, nil
}

func (f *File) readSections(n uint64) error {
	if n > maxSections {
		return where.New(where.Limit, "%d sections, the limit is %d", n, maxSections).At(int64(f.Shoff))
	}
	if uint64(cap(f.Sections)) < n {
		f.Sections = make([]Section, 0, n+n/8)
	}
	total := uint64(len(f.data))
	for i := range n {
		s := f.section(i)
		if s.HasData() && (s.Off > total || s.Size > total-s.Off) {
			return bad(int64(f.Shoff+i*f.shdrSize()),
				"section %d: 0x%x bytes at 0x%x are past the end of %d bytes", i, s.Size, s.Off, total)
		}
		f.Sections = append(f.Sections, s)
	}
	return nil
}

// readNames gives the sections their names. The name table is copied once, so
// that names outlive the input without an allocation each.
func (f *File) readNames() error {
	if f.Shstrndx == 0 || len(f.Sections) == 0 {
		return nil
	}
	if uint64(f.Shstrndx) >= uint64(len(f.Sections)) {
		return bad(0, "name table is section %d of %d", f.Shstrndx, len(f.Sections))
	}
	t := &f.Sections[f.Shstrndx]
	at := int64(f.Shoff + uint64(f.Shstrndx)*f.shdrSize())
	if t.Type != SHTStrtab || t.Flags&SHFCompressed != 0 {
		return bad(at, "section %d of type %d is no name table", f.Shstrndx, t.Type)
	}
	if t.Size > limits.MaxText {
		return where.New(where.Limit, "section name table of %d bytes", t.Size).At(at)
	}
	table := f.data[t.Off : t.Off+t.Size]
	if len(table) > 0 && table[len(table)-1] != 0 {
		return bad(int64(t.Off), "section name table does not end with NUL")
	}
	f.names = string(table)
	for i := range f.Sections {
		s := &f.Sections[i]
		if s.NameOff == 0 && len(table) == 0 {
			continue
		}
		if uint64(s.NameOff) >= uint64(len(table)) {
			return bad(int64(f.Shoff+uint64(i)*f.shdrSize()),
				"section %d: name at 0x%x is past the table of %d bytes", i, s.NameOff, len(table))
		}
		name := table[s.NameOff:]
		end := bytes.IndexByte(name[:min(len(name), maxName+1)], 0)
		if end < 0 {
			return bad(int64(t.Off)+int64(s.NameOff), "name of section %d is longer than %d bytes", i, maxName)
		}
		s.Name = f.names[s.NameOff : int(s.NameOff)+end]
	}
	return nil
}

// Arch is the architecture of the file, model.ArchUnknown for a machine that
// this program does not know.
func (f *File) Arch() model.Arch { return model.ArchOfELF(f.Machine, f.Is64, f.BigEndian) }

// Bytes is the input.
func (f *File) Bytes() []byte { return f.data }

func bad(off int64, format string, args ...any) error {
	return where.New(where.Malformed, format, args...).At(off)
}
