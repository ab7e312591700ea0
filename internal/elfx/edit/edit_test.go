package edit_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/edit"
	"kpkg-btf/internal/elfx/elftest"
)

// machines are one of each class and byte order, REL and RELA, and MIPS64 with
// its own relocations.
var machines = []struct {
	name string
	file elftest.File
	rel  bool
	typ  uint32
}{
	{"x86_64", elftest.File{Machine: 62}, false, 1},
	{"aarch64", elftest.File{Machine: 183}, false, 257},
	{"s390x", elftest.File{Machine: 22, BigEndian: true}, false, 22},
	{"ppc64le", elftest.File{Machine: 21}, false, 38},
	{"riscv64", elftest.File{Machine: 243}, false, 2},
	{"i386", elftest.File{Machine: 3, Is32: true}, true, 1},
	{"arm", elftest.File{Machine: 40, Is32: true}, true, 2},
	{"ppc", elftest.File{Machine: 20, Is32: true, BigEndian: true}, false, 1},
	{"mips32be", elftest.File{Machine: 8, Is32: true, BigEndian: true}, true, 2},
	{"mips64el", elftest.File{Machine: 8}, false, 18},
}

// module is an object with what a module has, .BTF in the midst of it.
func module(f elftest.File, rel bool, typ uint32) elftest.File {
	f.Sections = []elftest.Section{
		{Name: ".note.gnu.build-id", Type: elfx.SHTNote, Flags: elfx.SHFAlloc, Data: note(f.BigEndian), Align: 4},
		{Name: ".text", Flags: elfx.SHFAlloc | elfx.SHFExecinstr, Data: make([]byte, 64), Align: 16, Rel: rel,
			Relocs: []elftest.Reloc{{Off: 8, Type: typ, Sym: 1}, {Off: 16, Type: typ, Sym: 3}}},
		{Name: ".init.text", Flags: elfx.SHFAlloc | elfx.SHFExecinstr, Data: make([]byte, 24), Align: 8, Rel: rel,
			Relocs: []elftest.Reloc{{Off: 8, Type: typ, Sym: 5}}},
		{Name: ".data", Flags: elfx.SHFAlloc | elfx.SHFWrite, Data: []byte("data of a module"), Align: 8},
		{Name: ".BTF_ids", Flags: elfx.SHFAlloc, Data: make([]byte, 12), Align: 4},
		{Name: ".bss", Type: elfx.SHTNobits, Flags: elfx.SHFAlloc | elfx.SHFWrite, Size: 100, Align: 64},
		{Name: ".comment", Flags: 0x30, Data: []byte("\x00GCC: (Debian) 12.2.0\x00"), Entsize: 1},
		{Name: ".BTF", Data: []byte("types of the module!!")},
		{Name: ".BTF.base", Data: []byte("types of the base")},
		{Name: ".after", Data: []byte("behind"), Align: 32},
		{Name: ".debug_info", Data: make([]byte, 32), Rel: rel, Relocs: []elftest.Reloc{{Off: 8, Type: typ, Sym: 2}}},
	}
	f.Symbols = []elftest.Symbol{
		{Section: ".text", Info: elftest.Local(elfx.STTSection)},
		{Section: ".data", Info: elftest.Local(elfx.STTSection)},
		{Section: ".after", Info: elftest.Local(elfx.STTSection)},
		{Name: "helper", Section: ".text", Value: 4, Size: 4, Info: elftest.Local(elfx.STTFunc)},
		{Name: "__BTF_ID__struct__nf_conn__1", Section: ".BTF_ids", Size: 4, Info: elftest.Local(elfx.STTObject)},
		{Name: "init_module", Section: ".init.text", Size: 4, Info: elftest.Global(elfx.STTFunc)},
		{Name: "module", Section: ".text", Size: 4, Info: elftest.Global(elfx.STTFunc)},
		{Name: "after_me", Section: ".after", Size: 4, Info: elftest.Global(elfx.STTObject)},
		{Name: "_printk", Info: elftest.Global(elfx.STTNotype)},
		{Name: "__crc_module", Section: "ABS", Value: 0xdead, Info: elftest.Global(elfx.STTNotype)},
	}
	return f
}

