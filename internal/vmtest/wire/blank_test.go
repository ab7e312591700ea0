package wire

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"testing"
)

// sections reads a module with debug/elf, by name; no name but that of what
// was there before may repeat.
func sections(t *testing.T, ko []byte) map[string][]byte {
	t.Helper()
	f, err := elf.NewFile(bytes.NewReader(ko))
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string][]byte)
	for _, s := range f.Sections[1:] {
		if s.Name == ".gone" {
			continue
		}
		data, err := s.Data()
		if err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
		if out[s.Name] != nil {
			t.Fatalf("two sections %s", s.Name)
		}
		out[s.Name] = append([]byte{}, data...)
	}
	return out
}

func module(extra ...Sect) []byte {
	return Assemble(append([]Sect{
		{Name: ".text", Type: Progbits, Flags: Alloc, Data: []byte{0xc3}, Align: 16},
		{Name: ".modinfo", Type: Progbits, Flags: Alloc, Data: []byte("name=m\x00"), Align: 1},
	}, extra...), "run")
}

func sign(ko []byte) []byte {
	sig := []byte("signature")
	out := append(bytes.Clone(ko), sig...)
	out = append(out, make([]byte, 8)...)
	out = binary.BigEndian.AppendUint32(out, uint32(len(sig)))
	return append(out, sigMagic...)
}

func TestFill(t *testing.T) {
	old := Sect{Name: ".BTF", Type: Progbits, Data: []byte("old"), Align: 1}
	oldBase := Sect{Name: ".BTF.base", Type: Progbits, Data: []byte("old base"), Align: 1}
	for name, ko := range map[string][]byte{
		"plain": module(), "with BTF": module(old), "distilled": module(old, oldBase), "signed": sign(module(old)),
	} {
		blank, err := NewBlank(ko)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var dst []byte // reused, as the guest does
		for _, c := range []struct{ btf, base []byte }{
			{nil, nil},
			{[]byte("split"), nil},
			{[]byte{}, nil},
			{[]byte("split"), []byte("base")},
			{[]byte("split"), []byte{}},
			{nil, []byte("base")},
		} {
			dst = blank.Fill(dst, c.btf, c.base)
			got := sections(t, dst)
			if !same(got[".BTF"], c.btf) || !same(got[".BTF.base"], c.base) {
				t.Errorf("%s: %q and %q give %q and %q", name, c.btf, c.base, got[".BTF"], got[".BTF.base"])
			}
			if string(got[".text"]) != "\xc3" || string(got[".modinfo"]) != "name=m\x00" {
				t.Errorf("%s: other sections changed: %q", name, got)
			}
			own, err := Section(dst, ".BTF")
			if err != nil || !same(own, c.btf) {
				t.Errorf("%s: Section gives %q, %v, want %q", name, own, err, c.btf)
			}
		}
	}
}

// same tells nil from empty: no section from an empty one.
func same(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }

func TestUnsigned(t *testing.T) {
	ko := module()
	if got := Unsigned(sign(ko)); !bytes.Equal(got, ko) {
		t.Errorf("%d bytes left of %d", len(got), len(ko))
	}
	bad := append(binary.BigEndian.AppendUint32(make([]byte, 8), 1<<31), sigMagic...)
	for _, b := range [][]byte{nil, ko, []byte(sigMagic), bad} {
		if got := Unsigned(b); !bytes.Equal(got, b) {
			t.Errorf("%q became %q", b, got)
		}
	}
}

func TestNewBlankRefuses(t *testing.T) {
	le := binary.LittleEndian
	good := module()
	edit := func(off int, v uint16) []byte {
		ko := bytes.Clone(good)
		le.PutUint16(ko[off:], v)
		return ko
	}
	table := int(le.Uint64(good[ehShoff:]))
	last := table + int(le.Uint16(good[ehShstrndx:]))*shdrSize // the header of .shstrtab
	for name, ko := range map[string][]byte{
		"nothing":               nil,
		"32 bit":                edit(4, 1<<8|1),
		"no sections":           edit(ehShnum, 0),
		"more sections":         edit(ehShnum, 0xfeff),
		"names beyond":          edit(ehShstrndx, 99),
		"table beyond":          edit(ehShoff, 0xffff),
		"entries of 40 bytes":   edit(ehShentsz, 40),
		"name out of bounds":    edit(table+shdrSize+shName, 0xfff),
		"names without an end":  edit(last+shLen, uint16(le.Uint64(good[last+shLen:])-1)),
		"names out of the file": edit(last+shLen, 0xffff),
	} {
		if _, err := NewBlank(ko); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzBlank(f *testing.F) {
	f.Add(module())
	f.Add(sign(module(Sect{Name: ".BTF", Type: Progbits, Data: []byte("x")})))
	f.Fuzz(func(t *testing.T, ko []byte) {
		blank, err := NewBlank(ko)
		if err != nil {
			return
		}
		out := blank.Fill(nil, []byte("split"), []byte("base"))
		for name, want := range map[string]string{".BTF": "split", ".BTF.base": "base"} {
			if got, err := Section(out, name); err != nil || string(got) != want {
				t.Errorf("%s is %q (%v), want %q", name, got, err, want)
			}
		}
	})
}
