package kimage

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
)

// memory describes the export tables of a raw image.
type memory struct {
	arch     model.Arch
	big      bool
	word     int    // bytes of a field
	base     uint64 // 0: distances
	crcs     bool
	distance bool // checksums are elsewhere
	flags    bool // one table with flags, as from 7.2 on
	unset    bool // no namespace is an empty field (up to 5.9)
	symbols  []symvers.Symbol
}

// symbolsOf makes n symbols, every third for GPL only, every fifth in a
// namespace, sorted by name.
func symbolsOf(n int, crcs bool) []symvers.Symbol {
	var out []symvers.Symbol
	for i := range n {
		s := symvers.Symbol{Name: fmt.Sprintf("fn_%04d", i), Owner: symvers.Vmlinux, Export: symvers.ExportAny}
		if i%3 == 0 {
			s.Export = symvers.ExportGPL
		}
		if i%5 == 0 {
			s.Namespace = "module:kvm,kvm-*"
		}
		if crcs && i%7 != 0 {
			s.CRC, s.HasCRC = 0x9e3779b9*uint32(i+1), true
		}
		out = append(out, s)
	}
	return out
}

// image lays the tables out behind 4096 bytes that are something else.
func (m memory) image() []byte {
	var o binary.AppendByteOrder = binary.LittleEndian
	if m.big {
		o = binary.BigEndian
	}
	list := slices.Clone(m.symbols)
	if !m.flags {
		slices.SortStableFunc(list, func(a, b symvers.Symbol) int { return cmp.Compare(a.Export, b.Export) })
	}
	head := bytes.Repeat([]byte{0xaa, 0x55}, 2048)
	sums := len(head)
	for _, s := range list {
		head = o.AppendUint32(head, s.CRC)
	}
	head = append(head, make([]byte, -len(head)&7)...)
	strs := len(head) + 3*m.word*len(list)
	if m.crcs {
		strs += 4 * len(list)
	}
	if m.flags {
		strs += len(list)
	}
	// the empty namespace is the end of the first name
	text, spaces := []byte(list[0].Name+"\x00"), map[string]int{"": len(list[0].Name)}
	out := head
	field := func(to int) {
		switch {
		case m.base == 0:
			out = o.AppendUint32(out, uint32(to-len(out)))
		case m.word == 8:
			out = o.AppendUint64(out, m.base+uint64(to))
		default:
			out = o.AppendUint32(out, uint32(m.base)+uint32(to))
		}
	}
	for i, s := range list {
		name := 0
		if i > 0 {
			name = len(text)
			text = append(text, s.Name+"\x00"...)
		}
		if _, ok := spaces[s.Namespace]; !ok {
			spaces[s.Namespace] = len(text)
			text = append(text, s.Namespace+"\x00"...)
		}
		field(64)
		field(strs + name)
		if m.unset && s.Namespace == "" {
			out = append(out, make([]byte, m.word)...)
		} else {
			field(strs + spaces[s.Namespace])
		}
	}
	for i, s := range list {
		switch {
		case m.distance && s.HasCRC:
			out = o.AppendUint32(out, uint32(sums+4*i-len(out)))
		case m.crcs:
			out = o.AppendUint32(out, s.CRC)
		}
	}
	for _, s := range list {
		if m.flags {
			out = append(out, map[symvers.Export]byte{symvers.ExportGPL: 1}[s.Export])
		}
	}
	return append(append(out, text...), head...)
}

func (m memory) read(b []byte) []symvers.Symbol {
	k := &kernel{data: b}
	out, err := k.exports(m.arch, m.big)
	if err != nil {
		panic(err)
	}
	return out
}

func TestRawExports(t *testing.T) {
	for name, m := range map[string]memory{
		"arm64 6.1":     {arch: model.ARM64, word: 4, crcs: true},
		"arm64 5.10":    {arch: model.ARM64, word: 4, crcs: true, distance: true},
		"arm64 5.4":     {arch: model.ARM64, word: 4, crcs: true, unset: true},
		"arm64 7.2":     {arch: model.ARM64, word: 4, flags: true},
		"with both":     {arch: model.ARM64, word: 4, crcs: true, flags: true},
		"without":       {arch: model.ARM64, word: 4},
		"s390x":         {arch: model.S390X, big: true, word: 8, base: 0x100000, crcs: true},
		"riscv64":       {arch: model.RISCV64, word: 8, base: 0xffffffff80000000, crcs: true},
		"loongarch 7.2": {arch: model.LoongArch64, word: 8, base: 0x9000000000200000, flags: true},
		"arm":           {arch: model.ARM, word: 4, base: 0xc0208000, crcs: true},
		"mips":          {arch: model.MIPS64EL, word: 8, base: 0xffffffff80100000, crcs: true},
	} {
		t.Run(name, func(t *testing.T) {
			m.symbols = symbolsOf(700, m.crcs)
			if got := m.read(m.image()); !reflect.DeepEqual(got, m.symbols) {
				t.Errorf("%d symbols, want %d; first %+v", len(got), len(m.symbols), slices.Concat(got, []symvers.Symbol{{}})[0])
			}
		})
	}
}

// What does not fit to the byte is not half read.
func TestRawExportsDoubtful(t *testing.T) {
	sound := memory{arch: model.ARM64, word: 4, crcs: true, flags: true, symbols: symbolsOf(700, true)}
	tables := 4096 + 4*700
	strs := tables + 17*700
	for name, change := range map[string]func(m *memory, b []byte) []byte{
		"too few": func(m *memory, _ []byte) []byte { m.symbols = m.symbols[:rawLeast-1]; return m.image() },
		"another order": func(m *memory, _ []byte) []byte {
			m.symbols[3].Name = "zz"
			m.symbols[500].Name = "aa"
			return m.image()
		},
		"an unknown flag":   func(_ *memory, b []byte) []byte { b[strs-1] = 2; return b },
		"another base":      func(m *memory, _ []byte) []byte { m.base = 0xffff800080000000; m.word = 8; return m.image() },
		"no identifier":     func(_ *memory, b []byte) []byte { return bytes.ReplaceAll(b, []byte("fn_0300"), []byte("fn 0300")) },
		"bytes in between":  func(_ *memory, b []byte) []byte { b[strs] = 0; return b },
		"cut in the middle": func(_ *memory, b []byte) []byte { return b[:strs+20] },
		"nothing":           func(*memory, []byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			m := sound
			m.symbols = slices.Clone(sound.symbols)
			if got := m.read(change(&m, m.image())); got != nil {
				t.Errorf("%d symbols, first %+v", len(got), got[0])
			}
		})
	}
}

// A made image whose every word leads to a long name ends early.
func TestRawExportsBudget(t *testing.T) {
	b := bytes.Repeat([]byte{0x40, 0, 0, 0}, 1<<16)
	b = append(b, bytes.Repeat([]byte("a"), 1<<16)...)
	r := rawTables{data: b, order: binary.LittleEndian, relative: true, word: 4}
	for i := 0; i < 1<<18; i += 4 {
		binary.LittleEndian.PutUint32(b[i:], uint32(1<<18-i))
	}
	if got := r.find(); got != nil || r.budget > -1 {
		t.Errorf("%d symbols, budget left %d", len(got), r.budget)
	}
}
