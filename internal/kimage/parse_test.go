package kimage

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

var formats = []string{"gzip", "bzip2", "lzma", "xz", "lzo", "lz4-legacy", "zstd"}

// check compares the facts that every container must bring out.
func check(t *testing.T, image []byte, k fake, format string, arch model.Arch) {
	t.Helper()
	f := mustParse(t, image)
	if got := strings.Join(f.Format, " "); got != format {
		t.Errorf("format %q, want %q", got, format)
	}
	if f.Arch != arch || f.BigEndian != k.big || f.Release != "7.1.0-test" || f.Banner != strings.TrimRight(k.banner(), "\n\x00") {
		t.Errorf("arch %q big %v release %q banner %q", f.Arch, f.BigEndian, f.Release, f.Banner)
	}
	if !bytes.Equal(f.BTF, k.btf()) || f.BTFOnly {
		t.Errorf("base of %d bytes, want %d (%s)", len(f.BTF), len(k.btf()), f.BTFWhere)
	}
	if got := Is(image[:min(len(image), sniffSize)]); got != (format != "raw") {
		t.Errorf("Is says %v", got)
	}
}

func TestCompressions(t *testing.T) {
	elf := append(fake{}.elf(), "relocs of vmlinux.bin.all"...)
	image := fake{}.raw(head64(56, "ARM\x64"), 0)
	boot := fake{is32: true, machine: 40}
	big := fake{big: true}
	for _, c := range formats {
		t.Run(c, func(t *testing.T) {
			check(t, bzImage(compressed(t, c, elf), len(elf), c == "gzip"), fake{}, "bzImage "+c+" ELF", model.X8664)
			check(t, zboot(compressed(t, c, image), c), fake{}, "EFI-zboot "+c+" Image", model.ARM64)
			check(t, append(compressed(t, c, image), tail...), fake{}, c+" Image", model.ARM64)
			check(t, zImage(compressed(t, c, boot.raw(nil, 0)), true), boot, "zImage "+c+" raw", model.ARM)
			check(t, s390(compressed(t, c, big.raw(nil, 0))), big, "s390-bzImage "+c+" raw", model.S390X)
		})
	}
}

// tail is a device tree appended to Image.gz.
const tail = "\xd0\x0d\xfe\xed appended device tree"

func TestContainers(t *testing.T) {
	le64, be64, be32, le32 := fake{}, fake{big: true}, fake{is32: true, big: true}, fake{is32: true}
	arm, ppc64, ppc32, mips := le32, be64, be32, be32
	arm.machine, ppc64.machine, ppc32.machine, mips.machine = 40, 21, 20, 8
	bz := bzImage(compressed(t, "xz", le64.elf()), len(le64.elf()), false)
	big := head64(56, "ARM\x64")
	big[24] = 1
	for _, c := range []struct {
		format string
		image  []byte
		k      fake
		arch   model.Arch
	}{
		{"ELF", le64.elf(), le64, model.X8664},
		{"ELF", ppc64.elf(), ppc64, model.PPC64},
		{"ELF", mips.elf(), mips, model.MIPS},
		{"ELF", arm.elf(), arm, model.ARM},
		{"gzip ELF", compressed(t, "gzip", le64.elf()), le64, model.X8664},
		{"ELF-zImage gzip ELF", ppcBoot(compressed(t, "gzip", ppc32.elf())), ppc32, model.PPC},
		{"ELF-zImage ELF", ppcBoot(ppc32.elf()), ppc32, model.PPC},
		{"ELF-boot gzip raw", bootELF(append([]byte("\x1f\x8b\x08\x00 false"), compressed(t, "gzip", mips.raw(nil, 0))...)), mips, model.MIPS},
		{"Image", le64.raw(head64(56, "ARM\x64"), 4), le64, model.ARM64},
		{"Image", be64.raw(big, 0), be64, model.ARM64},
		{"Image", le64.raw(head64(48, "RISCV\x00\x00\x00RSC\x05"), 0), le64, model.RISCV64},
		{"Image", le64.raw(head64(48, "RISCV\x00"), 0), le64, model.RISCV64},
		{"Image", le64.raw(loongHead(), 0), le64, model.LoongArch64},
		{"zImage zstd raw", zImage(compressed(t, "zstd", le32.raw(nil, 1)), false), le32, model.ARM},
		{"s390-bzImage raw", s390(be64.raw(nil, 2)), be64, model.S390X},
		{"PE-UKI bzImage xz ELF", uki(bz), le64, model.X8664},
		{"PE-UKI EFI-zboot gzip Image", uki(zboot(compressed(t, "gzip", le64.raw(loongHead(), 0)), "gzip")), le64, model.LoongArch64},
		{"PE-UKI bzImage xz ELF", uki(bytes.Repeat([]byte("no kernel "), 20), bz), le64, model.X8664},
		{"raw", le64.raw(nil, 0), le64, ""},
		{"xz raw", compressed(t, "xz", be64.raw(nil, 1)), be64, ""},
		{"gzip gzip gzip gzip ELF", nest(t, le64.elf(), 4), le64, model.X8664},
	} {
		t.Run(c.format, func(t *testing.T) { check(t, c.image, c.k, c.format, c.arch) })
	}
}

