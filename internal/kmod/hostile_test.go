package kmod_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/kmodtest"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/where"
)

// fine reports whether an outcome of reading damaged input is one of those
// allowed: facts, or one error that blames the input.
func fine(f *kmod.Facts, err error) bool {
	switch where.KindOf(err) {
	case where.Malformed, where.Unsupported, where.Limit:
		return f == nil
	}
	return f != nil && err == nil
}

func TestEveryTruncation(t *testing.T) {
	for _, data := range [][]byte{full().Bytes(), key.Sign(full().Bytes())} {
		unsigned := len(full().Bytes())
		for n := range data {
			f, err := kmod.Parse(data[:n], kmod.Options{})
			// Without the end of its trailer a module is unsigned, as for the kernel.
			if !fine(f, err) || f != nil && n < unsigned {
				t.Fatalf("cut at %d of %d bytes: %v, %v", n, len(data), f, err)
			}
		}
	}
}

// TestSignatureError is row M1 as the user sees it.
func TestSignatureError(t *testing.T) {
	data := append(key.Sign(kmodtest.Module{}.Bytes()), '\n')
	_, err := kmod.Parse(data, kmod.Options{})
	if want := fmt.Sprintf("modsig+0x%x: 1 bytes after the signature trailer", len(data)-1); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestEveryByteChanged(t *testing.T) {
	for _, l := range layouts {
		m := full()
		m.Is32, m.BigEndian, m.Machine = l.is32, l.big, l.machine
		data := key.Sign(m.Bytes())
		for i := range data {
			for _, x := range []byte{0xff, 0x80, 0x01} {
				data[i] ^= x
				if f, err := kmod.Parse(data, kmod.Options{}); !fine(f, err) {
					t.Fatalf("%s: byte 0x%x changed by 0x%x: %v, %v", l.arch, i, x, f, err)
				}
				data[i] ^= x
			}
		}
	}
}

// FuzzParse: facts or an error that blames the input, and the same facts from
// a second reading with used memory.
func FuzzParse(f *testing.F) {
	f.Add(kmodtest.Module{}.Bytes())
	for style := kmodtest.PREL32; style <= kmodtest.RelCRCs; style++ {
		for _, l := range layouts {
			m := full()
			m.Is32, m.BigEndian, m.Machine, m.Style, m.Debug = l.is32, l.big, l.machine, style, false
			f.Add(key.Sign(m.Bytes()))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		facts, err := kmod.Parse(data, kmod.Options{})
		if !fine(facts, err) {
			t.Fatalf("%v, %v", facts, err)
		}
		if facts == nil {
			return
		}
		var dec codec.Decoder
		again, err := kmod.ParseFile(data, &dec, kmod.Options{})
		if err != nil || again.Digest != facts.Digest || again.AllocDigest != facts.AllocDigest ||
			len(again.Imports) != len(facts.Imports) || !again.BTF.Equal(facts.BTF) {
			t.Fatalf("read twice: %+v and %+v, %v", facts, again, err)
		}
		if facts.IDs != nil {
			for _, w := range facts.IDs.Words {
				if w.Off < 0 || w.Off+4 > facts.IDs.Size || w.Set >= len(facts.IDs.Sets) {
					t.Fatalf("word outside the section: %+v", w)
				}
			}
		}
	})
}

// TestAmplification: a small file whose parts share bytes must not cost more
// than its size.
func TestAmplification(t *testing.T) {
	long := strings.Repeat("n", 600)
	many := make([]elftest.Section, 3000)
	for i := range many {
		many[i] = elftest.Section{Name: ".text", Flags: 2, Data: []byte("x")}
	}
	shared := kmodtest.Module{Sections: many}.Bytes()
	shareAll(shared)
	for _, c := range []struct {
		name, want string
		kind       where.Kind
		data       []byte
	}{
		{"import", "name of 600 bytes", where.Limit, kmodtest.Module{Imports: []string{long}}.Bytes()},
		{"export", "name of 512 bytes", where.Limit, kmodtest.Module{Exports: []symvers.Symbol{{Name: long}}}.Bytes()},
		{"id", "names too long", where.Limit, kmodtest.Module{IDs: []kmodtest.IDList{{Words: []kmodtest.ID{{Kind: "func", Name: long}}}}}.Bytes()},
		{"modinfo", "the limit is 16777216", where.Limit, kmodtest.Module{Name: strings.Repeat("x", 16<<20)}.Bytes()},
		{"sections", "sections overlap", where.Malformed, shared},
	} {
		f, err := kmod.Parse(c.data, kmod.Options{})
		if f != nil || where.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, %v; want %q", c.name, f, err, c.want)
		}
	}
}

// shareAll makes every section of content reach over the whole file.
func shareAll(data []byte) {
	shoff := binary.LittleEndian.Uint64(data[40:])
	for h := data[shoff+64:]; len(h) >= 64; h = h[64:] {
		if binary.LittleEndian.Uint32(h[4:]) == 1 {
			binary.LittleEndian.PutUint64(h[24:], 0)
			binary.LittleEndian.PutUint64(h[32:], uint64(len(data)))
		}
	}
}

// TestOverlap is row E2's finding: two sections that share bytes.
func TestOverlap(t *testing.T) {
	data := kmodtest.Module{Sections: []elftest.Section{{Name: ".a", Data: make([]byte, 64)}, {Name: ".b", Data: make([]byte, 64)}}}.Bytes()
	e, err := elfx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	a := e.Section(".a")
	binary.LittleEndian.PutUint64(data[e.HeaderOff(a)+32:], a.Size+1)
	f := mustParse(t, data)
	if len(f.Anomalies) != 1 || !strings.Contains(f.Anomalies[0], `".a" and ".b" overlap`) {
		t.Errorf("got %q", f.Anomalies)
	}
}
