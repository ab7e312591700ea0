package kimage

import (
	"bytes"
	"cmp"
	"slices"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/where"
)

// Export tables (include/asm-generic/vmlinux.lds.h, include/linux/export.h).
// An entry of __ksymtab is {value, name, namespace}, of 5.3 and before {value,
// name}; each either an address or, on architectures with
// HAVE_ARCH_PREL32_RELOCATIONS, a signed 32-bit distance from the field itself.
// Names are in __ksymtab_strings, checksums in __kcrctab in the same order.
// Up to 7.1 GPL-only symbols have tables of their own with suffix _gpl; later
// one table holds all, and __kflagstab a byte for each (bit 0: GPL only).
const (
	ksymtab        = "__ksymtab"
	kcrctab        = "__kcrctab"
	kflagstab      = "__kflagstab"
	ksymtabStrings = "__ksymtab_strings"
	flagGPL        = 1
)

// form is one way an entry may be laid out.
type form struct {
	words    int  // fields: 2 or 3
	relative bool // 32-bit distances; else addresses
}

var forms = [...]form{{3, true}, {3, false}, {2, true}, {2, false}}

// exports reads both tables; nil when there are none.
func (k *kernel) exports(arch model.Arch, big bool) ([]symvers.Symbol, error) {
	if k.elf == nil {
		return sortedByName(k.rawExports(arch, big)), nil
	}
	var out []symvers.Symbol
	for _, t := range []struct {
		suffix string
		export symvers.Export
	}{{"", symvers.ExportAny}, {"_gpl", symvers.ExportGPL}} {
		list, err := k.exportTable(t.suffix, t.export)
		if err != nil {
			return nil, where.In("ELF", err)
		}
		out = append(out, list...)
	}
	return sortedByName(out), nil
}

func sortedByName(out []symvers.Symbol) []symvers.Symbol {
	slices.SortStableFunc(out, func(a, b symvers.Symbol) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// table is one __ksymtab section with what belongs to it.
type table struct {
	f       *elfx.File
	section *elfx.Section
	data    []byte
	strs    strtab
}

// strtab is __ksymtab_strings, copied once so that names outlive the image.
type strtab struct {
	addr uint64
	text string
}

// at returns the string at an address.
func (s strtab) at(addr uint64) (string, bool) {
	if addr < s.addr || addr-s.addr >= uint64(len(s.text)) {
		return "", false
	}
	rest := s.text[addr-s.addr:]
	for i := range len(rest) {
		if rest[i] == 0 {
			return rest[:i], true
		}
	}
	return "", false
}

func (k *kernel) exportTable(suffix string, export symvers.Export) ([]symvers.Symbol, error) {
	s, strs := k.elf.Section(ksymtab+suffix), k.elf.Section(ksymtabStrings)
	if s == nil || strs == nil || !s.HasData() || s.Size == 0 {
		return nil, nil
	}
	t := table{f: k.elf, section: s}
	var err error
	if t.data, err = k.elf.Data(s); err != nil {
		return nil, err
	}
	text, err := k.elf.Data(strs)
	if err != nil {
		return nil, err
	}
	t.strs = strtab{strs.Addr, string(text)}
	out, ok := t.read()
	if !ok {
		if t.data, ok = t.relocated(); ok {
			out, ok = t.read()
		}
	}
	if !ok {
		return nil, where.New(where.Unsupported, "entries of %s are of no known form", s.Name).At(int64(s.Off))
	}
	for i := range out {
		out[i].Owner, out[i].Export = symvers.Vmlinux, export
	}
	if err := t.flags(out, suffix); err != nil {
		return nil, err
	}
	return out, t.crcs(out, suffix)
}

// read decodes the table in the first form in which every entry's name and
// namespace lead to a string.
func (t *table) read() ([]symvers.Symbol, bool) {
	for _, m := range forms {
		if out, ok := t.readAs(m); ok {
			return out, true
		}
	}
	return nil, false
}

// field returns the address that the field at an offset of the table leads to, 0
// for an empty one.
func (t *table) field(m form, at int) uint64 {
	if !m.relative {
		return t.f.Word(t.data[at:])
	}
	d := int32(t.f.U32(t.data[at:]))
	if d == 0 {
		return 0
	}
	a := t.section.Addr + uint64(at) + uint64(int64(d))
	if !t.f.Is64 {
		a &= 0xffffffff
	}
	return a
}

func (t *table) readAs(m form) ([]symvers.Symbol, bool) {
	word := 4
	if !m.relative {
		word = t.f.WordSize()
	}
	size := m.words * word
	if len(t.data)%size != 0 {
		return nil, false
	}
	out := make([]symvers.Symbol, 0, len(t.data)/size)
	for off := 0; off < len(t.data); off += size {
		name, ok := t.strs.at(t.field(m, off+word))
		if !ok || name == "" {
			return nil, false
		}
		s := symvers.Symbol{Name: name, What: t.what(t.field(m, off))}
		if m.words == 3 {
			// 5.4 to 5.9 leave the field zero without a namespace
			if a := t.field(m, off+2*word); a != 0 {
				if s.Namespace, ok = t.strs.at(a); !ok {
					return nil, false
				}
			}
		}
		out = append(out, s)
	}
	return out, true
}

// what says what lies at an address; unknown where no section does.
func (t *table) what(addr uint64) symvers.What {
	for i := range t.f.Sections {
		s := &t.f.Sections[i]
		if s.Flags&elfx.SHFAlloc == 0 || addr < s.Addr || addr-s.Addr >= s.Size {
			continue
		}
		if s.Flags&elfx.SHFExecinstr != 0 {
			return symvers.Code
		}
		return symvers.Data
	}
	return symvers.Unknown
}

// relocated applies the relative relocations of a position-independent kernel
// whose linker left the places empty; false when there are none.
func (t *table) relocated() ([]byte, bool) {
	s := t.f.Section(".rela.dyn")
	w := uint64(t.f.WordSize())
	if s == nil || uint64(len(t.data)) < w {
		return nil, false
	}
	rel, err := t.f.RelocsOf(s)
	if err != nil {
		return nil, false
	}
	out, any := bytes.Clone(t.data), false
	for _, r := range rel.All() {
		if r.Sym != 0 || r.Off < t.section.Addr || r.Off-t.section.Addr > uint64(len(out))-w {
			continue
		}
		any = true
		at := out[r.Off-t.section.Addr:]
		if t.f.Is64 {
			t.f.Order().PutUint64(at, uint64(r.Addend))
		} else {
			t.f.Order().PutUint32(at, uint32(r.Addend))
		}
	}
	return out, any
}

// flags takes the export types from __kflagstab where there is one.
func (t *table) flags(out []symvers.Symbol, suffix string) error {
	s := t.f.Section(kflagstab)
	if s == nil || suffix != "" {
		return nil
	}
	data, err := t.f.Data(s)
	if err != nil {
		return err
	}
	if len(data) != len(out) {
		return where.New(where.Malformed, "%s has %d flags for %d symbols", kflagstab, len(data), len(out)).At(int64(s.Off))
	}
	for i, b := range data {
		if b&flagGPL != 0 {
			out[i].Export = symvers.ExportGPL
		}
	}
	return nil
}
