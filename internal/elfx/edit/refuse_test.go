package edit_test

import (
	"bytes"
	"strings"
	"testing"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/edit"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/where"
)

// broken changes a 64-bit little-endian object; at gives the header of the
// first section of a name.
func broken(t *testing.T, change func(b []byte, at func(name string) []byte)) []byte {
	t.Helper()
	in := module(machines[0].file, false, 1).Bytes()
	f, err := elfx.Parse(in)
	if err != nil {
		t.Fatal(err)
	}
	change(in, func(name string) []byte { return in[f.HeaderOff(f.Section(name)):] })
	return in
}

func put(b []byte, v uint64, n int) {
	for i := range n {
		b[i] = byte(v >> (8 * i))
	}
}

// TestOpenRefuses: what is not understood to the last byte is not rewritten.
func TestOpenRefuses(t *testing.T) {
	const (
		shInfo, shOff, shSize, shEntsize = 44, 24, 32, 56
	)
	for name, c := range map[string]struct {
		in   []byte
		kind where.Kind
		want string
	}{
		"no ELF":       {[]byte("#!/bin/sh"), where.Malformed, "not an ELF file"},
		"executable":   {elftest.File{Type: 2, Sections: []elftest.Section{{Name: ".text"}}}.Bytes(), where.Unsupported, "ELF type 2"},
		"signature":    {append(broken(t, func([]byte, func(string) []byte) {}), "~Module signature appended~\n"...), where.Unsupported, "28 bytes behind"},
		"no sections":  {broken(t, func(b []byte, _ func(string) []byte) { clear(b[40:48]); clear(b[60:64]) }), where.Unsupported, "without section names"},
		"gap":          {broken(t, func(b []byte, at func(string) []byte) { b[0x55] = 7 }), where.Unsupported, "a byte of 0x07 between sections"},
		"counts":       {elftest.File{ManySections: true, Sections: []elftest.Section{{Name: ".text"}}}.Bytes(), where.Unsupported, "ELF header"},
		"null section": {broken(t, func(b []byte, at func(string) []byte) { f, _ := elfx.Parse(b); b[f.Shoff+8] = 1 }), where.Unsupported, "section headers"},
		"moved":        {broken(t, func(b []byte, at func(string) []byte) { put(at(".BTF")[shOff:], 0x41, 8) }), where.Unsupported, "layout cannot be kept"},
		"overlap": {broken(t, func(b []byte, at func(string) []byte) {
			put(at(".BTF")[shOff:], 0, 8)
			put(at(".BTF")[shSize:], 1500, 8)
		}), where.Malformed, "overlap"},
		"reloc target": {broken(t, func(b []byte, at func(string) []byte) { put(at(".rela.text")[shInfo:], 99, 4) }), where.Malformed, "about section 99"},
		"symbol table": {broken(t, func(b []byte, at func(string) []byte) { put(at(".symtab")[shEntsize:], 25, 8) }), where.Malformed, "entries of 25"},
		"symbol": {broken(t, func(b []byte, at func(string) []byte) {
			f, _ := elfx.Parse(b)
			put(b[f.Section(".symtab").Off+24+6:], 99, 2)
		}), where.Malformed, "symbol 1 lies in section 99"},
		"two of symtab": {elftest.File{Sections: []elftest.Section{{Name: "x", Type: elfx.SHTSymtab, Entsize: 24, Link: 3}, {Name: "y", Type: elfx.SHTSymtab, Entsize: 24, Link: 3}, {Name: "z", Type: elfx.SHTStrtab}}}.Bytes(), where.Unsupported, "two symbol tables"},
		"two of shndx":  {elftest.File{Sections: []elftest.Section{{Name: "x", Type: elfx.SHTSymtabShndx}, {Name: "y", Type: elfx.SHTSymtabShndx}}}.Bytes(), where.Unsupported, "two tables"},
		"shndx alone":   {elftest.File{Sections: []elftest.Section{{Name: "x", Type: elfx.SHTSymtabShndx}}}.Bytes(), where.Malformed, "without symbols"},
	} {
		o, err := edit.Open(c.in)
		if o != nil || where.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %s %q", name, err, c.kind, c.want)
		}
	}
}

