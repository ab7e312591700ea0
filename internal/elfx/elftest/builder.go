// Package elftest builds small ELF files for tests, from readable descriptions
// and without binary fixtures. Contents are deterministic.
package elftest

import (
	"encoding/binary"

	"kpkg-btf/internal/elfx"
)

// File describes an ELF file. Sections get the indexes 1, 2, … in order;
// .symtab, .strtab and .shstrtab follow them, as far as they are needed.
type File struct {
	Is32      bool
	BigEndian bool
	Type      uint16 // ET_*; 0 means ET_REL
	Machine   uint16 // EM_*; 0 means 62, x86-64
	Sections  []Section
	Symbols   []Symbol // locals first, as ELF demands
	// ManySections writes the counts into section 0, as files of more than
	// 65279 sections have them.
	ManySections bool
}

// Section is one section. Relocations become a .rela section behind it (a
// .rel section with their addends in the content if Rel is set).
type Section struct {
	Name    string
	Type    uint32 // SHT_*; 0 means SHT_PROGBITS
	Flags   uint64
	Data    []byte
	Size    uint64 // of SHT_NOBITS
	Align   uint64 // 0 means 1
	Link    uint32
	Info    uint32
	Entsize uint64
	Relocs  []Reloc
	Rel     bool
}

// Symbol is one symbol. Section is the name of a section, or "" for an
// undefined symbol, or "ABS".
type Symbol struct {
	Name    string
	Section string
	Value   uint64
	Size    uint64
	Info    uint8
}

// Reloc is one relocation; Sym is the position in File.Symbols.
type Reloc struct {
	Off    uint64
	Type   uint32
	Sym    int
	Addend int64
}

// Global, Weak and Local give st_info.
func Global(typ uint8) uint8 { return elfx.STBGlobal<<4 | typ }

// Weak is Global for weak symbols.
func Weak(typ uint8) uint8 { return elfx.STBWeak<<4 | typ }

// Local is Global for local symbols.
func Local(typ uint8) uint8 { return typ }

type builder struct {
	f     File
	order binary.AppendByteOrder
	secs  []Section
	index map[string]uint32
}

// Bytes writes the file: header, contents, section headers.
func (f File) Bytes() []byte {
	if f.Type == 0 {
		f.Type = elfx.TypeRel
	}
	if f.Machine == 0 {
		f.Machine = 62
	}
	b := &builder{f: f, order: binary.LittleEndian, index: map[string]uint32{}}
	if f.BigEndian {
		b.order = binary.BigEndian
	}
	b.secs = []Section{{}}
	b.addSections()
	if len(f.Symbols) > 0 {
		b.addSymbols()
	}
	return b.write()
}

func (b *builder) addSections() {
	at := map[int]uint32{}
	for i, s := range b.f.Sections {
		if s.Type == 0 {
			s.Type = elfx.SHTProgbits
		}
		idx := uint32(len(b.secs))
		at[i] = idx
		if _, ok := b.index[s.Name]; !ok {
			b.index[s.Name] = idx
		}
		b.secs = append(b.secs, s)
		if len(s.Relocs) > 0 {
			b.secs = append(b.secs, b.relocs(s, idx))
		}
	}
}

func (b *builder) relocs(s Section, target uint32) Section {
	out := Section{Name: ".rela" + s.Name, Type: elfx.SHTRela, Flags: elfx.SHFInfoLink, Info: target, Entsize: 3 * b.word(), Align: b.word()}
	if s.Rel {
		out.Name, out.Type, out.Entsize = ".rel"+s.Name, elfx.SHTRel, 2*b.word()
	}
	for _, r := range s.Relocs {
		out.Data = b.addr(out.Data, r.Off)
		sym := uint64(r.Sym + 1)
		switch {
		case b.f.Is32:
			out.Data = b.order.AppendUint32(out.Data, uint32(sym)<<8|r.Type)
		case b.f.Machine == 8 && !b.f.BigEndian: // MIPS64 little-endian
			out.Data = b.order.AppendUint32(out.Data, uint32(sym))
			out.Data = append(out.Data, 0, 0, 0, byte(r.Type))
		default:
			out.Data = b.order.AppendUint64(out.Data, sym<<32|uint64(r.Type))
		}
		if !s.Rel {
			out.Data = b.addr(out.Data, uint64(r.Addend))
		}
	}
	return out
}