func nest(t *testing.T, data []byte, n int) []byte {
	for range n {
		data = compressed(t, "gzip", data)
	}
	return data
}

// TestRefused: every failure has its kind, its offset and says what it is.
func TestRefused(t *testing.T) {
	elf := fake{}.elf()
	xz := compressed(t, "xz", elf)
	bz := func(edit func(b []byte)) []byte {
		b := bzImage(xz, len(elf), false)
		edit(b)
		return b
	}
	zb := func(edit func(b []byte)) []byte {
		b := zboot(compressed(t, "gzip", fake{}.raw(loongHead(), 0)), "gzip")
		edit(b)
		return b
	}
	put := func(at int, v uint32) func([]byte) { return func(b []byte) { le.PutUint32(b[at:], v) } }
	const payloadAt = 4*512 + 0x40
	for _, c := range []struct {
		name  string
		image []byte
		kind  where.Kind
		off   int64
		text  string
	}{
		{"empty", nil, where.Unsupported, 0, "no kernel image"},
		{"text", []byte(strings.Repeat("just text ", 100)), where.Unsupported, 0, "no kernel image"},
		{"kernel log", []byte(fake{}.banner()), where.Unsupported, 0, "no known magic, a version banner, but no BTF"},
		{"kernel log", compressed(t, "gzip", fake{}.rodata()), where.Malformed, -1, "no kernel: a version banner, but no BTF"},
		{"bz header short", bz(func([]byte) {})[:0x220], where.Malformed, 0x220, "bzImage+0x220: setup header cut short"},
		{"bz old", bz(func(b []byte) { le.PutUint16(b[bzVersion:], 0x207) }), where.Unsupported, bzVersion, "boot protocol 2.07"},
		{"bz offset", bz(put(bzPayloadOffset, 0x7fffffff)), where.Malformed, bzPayloadOffset, "payload: "},
		{"bz length", bz(put(bzPayloadLength, 0xffffffff)), where.Malformed, bzPayloadOffset, "payload: 0xffffffff bytes at 0x840"},
		{"bz no length", bz(put(bzPayloadLength, 3)), where.Malformed, bzPayloadLength, "payload of 3 bytes"},
		{"bz unknown compression", bz(put(payloadAt, 0)), where.Unsupported, payloadAt, "unknown compression"},
		{"bz wrong size", bz(put(payloadAt+len(xz), 77)), where.Malformed, int64(payloadAt + len(xz)), "xz: 5976 bytes decompressed, 77 stated"},
		{"bz broken stream", bz(put(payloadAt+40, 0x12345678)), where.Malformed, -1, "bzImage"},
		{"zboot short", zb(func([]byte) {})[:40], where.Malformed, 40, "EFI-zboot+0x28"},
		{"zboot size", zb(put(zbootSize, 1<<31)), where.Malformed, zbootOffset, "EFI-zboot+0x8: payload: 0x80000000 bytes"},
		{"zboot offset", zb(put(zbootOffset, 1<<31)), where.Malformed, zbootOffset, "past the end"},
		{"zboot no size", zb(put(zbootSize, 0)), where.Malformed, zbootOffset, "payload: 0x0 bytes"},
		{"zboot size too small", zb(put(zbootSize, 100)), where.Malformed, -1, "gzip"},
		{"zboot compression", zboot(bytes.Repeat([]byte{7}, 100), "brotli"), where.Unsupported, zbootType, `unknown compression "brotli"`},
		{"zimage empty", zImage(nil, true)[:0x90], where.Malformed, -1, "no compressed kernel inside"},
		{"uki bounds", uki(elf)[:300], where.Malformed, 64 + peHead + 16 + 16, "section .linux"},
		{"uki small", uki([]byte("x")), where.Malformed, 64 + peHead + 16 + 16, "section .linux of 1 bytes"},
		{"ppc small", ppcBoot([]byte("x")), where.Malformed, -1, "section .kernel:vmlinux.strip of 1 bytes"},
		{"program", bootELF([]byte("a program")), where.Malformed, -1, "no kernel: neither a version banner nor BTF"},
		{"program with magic", bootELF([]byte("\x1f\x8b\x08\x00 false")), where.Malformed, -1, "ELF-boot+0x147: gzip: flate"},
		{"elf cut", elf[:40], where.Malformed, -1, "ELF"},
		{"no banner", compressed(t, "gzip", make([]byte, 4096)), where.Malformed, -1, "no kernel: no version banner"},
		{"too small", compressed(t, "gzip", []byte("tiny")), where.Malformed, 0, "a kernel of 4 bytes"},
		{"nested", nest(t, elf, maxDepth), where.Limit, -1, "nested deeper than 6"},
		{"s390 false magics", s390(make([]byte, 200)), where.Malformed, -1, "no kernel in 3 candidates: s390-bzImage: zstd at 0x1050: "},
		{"many magics", s390(bytes.Repeat([]byte("\x02\x21\x4c\x18"), maxScan+1)), where.Limit, -1, "more than 128 places"},
	} {
		t.Run(c.name, func(t *testing.T) {
			f, err := Parse(context.Background(), c.image, Options{})
			var e *where.Error
			if f != nil || !errors.As(err, &e) {
				t.Fatalf("facts %v, error %v", f != nil, err)
			}
			if e.Kind != c.kind || c.off >= 0 && e.Off != c.off || !strings.Contains(e.Error(), c.text) {
				t.Errorf("%v at %#x: %v\nwant %v at %#x: %q", e.Kind, e.Off, e, c.kind, c.off, c.text)
			}
		})
	}
}