// TestEditRefuses: edits that would leave something without what it needs.
func TestEditRefuses(t *testing.T) {
	in := objcopy(t, module(machines[0].file, false, 1).Bytes())
	group := objcopy(t, grouped(machines[0].file, false, 1).Bytes())
	for name, c := range map[string]struct {
		in   []byte
		do   func(*edit.Object) error
		want string
	}{
		"needed symbol":  {in, remove(".data"), "section .rela.text needs symbol"},
		"strings":        {in, remove(".strtab"), "part of the object itself"},
		"names":          {in, remove(".shstrtab"), "part of the object itself"},
		"symbols":        {in, remove(".symtab"), "part of the object itself"},
		"group":          {group, remove(".group"), "part of the object itself"},
		"no such":        {in, func(o *edit.Object) error { return o.Replace(".none", nil) }, "no section .none"},
		"nobits":         {in, func(o *edit.Object) error { return o.Replace(".bss", nil) }, "cannot be replaced"},
		"symbol content": {in, func(o *edit.Object) error { return o.Replace(".symtab", nil) }, "cannot be replaced"},
		"twice":          {in, func(o *edit.Object) error { return o.Add(".BTF", nil) }, "there already"},
	} {
		o, err := edit.Open(c.in)
		if err != nil {
			t.Fatal(name, err)
		}
		var out []byte
		if err = c.do(o); err == nil {
			out, err = o.Bytes()
		}
		if err == nil || out != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

// TestLinked: a section that is linked to one that goes.
func TestLinked(t *testing.T) {
	in := elftest.File{Sections: []elftest.Section{
		{Name: ".BTF", Data: []byte("types")},
		{Name: "__patchable_function_entries", Flags: 0x80 | elfx.SHFAlloc, Link: 1, Data: make([]byte, 8), Align: 8},
	}}.Bytes()
	o, err := edit.Open(in)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := o.Remove(".BTF"); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if _, err := o.Bytes(); err == nil || !strings.Contains(err.Error(), "refers to section .BTF") {
		t.Errorf("%v", err)
	}
}

// FuzzEdit removes, replaces and adds sections of arbitrary objects. What comes
// out can be opened again, holds what was asked for and everything else.
func FuzzEdit(f *testing.F) {
	for _, m := range machines {
		f.Add(module(m.file, m.rel, m.typ).Bytes())
		f.Add(grouped(m.file, m.rel, m.typ).Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		o, err := edit.Open(data)
		if err != nil {
			return
		}
		unedited, err := o.Bytes()
		if err != nil {
			return // a group or relocation that leads nowhere
		}
		if !bytes.Equal(unedited, data) {
			t.Fatal("not identical without an edit")
		}
		if o, err = edit.Open(data); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Remove(".BTF", ".BTF.base"); err != nil {
			return
		}
		if err := o.Add(".BTF", []byte("new types")); err != nil {
			t.Fatal(err)
		}
		replaced := o.Replace(".BTF_ids", []byte("ids")) == nil
		out, err := o.Bytes()
		if !bytes.Equal(before, data) {
			t.Fatal("the input was modified")
		}
		if err != nil {
			return
		}
		checkEdited(t, data, out, replaced)
	})
}

func checkEdited(t *testing.T, before, after []byte, replaced bool) {
	t.Helper()
	if _, err := edit.Open(after); err != nil {
		t.Fatalf("what was written is not understood: %v", err)
	}
	a, _ := elfx.Parse(before)
	b, err := elfx.Parse(after)
	if err != nil {
		t.Fatal(err)
	}
	if s := b.Section(".BTF"); s == nil || string(b.RawData(s)) != "new types" {
		t.Fatal(".BTF is not what was added")
	}
	if s := b.Section(".BTF_ids"); replaced && string(b.RawData(s)) != "ids" {
		t.Fatal(".BTF_ids is not what was written")
	}
	for i := range a.Sections {
		s := &a.Sections[i]
		switch s.Type {
		case elfx.SHTProgbits, elfx.SHTNote:
		default:
			continue // tables, whose numbers change
		}
		if i == 0 || s.Name == ".BTF" || s.Name == ".BTF.base" || s.Name == ".BTF_ids" {
			continue
		}
		if n := b.Section(s.Name); n == nil || !bytes.Equal(b.RawData(n), a.RawData(a.Section(s.Name))) {
			t.Fatalf("section %s was lost or changed", s.Name)
		}
	}
}