func (b *builder) addSymbols() {
	raw := make([]byte, b.word()*3)
	if b.f.Is32 {
		raw = make([]byte, 16)
	}
	names := []byte{0}
	locals := uint32(1)
	for _, s := range b.f.Symbols {
		var name uint32
		if s.Name != "" {
			name = uint32(len(names))
			names = append(append(names, s.Name...), 0)
		}
		shndx := uint16(b.index[s.Section])
		switch s.Section {
		case "":
			shndx = 0
		case "ABS":
			shndx = elfx.SHNAbs
		}
		if s.Info>>4 == elfx.STBLocal {
			locals++
		}
		raw = b.order.AppendUint32(raw, name)
		if b.f.Is32 {
			raw = b.order.AppendUint32(raw, uint32(s.Value))
			raw = b.order.AppendUint32(raw, uint32(s.Size))
			raw = append(raw, s.Info, 0)
			raw = b.order.AppendUint16(raw, shndx)
			continue
		}
		raw = append(raw, s.Info, 0)
		raw = b.order.AppendUint16(raw, shndx)
		raw = b.order.AppendUint64(raw, s.Value)
		raw = b.order.AppendUint64(raw, s.Size)
	}
	idx := uint32(len(b.secs))
	entsize := uint64(24)
	if b.f.Is32 {
		entsize = 16
	}
	for i := range b.secs {
		if t := b.secs[i].Type; t == elfx.SHTRela || t == elfx.SHTRel {
			b.secs[i].Link = idx
		}
	}
	b.secs = append(b.secs,
		Section{Name: ".symtab", Type: elfx.SHTSymtab, Data: raw, Link: idx + 1, Info: locals, Entsize: entsize, Align: b.word()},
		Section{Name: ".strtab", Type: elfx.SHTStrtab, Data: names})
}

func (b *builder) write() []byte {
	b.secs = append(b.secs, Section{Name: ".shstrtab", Type: elfx.SHTStrtab})
	names := []byte{0}
	offs := make([]uint32, len(b.secs))
	for i := 1; i < len(b.secs); i++ {
		offs[i] = uint32(len(names))
		names = append(append(names, b.secs[i].Name...), 0)
	}
	b.secs[len(b.secs)-1].Data = names
	ehsize := 64
	if b.f.Is32 {
		ehsize = 52
	}
	out := make([]byte, ehsize)
	at := make([]uint64, len(b.secs))
	for i := 1; i < len(b.secs); i++ {
		s := &b.secs[i]
		out = pad(out, max(1, s.Align))
		at[i] = uint64(len(out))
		if s.Type != elfx.SHTNobits {
			out = append(out, s.Data...)
			s.Size = uint64(len(s.Data))
		}
	}
	out = pad(out, b.word())
	shoff := uint64(len(out))
	if b.f.ManySections {
		b.secs[0].Size, b.secs[0].Link = uint64(len(b.secs)), uint32(len(b.secs)-1)
	}
	for i, s := range b.secs {
		out = b.header(out, s, offs[i], at[i])
	}
	copy(out, b.ehdr(shoff, uint16(ehsize)))
	return out
}

func (b *builder) header(out []byte, s Section, name uint32, off uint64) []byte {
	out = b.order.AppendUint32(out, name)
	out = b.order.AppendUint32(out, s.Type)
	out = b.addr(out, s.Flags)
	out = b.addr(out, 0)
	out = b.addr(out, off)
	out = b.addr(out, s.Size)
	out = b.order.AppendUint32(out, s.Link)
	out = b.order.AppendUint32(out, s.Info)
	out = b.addr(out, s.Align)
	return b.addr(out, s.Entsize)
}

func (b *builder) ehdr(shoff uint64, ehsize uint16) []byte {
	class, order, shentsize := byte(2), byte(1), uint16(64)
	if b.f.Is32 {
		class, shentsize = 1, 40
	}
	if b.f.BigEndian {
		order = 2
	}
	h := []byte{0x7f, 'E', 'L', 'F', class, order, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0}
	h = b.order.AppendUint16(h, b.f.Type)
	h = b.order.AppendUint16(h, b.f.Machine)
	h = b.order.AppendUint32(h, 1)
	h = b.addr(h, 0)
	h = b.addr(h, 0)
	h = b.addr(h, shoff)
	h = b.order.AppendUint32(h, 0)
	shnum, shstrndx := uint16(len(b.secs)), uint16(len(b.secs)-1)
	if b.f.ManySections {
		shnum, shstrndx = 0, elfx.SHNXindex
	}
	for _, v := range []uint16{ehsize, 0, 0, shentsize, shnum, shstrndx} {
		h = b.order.AppendUint16(h, v)
	}
	return h
}

func (b *builder) word() uint64 {
	if b.f.Is32 {
		return 4
	}
	return 8
}

func (b *builder) addr(out []byte, v uint64) []byte {
	if b.f.Is32 {
		return b.order.AppendUint32(out, uint32(v))
	}
	return b.order.AppendUint64(out, v)
}

func pad(b []byte, align uint64) []byte {
	for uint64(len(b))%align != 0 {
		b = append(b, 0)
	}
	return b
}