// TestTotal: candidates that decompress to much each exhaust a budget together.
func TestTotal(t *testing.T) {
	zeros := compressed(t, "zstd", make([]byte, 1<<20))
	_, err := Parse(context.Background(), s390(bytes.Repeat(zeros, 20)), Options{MaxImage: 1 << 20})
	if where.KindOf(err) != where.Limit || !strings.Contains(err.Error(), "and 11 more") {
		t.Errorf("%v", err)
	}
}

// TestTruncated cuts images at every 13th byte: never facts of half a kernel.
func TestTruncated(t *testing.T) {
	elf := fake{}.elf()
	for name, image := range map[string][]byte{
		"bzImage": bzImage(compressed(t, "zstd", elf), len(elf), false),
		"zboot":   zboot(compressed(t, "gzip", fake{}.raw(loongHead(), 0)), "gzip"),
		"uki":     uki(elf),
		"elf":     elf,
	} {
		whole := mustParse(t, image)
		for n := 0; n < len(image); n += 13 {
			f, err := Parse(context.Background(), image[:n], Options{})
			if (f == nil) == (err == nil) {
				t.Fatalf("%s of %d bytes: facts %v, error %v", name, n, f != nil, err)
			}
			if f != nil && !bytes.Equal(f.BTF, whole.BTF) {
				t.Fatalf("%s of %d bytes is taken for another kernel", name, n)
			}
		}
	}
}

func TestBudget(t *testing.T) {
	elf := fake{}.elf()
	for _, image := range [][]byte{
		bzImage(compressed(t, "zstd", elf), len(elf), false),
		zImage(compressed(t, "gzip", fake{}.raw(nil, 0)), true),
	} {
		_, err := Parse(context.Background(), image, Options{MaxImage: 1000})
		if where.KindOf(err) != where.Limit {
			t.Errorf("%v", err)
		}
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if f, err := Parse(ctx, fake{}.elf(), Options{}); f != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v %v", f, err)
	}
}

// TestInputKept: the facts neither change the input nor refer to it.
func TestInputKept(t *testing.T) {
	image := fake{}.elf()
	before := bytes.Clone(image)
	f := mustParse(t, image)
	if !bytes.Equal(image, before) {
		t.Error("Parse changed its input")
	}
	want := slices.Clone(f.BTF)
	clear(image)
	if !bytes.Equal(f.BTF, want) || f.Release != "7.1.0-test" {
		t.Error("facts refer to the input")
	}
}

func TestIs(t *testing.T) {
	module := fake{}.elf()
	le.PutUint16(module[16:], 1) // ET_REL
	for name, c := range map[string]struct {
		head []byte
		want bool
	}{
		"module": {module, false}, "text": {[]byte("\x7fEL hello"), false}, "empty": {nil, false},
		"PE without kernel": {peFile(0x8664), false}, "xz": {[]byte("\xfd7zXZ\x00\x00\x04"), true},
		"ELF magic alone": {[]byte("\x7fELF"), false},
	} {
		if Is(c.head) != c.want {
			t.Errorf("%s: %v", name, !c.want)
		}
	}
}
