package kmod_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"kpkg-btf/internal/btf/symbols"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/kmod"
)

const (
	relocAbs64 = 1 // R_X86_64_64
	relocAbs32 = 2 // R_ARM_ABS32
)

// codeModule is a module with three functions, an object of 24 bytes that holds
// two of them, one by its symbol and one by the section's, another object
// without any, and a per-CPU variable.
func codeModule(is32 bool) elftest.File {
	word, typ, machine := uint64(8), uint32(relocAbs64), uint16(62)
	if is32 {
		word, typ, machine = 4, relocAbs32, 40
	}
	data := make([]byte, 64)
	if is32 {
		data[8+2*4] = 0x10 // the addend of a REL relocation is in the content
	}
	return elftest.File{
		Is32: is32, Machine: machine, Type: elfx.TypeRel,
		Sections: []elftest.Section{
			{Name: ".text", Flags: elfx.SHFAlloc | elfx.SHFExecinstr, Data: make([]byte, 64), Align: 16},
			{Name: ".data", Flags: elfx.SHFAlloc | elfx.SHFWrite, Data: data, Align: 8, Rel: is32,
				Relocs: []elftest.Reloc{
					{Off: 8, Type: typ, Sym: 4},
					{Off: 8 + 2*word, Type: typ, Sym: 0, Addend: addend(!is32, 0x10)},
					{Off: 60, Type: typ, Sym: 4}, // in no object
				}},
			{Name: ".data..percpu", Flags: elfx.SHFAlloc | elfx.SHFWrite, Data: make([]byte, 32), Align: 8},
			{Name: ".modinfo", Flags: elfx.SHFAlloc, Data: []byte("name=m\x00vermagic=6.1 \x00")},
			{Name: ".gnu.linkonce.this_module", Flags: elfx.SHFAlloc | elfx.SHFWrite, Data: make([]byte, 128)},
			{Name: ".BTF", Data: []byte("\x9f\xeb\x01\x00 types")},
		},
		Symbols: []elftest.Symbol{
			{Section: ".text", Info: elftest.Local(elfx.STTSection)},
			{Name: "quiet.isra.0", Section: ".text", Value: 0x10, Size: 16, Info: elftest.Local(elfx.STTFunc)},
			{Name: "ops", Section: ".data", Value: 8, Size: 24, Info: elftest.Local(elfx.STTObject)},
			{Name: "count", Section: ".data..percpu", Value: 16, Size: 4, Info: elftest.Local(elfx.STTObject)},
			{Name: "open_it", Section: ".text", Value: 0x20, Size: 16, Info: elftest.Global(elfx.STTFunc)},
			{Name: "init_module", Section: ".text", Value: 0x20, Size: 16, Info: elftest.Global(elfx.STTFunc)},
			{Name: "far", Info: elftest.Global(elfx.STTNotype)},
		},
	}
}

func addend(inEntry bool, n int64) int64 {
	if inEntry {
		return n
	}
	return 0
}

func TestCode(t *testing.T) {
	h := func(name string) uint32 { return symbols.Hash(name) }
	for _, is32 := range []bool{false, true} {
		f := mustParse(t, codeModule(is32).Bytes())
		word := uint32(8)
		if is32 {
			word = 4
		}
		funcs := []uint32{h("quiet.isra.0"), h("quiet"), h("open_it"), h("init_module")}
		slices.Sort(funcs)
		if !f.Code.Whole || !slices.Equal(f.Code.Funcs, funcs) {
			t.Errorf("32-bit %v: whole %v, functions %x, want %x", is32, f.Code.Whole, f.Code.Funcs, funcs)
		}
		byName := func(list []symbols.Stored) []symbols.Stored {
			slices.SortFunc(list, func(a, b symbols.Stored) int {
				if a.Off != b.Off {
					return int(a.Off) - int(b.Off)
				}
				return int(int64(a.Func) - int64(b.Func))
			})
			return list
		}
		want := byName([]symbols.Stored{{Func: h("open_it"), Size: 24}, {Func: h("init_module"), Size: 24},
			{Func: h("quiet.isra.0"), Size: 24, Off: 2 * word}, {Func: h("quiet"), Size: 24, Off: 2 * word}})
		if got := byName(f.Code.Stored); !slices.Equal(got, want) {
			t.Errorf("32-bit %v: stored %+v, want %+v", is32, got, want)
		}
		if want := []symbols.Variable{{Name: h("count"), Off: 16, Size: 4}}; !slices.Equal(f.Code.PerCPU, want) {
			t.Errorf("per-CPU %+v, want %+v", f.Code.PerCPU, want)
		}
		if !f.Code.HasFunc(h("open_it")) || f.Code.HasFunc(h("close_it")) {
			t.Error("HasFunc")
		}
	}
}

// What strip takes away must not be missed: after --strip-debug the table
// still names everything, after --strip-unneeded only what is referred to.
func TestCodeOfStripped(t *testing.T) {
	for _, c := range []struct {
		option string
		whole  bool
	}{{"--strip-debug", true}, {"--strip-unneeded", false}} {
		path := filepath.Join(t.TempDir(), "m.ko")
		if err := os.WriteFile(path, codeModule(false).Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command("strip", c.option, path).CombinedOutput(); err != nil {
			t.Fatalf("strip (make deps installs binutils): %v\n%s", err, out)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if f := mustParse(t, data); f.Code.Whole != c.whole {
			t.Errorf("%s: whole %v", c.option, f.Code.Whole)
		}
	}
}

// Without BTF there is nothing to compare, and repairing does not ask.
func TestCodeNotAsked(t *testing.T) {
	m := codeModule(false)
	m.Sections = m.Sections[:len(m.Sections)-1]
	if f := mustParse(t, m.Bytes()); f.Code.Funcs != nil || f.Code.Stored != nil {
		t.Errorf("without BTF: %+v", f.Code)
	}
	f, err := kmod.Parse(codeModule(false).Bytes(), kmod.Options{BTFOnly: true})
	if err != nil || f.Code.Funcs != nil {
		t.Errorf("BTFOnly: %+v, %v", f.Code, err)
	}
}
