package elfx_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/where"
)

// Offsets of fields in a 64-bit header and section header.
const (
	eShoff, eShentsize, eShnum, eShstrndx   = 40, 58, 60, 62
	shName, shType, shFlags, shOff, shSize  = 0, 4, 8, 24, 32
	shLink, shInfo, shEntsize, shdrSize64   = 40, 44, 56, 64
	textIndex, dataIndex, bssIndex, symtabN = 1, 3, 5, 7
)

// broken returns the 64-bit little-endian object with one edit.
func broken(edit func(b []byte, shdr func(i int) []byte)) []byte {
	b := shapes["64le"].Bytes()
	shoff := binary.LittleEndian.Uint64(b[eShoff:])
	edit(b, func(i int) []byte { return b[shoff+uint64(i*shdrSize64):] })
	return b
}

var (
	put16 = binary.LittleEndian.PutUint16
	put32 = binary.LittleEndian.PutUint32
	put64 = binary.LittleEndian.PutUint64
)

// TestHostileHeaders: headers that claim what is missing end in an error.
func TestHostileHeaders(t *testing.T) {
	for _, c := range []struct {
		name, want string
		data       []byte
	}{
		{"empty", "not an ELF file", nil},
		{"magic alone", "cut short", []byte("\x7fELF")},
		{"class", "class 3", broken(func(b []byte, _ func(int) []byte) { b[4] = 3 })},
		{"byte order", "byte order 0", broken(func(b []byte, _ func(int) []byte) { b[5] = 0 })},
		{"version", "version 2", broken(func(b []byte, _ func(int) []byte) { b[6] = 2 })},
		{"shentsize 0", "header size is 0", broken(func(b []byte, _ func(int) []byte) { put16(b[eShentsize:], 0) })},
		{"shentsize 1", "header size is 1", broken(func(b []byte, _ func(int) []byte) { put16(b[eShentsize:], 1) })},
		{"shentsize of 32 bit", "header size is 40", broken(func(b []byte, _ func(int) []byte) { put16(b[eShentsize:], 40) })},
		{"shoff past the end", "past the end", broken(func(b []byte, _ func(int) []byte) { put64(b[eShoff:], uint64(len(b))) })},
		{"shoff overflows", "past the end", broken(func(b []byte, _ func(int) []byte) { put64(b[eShoff:], 1<<64-64) })},
		{"no table, sections", "no section table", broken(func(b []byte, _ func(int) []byte) { put64(b[eShoff:], 0) })},
		{"shnum too large", "run past the end", broken(func(b []byte, _ func(int) []byte) { put16(b[eShnum:], 500) })},
		{"extended shnum overflows", "run past the end", broken(func(b []byte, s func(int) []byte) {
			put16(b[eShnum:], 0)
			put64(s(0)[shSize:], 1<<63)
		})},
		{"shstrndx past the end", "name table is section", broken(func(b []byte, _ func(int) []byte) { put16(b[eShstrndx:], 99) })},
		{"extended shstrndx past the end", "name table is section", broken(func(b []byte, s func(int) []byte) {
			put16(b[eShstrndx:], 0xffff)
			put32(s(0)[shLink:], 1<<31)
		})},
		{"name table of another type", "no name table", broken(func(b []byte, _ func(int) []byte) { put16(b[eShstrndx:], textIndex) })},
		{"section size past EOF by 1", "past the end", broken(func(b []byte, s func(int) []byte) {
			put64(s(textIndex)[shSize:], uint64(len(b))-binary.LittleEndian.Uint64(s(textIndex)[shOff:])+1)
		})},
		{"section offset past EOF by 1", "past the end", broken(func(b []byte, s func(int) []byte) {
			put64(s(textIndex)[shOff:], uint64(len(b))+1)
			put64(s(textIndex)[shSize:], 0)
		})},
		{"section end overflows", "past the end", broken(func(_ []byte, s func(int) []byte) {
			put64(s(textIndex)[shOff:], 1<<63)
			put64(s(textIndex)[shSize:], 1<<63+64)
		})},
		{"name out of the table", "past the table", broken(func(_ []byte, s func(int) []byte) { put32(s(textIndex)[shName:], 1<<20) })},
		{"unterminated name table", "does not end with NUL", broken(func(b []byte, s func(int) []byte) {
			n := int(binary.LittleEndian.Uint16(b[eShstrndx:]))
			put64(s(n)[shSize:], binary.LittleEndian.Uint64(s(n)[shSize:])-1)
		})},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := elfx.Parse(c.data)
			check(t, err, c.want)
			if f != nil {
				t.Error("a result beside the error")
			}
		})
	}
}

func check(t *testing.T, err error, want string) {
	t.Helper()
	var e *where.Error
	if !errors.As(err, &e) || e.Kind != where.Malformed || e.Off < 0 {
		t.Fatalf("got %#v, want a malformed error with an offset", err)
	}
	if !strings.Contains(err.Error(), want) {
		t.Errorf("got %q, want %q in it", err, want)
	}
}

func TestEveryTruncation(t *testing.T) {
	for name, f := range shapes {
		data := f.Bytes()
		for n := range data {
			if _, err := elfx.Parse(data[:n]); err == nil {
				t.Fatalf("%s: cut at %d of %d bytes is read", name, n, len(data))
			}
		}
	}
}

