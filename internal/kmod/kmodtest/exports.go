package kmodtest

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/symvers"
)

// exports writes the export tables in name order, as the module linker script
// sorts them.
func (b *build) exports() {
	if len(b.m.Exports) == 0 {
		return
	}
	list := slices.Clone(b.m.Exports)
	slices.SortFunc(list, func(x, y symvers.Symbol) int { return strings.Compare(x.Name, y.Name) })
	var strs []byte
	for _, e := range list {
		for _, s := range []struct{ prefix, text string }{{"__kstrtab_", e.Name}, {"__kstrtabns_", e.Namespace}} {
			b.locals = append(b.locals, elftest.Symbol{Name: s.prefix + e.Name, Section: "__ksymtab_strings", Value: uint64(len(strs)), Info: elftest.Local(elfx.STTNotype)})
			strs = append(append(strs, s.text...), 0)
		}
		section := ".text"
		if e.What == symvers.Data {
			section = "__ksymtab_strings" // whatever is not executed
		}
		b.globals = append(b.globals, elftest.Symbol{Name: e.Name, Section: section, Value: 4, Info: elftest.Global(elfx.STTFunc)})
	}
	if b.m.Style == Flags {
		b.exportTable("", list)
		flags := make([]byte, len(list))
		for i, e := range list {
			if e.Export == symvers.ExportGPL {
				flags[i] = 1
			}
		}
		b.add(elftest.Section{Name: "__kflagstab", Flags: elfx.SHFAlloc, Data: flags})
	} else {
		isGPL := func(e symvers.Symbol) bool { return e.Export == symvers.ExportGPL }
		b.exportTable("_gpl", slices.DeleteFunc(slices.Clone(list), func(e symvers.Symbol) bool { return !isGPL(e) }))
		b.exportTable("", slices.DeleteFunc(list, isGPL))
	}
	b.add(elftest.Section{Name: "__ksymtab_strings", Flags: elfx.SHFAlloc, Data: strs})
}

func (b *build) exportTable(suffix string, list []symvers.Symbol) {
	if len(list) == 0 {
		return
	}
	field := uint64(4)
	typ := uint32(2) // R_X86_64_PC32
	if b.m.Style == Absolute {
		field, typ = uint64(b.word()), 1
	}
	n := uint64(len(list))
	tab := b.add(elftest.Section{Name: "__ksymtab" + suffix, Flags: elfx.SHFAlloc, Data: make([]byte, 3*field*n), Align: field})
	for i, e := range list {
		at := uint64(i) * 3 * field
		for f, symbol := range []string{e.Name, "__kstrtab_" + e.Name, "__kstrtabns_" + e.Name} {
			b.place(tab, "__ksymtab"+suffix, at+uint64(f)*field, typ, symbol)
		}
	}
	if slices.ContainsFunc(list, func(e symvers.Symbol) bool { return e.HasCRC }) {
		b.crcTable("__kcrctab"+suffix, list)
	}
}

// place writes the relocation of one field: a distance or an address, or on
// riscv and loongarch the difference of a symbol and a label at the place.
func (b *build) place(tab int, section string, at uint64, typ uint32, symbol string) {
	add, sub := map[uint16]uint32{243: 35, 258: 50}[b.m.Machine], map[uint16]uint32{243: 39, 258: 55}[b.m.Machine]
	if add == 0 || b.m.Style == Absolute {
		b.relocate(tab, at, typ, symbol, 0)
		return
	}
	label := fmt.Sprintf(".L%s_%d", section, at)
	b.locals = append(b.locals, elftest.Symbol{Name: label, Section: section, Value: at})
	b.relocate(tab, at, add, symbol, 0)
	b.relocate(tab, at, sub, label, 0)
}

func (b *build) crcTable(name string, list []symvers.Symbol) {
	size := 4
	if b.m.Style == AbsCRCs {
		size = b.word()
	}
	sec := elftest.Section{Name: name, Flags: elfx.SHFAlloc, Align: uint64(size)}
	if b.m.Style != AbsCRCs && b.m.Style != RelCRCs {
		for _, e := range list {
			sec.Data = b.order.AppendUint32(sec.Data, e.CRC)
		}
		b.add(sec)
		return
	}
	sec.Data = make([]byte, size*len(list))
	tab := b.add(sec)
	var crcs []byte
	for i, e := range list {
		b.relocate(tab, uint64(size*i), 2, "__crc_"+e.Name, 0)
		sym := elftest.Symbol{Name: "__crc_" + e.Name, Section: "ABS", Value: uint64(e.CRC), Info: elftest.Global(elfx.STTNotype)}
		switch {
		case !e.HasCRC:
			sym.Section, sym.Value, sym.Info = "", 0, elftest.Weak(elfx.STTNotype)
		case b.m.Style == RelCRCs:
			sym.Section, sym.Value = ".rodata.crc"+name, uint64(len(crcs))
			crcs = b.order.AppendUint32(crcs, e.CRC)
		}
		b.globals = append(b.globals, sym)
	}
	if b.m.Style == RelCRCs {
		b.add(elftest.Section{Name: ".rodata.crc" + name, Flags: elfx.SHFAlloc, Data: crcs, Align: 4})
	}
}
