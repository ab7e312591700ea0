package kimage

import (
	"bytes"
	"context"
	"os/exec"
	"strings"
	"testing"

	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
)

// fake is a small kernel: constants with a banner, a base, what a test adds.
type fake struct {
	is32, big bool
	machine   uint16 // 0: x86-64
	release   string // "" for 7.1.0-test
	noBTF     bool
	texts     []string          // in .rodata after the banner
	sections  []elftest.Section // after .BTF
}

func (k fake) banner() string {
	r := k.release
	if r == "" {
		r = "7.1.0-test"
	}
	return "Linux version " + r + " (root@host) (gcc 14) #1 SMP Mon Nov 23\n\x00"
}

// rodata has formats and the early banner before the true one, as kernels do.
func (k fake) rodata() []byte {
	early := strings.Replace(k.banner(), "#1 ", "# ", 1)
	all := append([]string{"Linux version %s (%s)\n\x00", "Linux version \x00", early, k.banner()}, k.texts...)
	return []byte(strings.Join(all, "\x00"))
}

func (k fake) btf() []byte {
	if k.big {
		return btftest.BigKernel(btftest.Plain).Bytes()
	}
	return btftest.Kernel(btftest.Plain).Bytes()
}

// elf is the vmlinux.
func (k fake) elf() []byte {
	f := elftest.File{Is32: k.is32, BigEndian: k.big, Type: elfx.TypeExec, Machine: k.machine}
	f.Sections = append(f.Sections,
		elftest.Section{Name: ".text", Flags: elfx.SHFAlloc | elfx.SHFExecinstr, Data: bytes.Repeat([]byte{0x90}, 4096)},
		elftest.Section{Name: ".rodata", Flags: elfx.SHFAlloc, Data: k.rodata()})
	if !k.noBTF {
		// the section may be longer than what the header declares
		f.Sections = append(f.Sections, elftest.Section{Name: ".BTF", Flags: elfx.SHFAlloc, Data: append(k.btf(), 0, 0, 0)})
	}
	f.Sections = append(f.Sections, k.sections...)
	return f.Bytes()
}

// raw is the memory image: code, constants, a small BTF of something else,
// the base at offset align of a page.
func (k fake) raw(head []byte, align int) []byte {
	out := append(bytes.Clone(head), bytes.Repeat([]byte{0x90, 0x1f, 0x20, 0x03}, 1024)...)
	out = append(out, k.rodata()...)
	if k.noBTF {
		return out
	}
	small := btftest.Base()
	if k.big {
		small = btftest.BigBase()
	}
	small.Int("int", 4, btftest.Signed)
	for _, b := range [][]byte{small.Bytes(), k.btf()} {
		out = append(out, make([]byte, 4096-len(out)%4096+align)...)
		out = append(out, b...)
	}
	return append(out, make([]byte, 512)...)
}

// compressors are the programs that the kernel build uses, by format name.
var compressors = map[string][]string{
	"gzip":       {"gzip", "-nc9"},
	"bzip2":      {"bzip2", "-c9"},
	"lzma":       {"xz", "--format=lzma", "-c"},
	"xz":         {"xz", "--check=crc32", "--x86", "--lzma2=dict=1MiB", "-c"},
	"lzo":        {"lzop", "-9", "-c"},
	"lz4-legacy": {"lz4", "-l", "-9", "-c"},
	"zstd":       {"zstd", "-q", "-c"},
}

// compressed runs the real program over data.
func compressed(t testing.TB, format string, data []byte) []byte {
	t.Helper()
	args := compressors[format]
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v (make deps installs it)", args, err)
	}
	return out
}

// bzImage puts a compressed kernel behind an x86 setup of n sectors.
func bzImage(payload []byte, size int, gzip bool) []byte {
	const sects = 3
	b := make([]byte, (sects+1)*512+0x40)
	copy(b, "MZ")
	b[bzSetupSects] = sects
	le.PutUint16(b[bzBootFlag:], 0xaa55)
	copy(b[bzMagic:], "HdrS")
	le.PutUint16(b[bzVersion:], 0x20f)
	if !gzip {
		payload = le.AppendUint32(bytes.Clone(payload), uint32(size))
	}
	le.PutUint32(b[bzPayloadOffset:], 0x40)
	le.PutUint32(b[bzPayloadLength:], uint32(len(payload)))
	return append(append(b, payload...), "after the payload"...)
}

