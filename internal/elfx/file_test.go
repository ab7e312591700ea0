package elfx_test

import (
	"bytes"
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/model"
)

// shapes are the four layouts of a small object with symbols and relocations.
var shapes = map[string]elftest.File{
	"64le": object(elftest.File{}),
	"64be": object(elftest.File{BigEndian: true, Machine: 22}),
	"32le": object(elftest.File{Is32: true, Machine: 40}),
	"32be": object(elftest.File{Is32: true, BigEndian: true, Machine: 20}),
	"many": object(elftest.File{ManySections: true}),
}

func object(f elftest.File) elftest.File {
	f.Sections = []elftest.Section{
		{Name: ".text", Flags: elfx.SHFAlloc | elfx.SHFExecinstr, Data: []byte("some code here"), Align: 16,
			Relocs: []elftest.Reloc{{Off: 4, Type: 2, Sym: 2, Addend: -4}, {Off: 8, Type: 1, Sym: 0, Addend: 7}}},
		{Name: ".data", Flags: elfx.SHFAlloc | elfx.SHFWrite, Data: []byte{1, 2, 3, 4, 5, 6, 7, 8}, Align: 8,
			Relocs: []elftest.Reloc{{Off: 0, Type: 1, Sym: 1}}, Rel: true},
		{Name: ".bss", Type: elfx.SHTNobits, Flags: elfx.SHFAlloc | elfx.SHFWrite, Size: 1 << 30, Align: 32},
		{Name: ".empty"},
	}
	f.Symbols = []elftest.Symbol{
		{Section: ".data", Info: elftest.Local(elfx.STTSection)},
		{Name: "here", Section: ".text", Value: 4, Size: 3, Info: elftest.Global(elfx.STTFunc)},
		{Name: "elsewhere", Info: elftest.Global(elfx.STTNotype)},
		{Name: "maybe", Info: elftest.Weak(elfx.STTNotype)},
		{Name: "__crc_x", Section: "ABS", Value: 0xdead, Info: elftest.Global(elfx.STTNotype)},
	}
	return f
}

func TestAgainstDebugELF(t *testing.T) {
	for name, f := range shapes {
		if !f.ManySections { // debug/elf wants that only where it is needed
			t.Run(name, func(t *testing.T) { compare(t, f.Bytes()) })
		}
	}
	t.Run("this program", func(t *testing.T) {
		path, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		compare(t, data)
	})
}

