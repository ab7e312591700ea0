// Package kmodtest builds small kernel modules for tests from readable
// descriptions. The same description gives the same bytes in every run. The
// signing keys are in package modsigtest.
package kmodtest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/symvers"
)

// Module describes a module. The zero value is one without BTF, versions and
// exports that calls itself "m".
type Module struct {
	Name       string
	Vermagic   string // "" means "6.1.0-test SMP preempt mod_unload modversions "
	NoVermagic bool
	OutOfTree  bool     // without intree=Y
	Depends    []string //
	Modinfo    []string // more "key=value" entries

	// Contents of sections; nil means no such section, empty one of size 0.
	BTF, BTFBase, Stamp []byte
	// Behind makes .BTF a section of type NOBITS, its bytes behind it in the file.
	Behind bool
	// Neutralized marks an empty .BTF as apply --mode=neutralize does.
	Neutralized bool

	IDs      []IDList
	StripIDs bool // leave out the symbols of .BTF_ids, as strip --strip-unneeded does

	Versions    []kmod.Version
	ExtVersions bool // in the sections of 6.14+

	Imports     []string
	WeakImports []string
	Exports     []symvers.Symbol // Owner is ignored
	Style       ExportStyle

	Text      string   // content of .text
	Funcs     []string // static functions that nothing calls
	Is32      bool
	BigEndian bool
	Machine   uint16 // 0 means x86-64
	Debug     bool   // debug information, with relocations
	// Sections are put after all others.
	Sections []elftest.Section
}

// ExportStyle is how the export tables are laid out.
type ExportStyle uint8

const (
	// PREL32 is what x86 and most others have since 4.19: distances, and
	// plain checksums since 5.19.
	PREL32 ExportStyle = iota
	// Flags is 7.1+: one table, and flags beside it.
	Flags
	// Absolute is for architectures without such relocations: addresses.
	Absolute
	// AbsCRCs is PREL32 with checksums before 5.19: relocations by absolute
	// symbols.
	AbsCRCs
	// RelCRCs is PREL32 with CONFIG_MODULE_REL_CRCS, before 5.19: distances
	// to where the checksums are.
	RelCRCs
)

// IDList is one BTF_ID_LIST (Set "") or a set.
type IDList struct {
	Set   string
	Label string   // by which C code knows a list; "" leaves the symbol out
	Marks []string // what an assembler puts at the same place: "$d"
	Set8  bool
	Flags uint32 // of a set8
	Words []ID
	// Miscount is added to the count of a set; Unused are members without a
	// symbol, id 0, before the words.
	Miscount, Unused int
}

// ID is one id with the name its symbol gives it.
type ID struct {
	Kind, Name string
	ID         uint32
	Flags      uint32 // in a set8
}

// Bytes writes the module.
func (m Module) Bytes() []byte {
	b := &build{m: m, order: binary.LittleEndian}
	if m.BigEndian {
		b.order = binary.BigEndian
	}
	b.text()
	b.modinfo()
	b.versions()
	b.exports()
	b.ids()
	if m.Debug {
		b.debug()
	}
	for _, s := range []struct {
		name string
		data []byte
	}{{".BTF", m.BTF}, {".BTF.base", m.BTFBase}, {".BTF.base_checksum", m.Stamp}} {
		switch {
		case s.data == nil:
		case s.name == ".BTF" && m.Neutralized:
			b.add(elftest.Section{Name: s.name, Type: stamp.Emptied})
		case s.name == ".BTF" && m.Behind:
			b.add(elftest.Section{Name: s.name, Type: elfx.SHTNobits, Size: uint64(len(s.data))})
			b.add(elftest.Section{Name: ".behind", Data: s.data})
		default:
			b.add(elftest.Section{Name: s.name, Data: s.data})
		}
	}
	for _, s := range m.Sections {
		b.add(s)
	}
	return b.file().Bytes()
}

type build struct {
	m        Module
	order    binary.AppendByteOrder
	sections []elftest.Section
	locals   []elftest.Symbol
	globals  []elftest.Symbol
	pending  []pending
}

// pending is a relocation whose symbol's number is not known yet.
type pending struct {
	section int
	rel     elftest.Reloc
	symbol  string
}

func (b *build) add(s elftest.Section) int {
	b.sections = append(b.sections, s)
	return len(b.sections) - 1
}

func (b *build) relocate(section int, off uint64, typ uint32, symbol string, addend int64) {
	b.pending = append(b.pending, pending{section, elftest.Reloc{Off: off, Type: typ, Addend: addend}, symbol})
}

func (b *build) file() elftest.File {
	f := elftest.File{Is32: b.m.Is32, BigEndian: b.m.BigEndian, Machine: b.m.Machine, Sections: b.sections}
	f.Symbols = slices.Concat(b.locals, b.globals)
	number := map[string]int{}
	for i, s := range f.Symbols {
		number[s.Name] = i
	}
	for _, p := range b.pending {
		n, ok := number[p.symbol]
		if !ok {
			panic("kmodtest: no symbol " + p.symbol)
		}
		p.rel.Sym = n
		s := &f.Sections[p.section]
		s.Rel = b.m.Machine == 3 || b.m.Machine == 40 // i386 and arm keep addends in the content
		s.Relocs = append(s.Relocs, p.rel)
	}
	return f
}

func (b *build) word() int {
	if b.m.Is32 {
		return 4
	}
	return 8
}

