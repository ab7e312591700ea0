package edit_test

import (
	"bytes"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/edit"
	"kpkg-btf/internal/elfx/elftest"
)

// TestOtherLayouts: objects whose relocations follow their sections in the
// file, as linkers other than binutils write them, keep their order. Once
// objcopy has laid both out its own way, nothing tells them apart.
func TestOtherLayouts(t *testing.T) {
	for _, m := range machines {
		t.Run(m.name, func(t *testing.T) {
			in := module(m.file, m.rel, m.typ).Bytes()
			out := edited(t, in, remove(".BTF", ".BTF.base"))
			same(t, objcopy(t, out), objcopy(t, objcopy(t, in), "-R", ".BTF", "-R", ".BTF.base"))
			checkOrder(t, in, out)

			out = edited(t, in, func(o *edit.Object) error { return o.Add(".BTF.base_checksum", []byte("stamp")) })
			same(t, objcopy(t, out), objcopy(t, objcopy(t, in), "--add-section", ".BTF.base_checksum="+file(t, []byte("stamp"))))
			checkOrder(t, in, out)
		})
	}
}

// checkOrder demands that what is in both lies in one order in the file, and
// that the sections before the first edit were not moved.
func checkOrder(t *testing.T, before, after []byte) {
	t.Helper()
	a, err := elfx.Parse(before)
	if err != nil {
		t.Fatal(err)
	}
	b, err := elfx.Parse(after)
	if err != nil {
		t.Fatal(err)
	}
	last := uint64(0)
	for i := range a.Sections {
		s := b.Section(a.Sections[i].Name)
		if s == nil {
			continue
		}
		if s.Off < last {
			t.Errorf("section %s moved before others", s.Name)
		}
		last = s.Off
		if s.Index == a.Sections[i].Index && s.Off != a.Sections[i].Off {
			t.Errorf("section %s moved from 0x%x to 0x%x", s.Name, a.Sections[i].Off, s.Off)
		}
	}
}

// TestLLD: sections without content are not aligned.
func TestLLD(t *testing.T) {
	in := module(machines[0].file, false, 1).Bytes()
	f, err := elfx.Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	bss, ids := f.Section(".bss"), f.Section(".BTF_ids")
	in = bytes.Clone(in)
	f.Order().PutUint64(in[f.HeaderOff(bss)+24:], ids.Off+ids.Size)
	// What follows .bss has no alignment and moves to its place.
	gap := bss.Off - ids.Off - ids.Size
	if gap == 0 {
		t.Fatal("the object is no example")
	}
	out := edited(t, shift(t, in, bss.Off, gap), remove(".BTF"))
	g, err := elfx.Parse(out)
	if err != nil || g.Section(".bss").Off != ids.Off+ids.Size || g.Section(".comment").Off != ids.Off+ids.Size {
		t.Errorf("%v: .bss at 0x%x, .comment at 0x%x", err, g.Section(".bss").Off, g.Section(".comment").Off)
	}
}

// shift cuts gap bytes before offset from, and lays everything behind it as
// close as its alignment allows.
func shift(t *testing.T, in []byte, from, gap uint64) []byte {
	t.Helper()
	f, err := elfx.Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	out := bytes.Clone(in[:from-gap])
	table := bytes.Clone(in[f.Shoff:])
	for i := range f.Sections {
		s := &f.Sections[i]
		if s.Off < from || s.Type == elfx.SHTNull || s.Name == ".bss" {
			continue
		}
		for s.Addralign > 1 && uint64(len(out))%s.Addralign != 0 {
			out = append(out, 0)
		}
		f.Order().PutUint64(table[i*64+24:], uint64(len(out)))
		out = append(out, f.RawData(s)...)
	}
	for len(out)%8 != 0 {
		out = append(out, 0)
	}
	f.Order().PutUint64(out[40:], uint64(len(out)))
	return append(out, table...)
}