// compare checks every section and symbol against debug/elf.
func compare(t *testing.T, data []byte) {
	t.Helper()
	want, err := elf.NewFile(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	got, err := elfx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	if got.Machine != uint16(want.Machine) || got.Type != uint16(want.Type) || got.Entry != want.Entry ||
		got.BigEndian != (want.Data == elf.ELFDATA2MSB) || got.Is64 != (want.Class == elf.ELFCLASS64) {
		t.Errorf("header: got %+v, want %+v", got.Layout, want.FileHeader)
	}
	if len(got.Sections) != len(want.Sections) {
		t.Fatalf("%d sections, want %d", len(got.Sections), len(want.Sections))
	}
	for i, w := range want.Sections {
		if i == 0 {
			continue // debug/elf resolves the extended counts in it
		}
		g := &got.Sections[i]
		if g.Name != w.Name || g.Type != uint32(w.Type) || g.Flags != uint64(w.Flags) || g.Addr != w.Addr || g.Off != w.Offset ||
			g.Size != w.FileSize || g.Link != w.Link || g.Info != w.Info || g.Addralign != w.Addralign || g.Entsize != w.Entsize {
			t.Errorf("section %d: got %+v, want %+v", i, g, w.SectionHeader)
		}
		if w.Type == elf.SHT_NOBITS || g.Compressed() {
			continue
		}
		wd, err := w.Data()
		gd, gerr := got.Data(g)
		if err != nil || gerr != nil || !bytes.Equal(wd, gd) {
			t.Errorf("section %s: %d bytes, %v; want %d, %v", g.Name, len(gd), gerr, len(wd), err)
		}
	}
	compareSymbols(t, got, want)
	compareProgs(t, got, want)
}

func compareSymbols(t *testing.T, got *elfx.File, want *elf.File) {
	t.Helper()
	syms, err := want.Symbols()
	if err != nil && err != elf.ErrNoSymbols {
		t.Fatal(err)
	}
	tab, err := got.Symtab()
	if err != nil {
		t.Fatal(err)
	}
	if n := max(0, tab.Len()-1); n != len(syms) {
		t.Fatalf("%d symbols, want %d", n, len(syms))
	}
	for i, g := range tab.All() {
		w := syms[i-1]
		name, err := tab.Name(&g)
		if err != nil || string(name) != w.Name || g.Value != w.Value || g.Size != w.Size ||
			g.Info != w.Info || g.Section != uint32(w.Section) || g.Undefined() != (w.Section == elf.SHN_UNDEF) {
			t.Errorf("symbol %d: got %q %+v %v, want %+v", i, name, g, err, w)
		}
	}
}

func compareProgs(t *testing.T, got *elfx.File, want *elf.File) {
	t.Helper()
	progs, err := got.Progs()
	if err != nil || len(progs) != len(want.Progs) {
		t.Fatalf("%d segments, %v; want %d", len(progs), err, len(want.Progs))
	}
	for i, p := range progs {
		w := want.Progs[i].ProgHeader
		if p != (elfx.Prog{Type: uint32(w.Type), Flags: uint32(w.Flags), Off: w.Off, Vaddr: w.Vaddr, Paddr: w.Paddr,
			Filesz: w.Filesz, Memsz: w.Memsz, Align: w.Align}) {
			t.Errorf("segment %d: got %+v, want %+v", i, p, w)
		}
		if b, err := got.SegmentData(&p); err != nil || uint64(len(b)) != w.Filesz {
			t.Errorf("segment %d: %d bytes, %v", i, len(b), err)
		}
	}
}

func TestAgainstReadelf(t *testing.T) {
	tool, err := exec.LookPath("readelf")
	if err != nil {
		t.Fatal("readelf is missing: make deps installs binutils")
	}
	for name, f := range shapes {
		data := f.Bytes()
		path := t.TempDir() + "/o"
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(tool, "-SW", path).CombinedOutput()
		if err != nil || strings.Contains(string(out), "arning") {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		e, err := elfx.Parse(data)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range e.Sections[1:] {
			want := fmt.Sprintf("%06x %06x", s.Off, s.Size)
			line := lineWith(string(out), fmt.Sprintf("[%2d] %s ", s.Index, s.Name))
			if !strings.Contains(line, want) {
				t.Errorf("%s: %s: want %s in %q", name, s.Name, want, line)
			}
		}
	}
}

func lineWith(text, part string) string {
	for line := range strings.Lines(text) {
		if strings.Contains(line, part) {
			return line
		}
	}
	return ""
}

func TestArch(t *testing.T) {
	for name, want := range map[string]model.Arch{"64le": model.X8664, "64be": model.S390X, "32le": model.ARM, "32be": model.PPC} {
		e, err := elfx.Parse(shapes[name].Bytes())
		if err != nil || e.Arch() != want {
			t.Errorf("%s: got %v %v, want %s", name, e, err, want)
		}
	}
}

func TestRelocs(t *testing.T) {
	for name, f := range shapes {
		e, err := elfx.Parse(f.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.RelocsFor(e.Section(".text"))
		if err != nil || r.Len() != 2 || !r.HasAddends() {
			t.Fatalf("%s: %d relocations, %v", name, r.Len(), err)
		}
		if got, want := r.At(0), (elfx.Reloc{Off: 4, Sym: 3, Type: 2, Addend: -4}); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		r, err = e.RelocsFor(e.Section(".data"))
		if err != nil || r.Len() != 1 || r.HasAddends() {
			t.Fatalf("%s: .data: %d relocations, %v", name, r.Len(), err)
		}
		if got, want := r.At(0), (elfx.Reloc{Sym: 2, Type: 1}); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
		if r, err := e.RelocsFor(e.Section(".empty")); err != nil || r.Len() != 0 {
			t.Errorf("%s: .empty has %d relocations, %v", name, r.Len(), err)
		}
	}
}

func TestMIPS64Relocs(t *testing.T) {
	for _, big := range []bool{false, true} {
		e, err := elfx.Parse(object(elftest.File{Machine: 8, BigEndian: big}).Bytes())
		if err != nil {
			t.Fatal(err)
		}
		r, err := e.RelocsFor(e.Section(".text"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := r.At(0), (elfx.Reloc{Off: 4, Sym: 3, Type: 2, Addend: -4}); got != want {
			t.Errorf("big endian %v: got %+v, want %+v", big, got, want)
		}
	}
}

func TestContentEnd(t *testing.T) {
	data := shapes["64le"].Bytes()
	e, err := elfx.Parse(append(bytes.Clone(data), "a signature"...))
	if err != nil || e.ContentEnd() != int64(len(data)) {
		t.Errorf("got %v, want %d", err, len(data))
	}
}

func TestManySections(t *testing.T) {
	f := elftest.File{ManySections: true, Sections: make([]elftest.Section, 70000)}
	for i := range f.Sections {
		f.Sections[i] = elftest.Section{Name: fmt.Sprintf(".text.f%d", i), Data: []byte{byte(i)}}
	}
	f.Symbols = []elftest.Symbol{{Name: "f", Section: ".text.f0"}}
	data := f.Bytes()
	compare(t, data)
	e, err := elfx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	s := e.Section(".text.f69999")
	if s == nil || s.Index != 70000 {
		t.Fatalf("got %+v", s)
	}
}

func TestResetAllocatesOnce(t *testing.T) {
	data := shapes["64le"].Bytes()
	var e elfx.File
	n := testing.AllocsPerRun(100, func() {
		if err := e.Reset(data); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 { // the name table
		t.Errorf("%v allocations", n)
	}
}
