package kimage

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/where"
)

func btfSec(data []byte) elftest.Section {
	return elftest.Section{Name: ".BTF", Flags: elfx.SHFAlloc, Data: data}
}

// TestBaseSection: what counts as a base in an ELF file.
func TestBaseSection(t *testing.T) {
	base := fake{}.btf()
	other := btftest.Kernel(btftest.Grown).Bytes()
	nobits := elftest.Section{Name: ".BTF", Type: elfx.SHTNobits, Size: 4096, Flags: elfx.SHFAlloc}
	for _, c := range []struct {
		name     string
		sections []elftest.Section
		want     []byte
		where    string
	}{
		{"none", nil, nil, ""},
		{"empty", []elftest.Section{btfSec(nil)}, nil, ""},
		{"nobits", []elftest.Section{nobits}, nil, ""},
		{"nobits first", []elftest.Section{nobits, btfSec(base)}, base, "section .BTF"},
		{"two", []elftest.Section{btfSec(base), btfSec(other)}, base, "section .BTF (the first of 2)"},
		{"name alike", []elftest.Section{{Name: ".BTF.base", Data: other}, {Name: ".BTF_ids", Data: other}}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := mustParse(t, fake{noBTF: true, sections: c.sections}.elf())
			if !bytes.Equal(f.BTF, c.want) || f.BTFWhere != c.where {
				t.Errorf("%d bytes at %q, want %d at %q", len(f.BTF), f.BTFWhere, len(c.want), c.where)
			}
		})
	}
}

func TestBaseCut(t *testing.T) {
	f := mustParse(t, fake{}.elf())
	if want := len(fake{}.btf()); len(f.BTF) != want || f.BTFSize != int64(want)+3 {
		t.Errorf("%d of %d bytes, want %d of %d", len(f.BTF), f.BTFSize, want, want+3)
	}
}

// TestBaseBroken: a kernel with a broken base is an error that names the place.
func TestBaseBroken(t *testing.T) {
	base := fake{}.btf()
	for _, c := range []struct {
		name string
		edit func(b []byte)
		kind where.Kind
		off  int64
	}{
		{"magic", func(b []byte) { b[0] = 0 }, where.Malformed, 0},
		{"version", func(b []byte) { b[2] = 2 }, where.Unsupported, 2},
		{"sections", func(b []byte) { le.PutUint32(b[12:], 1<<30) }, where.Malformed, 8},
	} {
		b := bytes.Clone(base)
		c.edit(b)
		elf := fake{noBTF: true, sections: []elftest.Section{btfSec(b)}}.elf()
		_, err := Parse(context.Background(), compressed(t, "gzip", elf), Options{})
		var e *where.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Off != c.off || strings.Join(e.Steps, " ") != "gzip ELF section .BTF" {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	elf := fake{noBTF: true, sections: []elftest.Section{{Name: ".BTF", Flags: elfx.SHFCompressed, Data: base}}}.elf()
	if _, err := Parse(context.Background(), elf, Options{}); where.KindOf(err) != where.Unsupported {
		t.Errorf("compressed section: %v", err)
	}
}

// TestHeadersVmlinux: an ELF with BTF alone, as Debian's headers have it.
func TestHeadersVmlinux(t *testing.T) {
	f := mustParse(t, elftest.File{Type: elfx.TypeExec, Sections: []elftest.Section{
		btfSec(fake{}.btf()), {Name: ".BTF_ids", Flags: elfx.SHFAlloc, Data: make([]byte, 64)},
	}}.Bytes())
	if !f.BTFOnly || f.Release != "" || !bytes.Equal(f.BTF, fake{}.btf()) || f.Exports != nil {
		t.Errorf("%+v", f)
	}
	if _, err := Parse(context.Background(), elftest.File{Type: elfx.TypeExec}.Bytes(), Options{}); where.KindOf(err) != where.Malformed {
		t.Errorf("empty ELF: %v", err)
	}
	if _, err := Parse(context.Background(), elftest.File{Sections: []elftest.Section{btfSec(fake{}.btf())}}.Bytes(), Options{}); where.KindOf(err) != where.Unsupported {
		t.Errorf("module: %v", err)
	}
}

// TestScan: the base of a raw image among what looks like one.
func TestScan(t *testing.T) {
	base := fake{}.btf()
	edited := func(edit func(b []byte)) []byte {
		b := bytes.Clone(base)
		edit(b)
		return b
	}
	at := func(n int, b []byte) []byte { return append(make([]byte, n), b...) }
	small := btftest.Base()
	small.Int("int", 4, btftest.Signed)
	for _, c := range []struct {
		name string
		data []byte
		off  int // -1: none
	}{
		{"aligned", at(64, base), 64},
		{"any place", at(65, base), 65},
		{"most types", append(at(4, small.Bytes()), at(16, base)...), 4 + len(small.Bytes()) + 16},
		{"aligned of equals", append(at(5, base), at(8-(5+len(base))%4, base)...), 5 + len(base) + 8 - (5+len(base))%4},
		{"gap before strings", at(4, edited(func(b []byte) { le.PutUint32(b[16:], le.Uint32(b[16:])+1) })), -1},
		{"type offset", at(4, edited(func(b []byte) { le.PutUint32(b[8:], 4) })), -1},
		{"no types", at(4, edited(func(b []byte) { le.PutUint32(b[12:], 0) })), -1},
		{"header length", at(4, edited(func(b []byte) { le.PutUint32(b[4:], 16) })), -1},
		{"bad kind", at(4, edited(func(b []byte) { b[24+7] = 0x7e })), -1},
		{"cut", at(4, base[:len(base)-1]), -1},
		{"strings end", at(4, edited(func(b []byte) { b[len(b)-1] = 'x' })), -1},
		{"nothing", make([]byte, 4096), -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f Facts
			k := kernel{data: c.data}
			r, err := k.scanBase(&f)
			if err != nil || (r == nil) != (c.off < 0) {
				t.Fatalf("%v %v", r, err)
			}
			if r == nil {
				return
			}
			h, err := btf.Cut(c.data[c.off:])
			if err != nil || !bytes.Equal(f.BTF, h) || f.BTFSize != int64(len(h)) || f.BTFWhere != fmt.Sprintf("scan at 0x%x", c.off) {
				t.Errorf("%d bytes, %s, want %d", len(f.BTF), f.BTFWhere, len(h))
			}
		})
	}
}

// TestScanBound: overlapping hits do not make the scan quadratic.
func TestScanBound(t *testing.T) {
	const n = 4000
	b := make([]byte, 24*n+16*n)
	for i := range n {
		h := b[24*i:]
		copy(h, "\x9f\xeb\x01\x00\x18\x00\x00\x00")
		types := uint32(len(b) - 24*i - 24 - 1)
		types -= types % 4
		le.PutUint32(h[12:], types)
		le.PutUint32(h[16:], types)
		le.PutUint32(h[20:], 1)
	}
	k := kernel{data: b}
	if _, err := k.scanBase(new(Facts)); where.KindOf(err) != where.Limit {
		t.Errorf("%v", err)
	}
}