func (b *build) text() {
	if b.m.Text == "" {
		b.m.Text = "code of " + b.m.Name
	}
	code := append([]byte(b.m.Text), make([]byte, 16+4*(len(b.m.Imports)+len(b.m.WeakImports)))...)
	text := b.add(elftest.Section{Name: ".text", Flags: elfx.SHFAlloc | elfx.SHFExecinstr, Data: code, Align: 16})
	this := b.add(elftest.Section{Name: ".gnu.linkonce.this_module", Flags: elfx.SHFAlloc | elfx.SHFWrite, Data: make([]byte, 64), Align: 64})
	b.locals = append(b.locals, elftest.Symbol{Name: "helper", Section: ".text", Value: 4, Info: elftest.Local(elfx.STTFunc)})
	for _, name := range b.m.Funcs {
		b.locals = append(b.locals, elftest.Symbol{Name: name, Section: ".text", Value: 8, Info: elftest.Local(elfx.STTFunc)})
	}
	b.globals = append(b.globals, elftest.Symbol{Name: "init_module", Section: ".text", Info: elftest.Global(elfx.STTFunc)})
	b.relocate(this, 8, 1, "init_module", 0)
	off := uint64(len(b.m.Text))
	b.relocate(text, off, 2, "helper", -4)
	for i, name := range slices.Concat(b.m.Imports, b.m.WeakImports) {
		info := elftest.Global(elfx.STTNotype)
		if i >= len(b.m.Imports) {
			info = elftest.Weak(elfx.STTNotype)
		}
		b.globals = append(b.globals, elftest.Symbol{Name: name, Info: info})
		off += 4
		b.relocate(text, off, 2, name, -4)
	}
}

func (b *build) modinfo() {
	m := &b.m
	if m.Name == "" {
		m.Name = "m"
	}
	if m.Vermagic == "" {
		m.Vermagic = "6.1.0-test SMP preempt mod_unload modversions "
	}
	entries := append([]string{"license=GPL"}, m.Modinfo...)
	entries = append(entries, "depends="+strings.Join(m.Depends, ","))
	if !m.OutOfTree {
		entries = append(entries, "intree=Y")
	}
	entries = append(entries, "name="+m.Name)
	if !m.NoVermagic {
		entries = append(entries, "vermagic="+m.Vermagic)
	}
	b.add(elftest.Section{Name: ".modinfo", Flags: elfx.SHFAlloc, Data: []byte(strings.Join(entries, "\x00") + "\x00")})
}

func (b *build) versions() {
	if b.m.Versions == nil {
		return
	}
	if b.m.ExtVersions {
		var crcs, names []byte
		for _, v := range b.m.Versions {
			crcs = b.order.AppendUint32(crcs, v.CRC)
			names = append(append(names, v.Name...), 0)
		}
		b.add(elftest.Section{Name: "__version_ext_crcs", Flags: elfx.SHFAlloc, Data: crcs, Align: 4})
		b.add(elftest.Section{Name: "__version_ext_names", Flags: elfx.SHFAlloc, Data: names})
		return
	}
	var data []byte
	for _, v := range b.m.Versions {
		entry := b.order.AppendUint64(nil, uint64(v.CRC))
		if b.m.Is32 {
			entry = b.order.AppendUint32(nil, v.CRC)
		}
		entry = append(entry, v.Name...)
		if len(entry) > 63 {
			panic("kmodtest: name too long for __versions: " + v.Name)
		}
		data = append(data, append(entry, make([]byte, 64-len(entry))...)...)
	}
	b.add(elftest.Section{Name: "__versions", Flags: elfx.SHFAlloc, Data: data, Align: 32})
}

func (b *build) ids() {
	if b.m.IDs == nil {
		return
	}
	var data []byte
	n := 100
	for _, list := range b.m.IDs {
		start := len(data)
		if list.Label != "" {
			b.idSymbol(list.Label, start, 0, elfx.STTNotype)
		}
		for _, mark := range list.Marks {
			b.idSymbol(mark, start, 0, elfx.STTNotype)
		}
		if list.Set != "" {
			data = b.order.AppendUint32(data, uint32(list.Unused+len(list.Words)+list.Miscount))
			if list.Set8 {
				data = b.order.AppendUint32(data, list.Flags)
			}
		}
		for range list.Unused {
			data = b.order.AppendUint32(data, 0)
			if list.Set8 {
				data = b.order.AppendUint32(data, 0)
			}
		}
		for _, w := range list.Words {
			n++
			b.idSymbol(fmt.Sprintf("__BTF_ID__%s__%s__%d", w.Kind, w.Name, n), len(data), 4, elfx.STTObject)
			data = b.order.AppendUint32(data, w.ID)
			if list.Set8 {
				data = b.order.AppendUint32(data, w.Flags)
			}
		}
		switch {
		case list.Set8:
			b.idSymbol("__BTF_ID__set8__"+list.Set, start, len(data)-start, elfx.STTNotype)
		case list.Set != "":
			b.idSymbol("__BTF_ID__set__"+list.Set, start, len(data)-start, elfx.STTNotype)
		}
	}
	b.add(elftest.Section{Name: ".BTF_ids", Flags: elfx.SHFAlloc, Data: data})
}

func (b *build) idSymbol(name string, off, size int, typ uint8) {
	if !b.m.StripIDs {
		b.locals = append(b.locals, elftest.Symbol{Name: name, Section: ".BTF_ids", Value: uint64(off), Size: uint64(size), Info: elftest.Local(typ)})
	}
}

func (b *build) debug() {
	info := b.add(elftest.Section{Name: ".debug_info", Data: []byte("where everything is in " + b.m.Name + strings.Repeat(".", 64))})
	b.locals = append(b.locals, elftest.Symbol{Section: ".debug_info", Info: elftest.Local(elfx.STTSection)})
	b.add(elftest.Section{Name: ".debug_str", Data: []byte("strings\x00"), Flags: 0x30, Entsize: 1})
	b.relocate(info, 0, 1, "helper", 0)
}