func TestHostileSymbols(t *testing.T) {
	for _, c := range []struct {
		name, want string
		edit       func(b []byte, s func(int) []byte)
	}{
		{"entry size 0", "entries of 0", func(_ []byte, s func(int) []byte) { put64(s(symtabN)[shEntsize:], 0) }},
		{"odd size", "entries of 24", func(_ []byte, s func(int) []byte) { put64(s(symtabN)[shSize:], 25) }},
		{"no string table", "no string table", func(_ []byte, s func(int) []byte) { put32(s(symtabN)[shLink:], textIndex) }},
		{"string table past the end", "no string table", func(_ []byte, s func(int) []byte) { put32(s(symtabN)[shLink:], 1<<30) }},
		{"unterminated strings", "does not end with NUL", func(_ []byte, s func(int) []byte) { put64(s(symtabN + 1)[shSize:], 3) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := elfx.Parse(broken(c.edit))
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.Symtab()
			check(t, err, c.want)
		})
	}
	e, err := elfx.Parse(broken(func(b []byte, s func(int) []byte) {
		put32(b[binary.LittleEndian.Uint64(s(symtabN)[shOff:])+2*24:], 1<<20)
	}))
	if err != nil {
		t.Fatal(err)
	}
	tab, err := e.Symtab()
	if err != nil {
		t.Fatal(err)
	}
	sym := tab.At(2)
	_, err = tab.Name(&sym)
	check(t, err, "past the table")
}

func TestHostileRelocs(t *testing.T) {
	for _, c := range []struct {
		name, want string
		edit       func(b []byte, s func(int) []byte)
	}{
		{"entry size", "entries of 16", func(_ []byte, s func(int) []byte) { put64(s(textIndex + 1)[shEntsize:], 16) }},
		{"odd size", "49 bytes", func(_ []byte, s func(int) []byte) { put64(s(textIndex + 1)[shSize:], 49) }},
		{"symbol table past the end", "symbols of", func(_ []byte, s func(int) []byte) { put32(s(textIndex + 1)[shLink:], 77) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			e, err := elfx.Parse(broken(c.edit))
			if err != nil {
				t.Fatal(err)
			}
			_, err = e.RelocsFor(e.Section(".text"))
			check(t, err, c.want)
		})
	}
	e, err := elfx.Parse(shapes["64le"].Bytes())
	if err != nil {
		t.Fatal(err)
	}
	_, err = e.RelocsOf(e.Section(".text"))
	check(t, err, "holds no relocations")
}

func TestNoContent(t *testing.T) {
	e, err := elfx.Parse(broken(func(_ []byte, s func(int) []byte) { put64(s(textIndex)[shFlags:], elfx.SHFCompressed) }))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Data(e.Section(".text")); where.KindOf(err) != where.Unsupported {
		t.Errorf("compressed section: %v", err)
	}
	if !bytes.Equal(e.RawData(e.Section(".text")), []byte("some code here")) {
		t.Error("raw content of a compressed section")
	}
	if b, err := e.Data(e.Section(".bss")); b != nil || err != nil {
		t.Errorf(".bss has %d bytes, %v", len(b), err)
	}
	if e.Section("") != nil || e.Section(".nothing") != nil {
		t.Error("sections that do not exist")
	}
}

func TestHostileProgs(t *testing.T) {
	const ePhoff, ePhentsize, ePhnum = 32, 54, 56
	for _, c := range []struct {
		name, want   string
		off          uint64
		size, number uint16
	}{
		{"size", "header size is 57", 64, 57, 1},
		{"past the end", "run past the end", 1 << 63, 56, 1},
		{"too many", "run past the end", 64, 56, 60000},
	} {
		e, err := elfx.Parse(broken(func(b []byte, _ func(int) []byte) {
			put64(b[ePhoff:], c.off)
			put16(b[ePhentsize:], c.size)
			put16(b[ePhnum:], c.number)
		}))
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Progs()
		check(t, err, c.want)
		_, err = e.SegmentData(&elfx.Prog{Off: 1 << 63, Filesz: 1 << 63})
		check(t, err, "past the end")
	}
}

// FuzzParse reads everything of arbitrary bytes: a result or an error, and
// nothing outside the input.
func FuzzParse(f *testing.F) {
	for _, s := range shapes {
		f.Add(s.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := elfx.Parse(data)
		if (e == nil) == (err == nil) {
			t.Fatal("result and error", e, err)
		}
		if err != nil {
			return
		}
		for i := range e.Sections {
			s := &e.Sections[i]
			if b, err := e.Data(s); err == nil && s.HasData() && uint64(len(b)) != s.Size {
				t.Fatalf("section %d: %d of %d bytes", i, len(b), s.Size)
			}
			if r, err := e.RelocsOf(s); err == nil {
				for range r.All() {
				}
			}
			if tab, err := e.SymtabOf(s); err == nil {
				for _, sym := range tab.All() {
					tab.Name(&sym)
				}
			}
		}
		if progs, err := e.Progs(); err == nil {
			for i := range progs {
				e.SegmentData(&progs[i])
			}
		}
		if end := e.ContentEnd(); end > int64(len(data)) {
			t.Fatalf("content ends at %d of %d", end, len(data))
		}
	})
}