// TestGroups: members are numbered anew and those that go leave the group.
func TestGroups(t *testing.T) {
	for _, m := range machines {
		t.Run(m.name, func(t *testing.T) {
			in := objcopy(t, grouped(m.file, m.rel, m.typ).Bytes())
			for _, names := range [][]string{{}, {".BTF"}, {".text.two"}, {".first"}} {
				var args []string
				for _, n := range names {
					args = append(args, "-R", n)
				}
				same(t, edited(t, in, remove(names...)), objcopy(t, in, args...))
			}
		})
	}
}

// grouped has a group of two sections, one with relocations.
func grouped(f elftest.File, rel bool, typ uint32) elftest.File {
	order := elfx.Layout{BigEndian: f.BigEndian}.Order()
	var members []byte
	for _, n := range []uint32{1, 3, 4, 5} { // GRP_COMDAT; indexes as below
		members = append(members, 0, 0, 0, 0)
		order.PutUint32(members[len(members)-4:], n)
	}
	const code = elfx.SHFAlloc | elfx.SHFExecinstr
	f.Sections = []elftest.Section{
		{Name: ".group", Type: elfx.SHTGroup, Data: members, Align: 4, Entsize: 4, Link: 7, Info: 2},
		{Name: ".first", Flags: elfx.SHFAlloc, Data: []byte("first")},
		{Name: ".text.one", Flags: code | elfx.SHFGroup, Data: make([]byte, 32), Align: 8, Rel: rel, Relocs: []elftest.Reloc{{Off: 8, Type: typ, Sym: 2}}},
		{Name: ".text.two", Flags: code | elfx.SHFGroup, Data: make([]byte, 16), Align: 8},
		{Name: ".BTF", Data: []byte("types")},
	}
	f.Symbols = []elftest.Symbol{
		{Section: ".text.one", Info: elftest.Local(elfx.STTSection)},
		{Name: "thunk", Section: ".text.one", Info: elftest.Weak(elfx.STTFunc)},
		{Name: "_printk", Info: elftest.Global(elfx.STTNotype)},
	}
	return f
}

// TestManySections crosses the number of sections beyond which binutils write
// .symtab_shndx, downwards and upwards.
func TestManySections(t *testing.T) {
	if testing.Short() {
		t.Skip("65 000 sections take objcopy seconds each time; the full run has them")
	}
	const limit = 0xfefe
	// .symtab becomes section n+4: .text, .data and .bss are before.
	const n = limit - 2
	var s strings.Builder
	s.WriteString(".text\nf: nop\n")
	for i := range n {
		fmt.Fprintf(&s, ".section .s%d,\"a\"\n", i)
		if i%1000 == 0 || i > n-20 {
			fmt.Fprintf(&s, "v%d: .long 1\n", i)
		}
	}
	obj := filepath.Join(t.TempDir(), "o")
	cmd := exec.Command("as", "-o", obj, "-")
	cmd.Stdin = strings.NewReader(s.String())
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("as: %v: %s", err, msg)
	}
	in := objcopyFile(t, obj)
	had := has(t, in, ".symtab_shndx")
	crossed := false
	var small []byte
	for drop := range 5 {
		var names, args []string
		for i := range drop {
			names, args = append(names, fmt.Sprintf(".s%d", i+1)), append(args, "-R", fmt.Sprintf(".s%d", i+1))
		}
		want := objcopy(t, in, args...)
		same(t, edited(t, in, remove(names...)), want)
		crossed = crossed || has(t, want, ".symtab_shndx") != had
		small = want
	}
	if !had || !crossed {
		t.Errorf("the limit was not crossed: %v, %v", had, crossed)
	}
	for range 5 {
		want := objcopy(t, small, "--add-section", ".more="+file(t, []byte("m")), "--rename-section", ".s0=.s0")
		same(t, edited(t, small, func(o *edit.Object) error { return o.Add(".more", []byte("m")) }), want)
		if has(t, want, ".symtab_shndx") {
			return
		}
		small = objcopy(t, want, "--rename-section", ".more=.more."+fmt.Sprint(len(want)))
	}
	t.Error("the limit was not crossed upwards")
}

func has(t *testing.T, data []byte, name string) bool {
	t.Helper()
	f, err := elfx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return f.Section(name) != nil
}
