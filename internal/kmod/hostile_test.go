package kmod_test

import (
	"bytes"
	"testing"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/kmodtest"
	"kpkg-btf/internal/where"
)

// fine says whether an outcome of reading damaged input is one of those
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
			len(again.Imports) != len(facts.Imports) || !bytes.Equal(again.BTF, facts.BTF) {
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