func note(big bool) []byte {
	n := []byte{4, 0, 0, 0, 4, 0, 0, 0, 3, 0, 0, 0}
	if big {
		n = []byte{0, 0, 0, 4, 0, 0, 0, 4, 0, 0, 0, 3}
	}
	return append(n, "GNU\x00abcd"...)
}

// objcopy runs the installed one (binutils-multiarch knows all machines).
func objcopy(t *testing.T, data []byte, args ...string) []byte {
	t.Helper()
	out, err := tryObjcopy(t, data, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryObjcopy(t *testing.T, data []byte, args ...string) ([]byte, error) {
	t.Helper()
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	if err := os.WriteFile(in, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if msg, err := exec.Command("objcopy", append(slices.Clone(args), in, out)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("objcopy %v: %v: %s", args, err, msg)
	} else if len(msg) > 0 {
		t.Logf("objcopy %v: %s", args, msg)
	}
	b, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	return b, nil
}

// file writes content that objcopy reads.
func file(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "content")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// edited applies do to data.
func edited(t *testing.T, data []byte, do func(*edit.Object) error) []byte {
	t.Helper()
	before := bytes.Clone(data)
	o, err := edit.Open(data)
	if err == nil {
		err = do(o)
	}
	if err != nil {
		t.Fatal(err)
	}
	out, err := o.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, data) {
		t.Fatal("the input was modified")
	}
	return out
}

func remove(names ...string) func(*edit.Object) error {
	return func(o *edit.Object) error {
		_, err := o.Remove(names...)
		return err
	}
}

// same compares with what objcopy wrote.
func same(t *testing.T, got, want []byte) {
	t.Helper()
	if bytes.Equal(got, want) {
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	t.Errorf("%d bytes, objcopy writes %d; first difference at 0x%x\n%s\nobjcopy:\n%s", len(got), len(want), at, readelf(t, got), readelf(t, want))
}

func readelf(t *testing.T, data []byte) string {
	t.Helper()
	out, _ := exec.Command("readelf", "-hSsWg", "-p.shstrtab", file(t, data)).CombinedOutput()
	return string(out)
}

// TestAsObjcopy makes every edit with objcopy too, on objects of every class,
// byte order and form of relocations that objcopy wrote first.
func TestAsObjcopy(t *testing.T) {
	for _, m := range machines {
		t.Run(m.name, func(t *testing.T) {
			in := objcopy(t, module(m.file, m.rel, m.typ).Bytes())
			for _, names := range [][]string{{}, {".BTF"}, {".BTF", ".BTF.base"}, {".BTF.base"}, {".debug_info"}, {".after", ".debug_info"}, {".note.gnu.build-id"}, {".comment", ".BTF", ".nothing"}} {
				var args []string
				for _, n := range names {
					args = append(args, "-R", n)
				}
				same(t, edited(t, in, remove(names...)), objcopy(t, in, args...))
			}
			content := []byte("stamp of the base")
			longer := []byte(strings.Repeat("longer than it was", 40))
			same(t, edited(t, in, func(o *edit.Object) error { return o.Add(".BTF.base_checksum", content) }),
				objcopy(t, in, "--add-section", ".BTF.base_checksum="+file(t, content)))
			same(t, edited(t, in, func(o *edit.Object) error { return o.Replace(".BTF", longer) }),
				objcopy(t, in, "--update-section", ".BTF="+file(t, longer)))
			same(t, edited(t, in, func(o *edit.Object) error {
				if _, err := o.Remove(".BTF.base"); err != nil {
					return err
				}
				if err := o.Replace(".BTF", content); err != nil {
					return err
				}
				return o.Add(".BTF.base", longer)
			}), objcopy(t, objcopy(t, in, "-R", ".BTF.base"), "--update-section", ".BTF="+file(t, content), "--add-section", ".BTF.base="+file(t, longer)))
		})
	}
}

// objcopyFile is objcopy of a file.
func objcopyFile(t *testing.T, path string, args ...string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return objcopy(t, data, args...)
}