// zboot is an EFI zboot image of the compression called name.
func zboot(payload []byte, name string) []byte {
	b := peFile(0x6264)
	copy(b, "MZ\x00\x00zimg")
	le.PutUint32(b[zbootOffset:], uint32(len(b)))
	le.PutUint32(b[zbootSize:], uint32(len(payload)))
	copy(b[zbootType:], name)
	copy(b[56:], "\xcd\x23\x82\x81")
	return append(append(b, payload...), 1, 2, 3, 4)
}

// peFile is a PE header of a machine with 64 bytes of MZ stub and room for
// two sections.
func peFile(machine uint16) []byte {
	b := make([]byte, 64+peHead+16+2*peSection)
	copy(b, "MZ")
	le.PutUint32(b[peNew:], 64)
	copy(b[64:], "PE\x00\x00")
	le.PutUint16(b[68:], machine)
	le.PutUint16(b[84:], 16) // optional header
	return b
}

// uki is a unified kernel image with the given kernels in .linux sections.
func uki(kernels ...[]byte) []byte {
	b := peFile(0x8664)
	le.PutUint16(b[70:], uint16(len(kernels)))
	for i, k := range kernels {
		h := b[64+peHead+16+i*peSection:]
		copy(h, ".linux")
		le.PutUint32(h[8:], uint32(len(k)))
		le.PutUint32(h[16:], uint32(len(k)+100)) // padded
		le.PutUint32(h[20:], uint32(len(b)))
		b = append(append(b, k...), make([]byte, 100)...)
	}
	return b
}

// zImage is an arm zImage; with tags it says where the payload ends.
func zImage(payload []byte, tags bool) []byte {
	b := make([]byte, 0x80)
	le.PutUint32(b[zImageMagic:], zImageValue)
	b = append(b, "decompressor with \xfd7zXZ\x00 in its own constants"...)
	b = append(b, payload...)
	end := len(b)
	b = append(b, 1, 2, 3, 4)
	if tags {
		le.PutUint32(b[zImageTable:], 0x40)
		for i, w := range []uint32{2, 0x1234, 6, tagKernelSize, uint32(end), 0, 0, 0, 0} {
			le.PutUint32(b[0x40+4*i:], w)
		}
	}
	return append(b, "after the payload"...)
}

// s390 is an s390 boot image.
func s390(payload []byte) []byte {
	b := bytes.Repeat([]byte{0x40}, 80)
	copy(b, "\x00\x08\x00\x00\x80\x00\x02\x00\x02\x00\x00\x18\x60\x00\x00\x50\x02\x00\x00\x68\x60\x00\x00\x50")
	b = append(b, make([]byte, 4096)...)
	b = append(b, "\x28\xb5\x2f\xfd\xec\x12\x00\x19\x80\x76 a false start \x1f\x8b\x08\x00 and another"...)
	return append(append(b, payload...), "after the payload"...)
}

// ppcBoot is a powerpc zImage.
func ppcBoot(payload []byte) []byte {
	return elftest.File{Is32: true, BigEndian: true, Type: elfx.TypeExec, Machine: 20, Sections: []elftest.Section{
		{Name: ".text", Flags: elfx.SHFAlloc, Data: make([]byte, 256)},
		{Name: ".kernel:vmlinux.strip", Flags: elfx.SHFAlloc, Data: payload},
	}}.Bytes()
}

// bootELF is a mips program with a payload in its data.
func bootELF(payload []byte) []byte {
	return elftest.File{Is32: true, BigEndian: true, Type: elfx.TypeExec, Machine: 8, Sections: []elftest.Section{
		{Name: ".text", Flags: elfx.SHFAlloc, Data: make([]byte, 256)},
		{Name: ".data", Flags: elfx.SHFAlloc, Data: append(append([]byte("junk"), payload...), "after"...)},
	}}.Bytes()
}

// head64 is a 64-byte head with a magic at an offset.
func head64(at int, magic string) []byte {
	b := make([]byte, 64)
	copy(b[at:], magic)
	return b
}

// loongHead is what a loongarch Image begins with.
func loongHead() []byte {
	b := peFile(0x6264)
	copy(b[56:], "\xcd\x23\x82\x81")
	return b
}

// mustParse opens an image that has to be one.
func mustParse(t testing.TB, data []byte) *Facts {
	t.Helper()
	f, err := Parse(context.Background(), data, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return f
}
