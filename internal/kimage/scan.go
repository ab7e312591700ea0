package kimage

import (
	"bytes"
	"slices"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Boot images without a pointer to their payload: it is found by magic.

// arm zImage (arch/arm/boot/compressed/head.S): magic at 0x24 in the byte
// order of the data, a table of tags at the offset in 0x38.
const (
	zImageMagic = 0x24
	zImageValue = 0x016f2818
	zImageTable = 0x38
	zImageEnd   = 0x40
	// tagKernelSize is the tag whose first word is the offset of the
	// decompressed size, the last word of the payload (Linux 4.15+).
	tagKernelSize = 0x5a534c4b
)

func isZImage(b []byte) bool {
	return len(b) >= zImageEnd && (le.Uint32(b[zImageMagic:]) == zImageValue || be.Uint32(b[zImageMagic:]) == zImageValue)
}

func openZImage(b []byte) ([]node, error) {
	big := be.Uint32(b[zImageMagic:]) == zImageValue
	end := len(b)
	if at, ok := piggyEnd(b, big); ok {
		end = at
	}
	return scanned(b, end, hint{arch: model.ARM, big: big, known: true})
}

// piggyEnd finds the end of the payload in the tag table.
func piggyEnd(b []byte, big bool) (int, bool) {
	word := func(off uint64) uint64 {
		if off+4 > uint64(len(b)) {
			return 0
		}
		if big {
			return uint64(be.Uint32(b[off:]))
		}
		return uint64(le.Uint32(b[off:]))
	}
	at := word(zImageTable)
	for range 16 {
		// a tag is its length in words (both head words included), its name, data
		size := word(at)
		if size < 2 || size > 64 {
			return 0, false
		}
		if word(at+4) == tagKernelSize && size >= 3 {
			end := word(at + 8)
			return int(end), end > zImageEnd && end+4 <= uint64(len(b))
		}
		at += 4 * size
	}
	return 0, false
}

// s390 images begin with an IPL record: a PSW and channel programs that read
// the rest (arch/s390/boot/ipl_data.S); bytes 24 to 80 are EBCDIC blanks.
func isS390(b []byte) bool {
	return len(b) >= 80 && string(b[8:12]) == "\x02\x00\x00\x18" && string(b[16:20]) == "\x02\x00\x00\x68" &&
		len(bytes.Trim(b[24:80], "\x40")) == 0
}

func openS390(b []byte) ([]node, error) {
	h := hint{arch: model.S390X, big: true, known: true}
	out, err := scanned(b, len(b), h)
	// CONFIG_KERNEL_UNCOMPRESSED: the kernel is in the image as it is.
	return append(out, node{data: b[80:], off: 80, claim: -1, hint: h}), err
}

// scanMagics are what compressed kernels begin with. lz4's own frame does not
// occur: the kernel's boot code reads the legacy one only.
var scanMagics = [...]string{
	"\x1f\x8b\x08", "\xfd7zXZ\x00", "\x28\xb5\x2f\xfd", "\x02\x21\x4c\x18", "\x89LZO\x00\r\n\x1a\n", "BZh", "\x5d\x00\x00",
}

// maxScan bounds the places that look like a compressed stream.
const maxScan = 128

// scanned returns a candidate for every compression magic before end, in file
// order.
func scanned(b []byte, end int, h hint) ([]node, error) {
	var offs []int
	for _, m := range scanMagics {
		for at := 0; ; at++ {
			i := bytes.Index(b[at:end], []byte(m))
			if i < 0 {
				break
			}
			at += i
			if codec.Detect(b[at:end]) != codec.None {
				offs = append(offs, at)
			}
			if len(offs) > maxScan {
				return nil, where.New(where.Limit, "more than %d places look like a compressed kernel", maxScan)
			}
		}
	}
	slices.Sort(offs)
	out := make([]node, 0, len(offs))
	for _, at := range offs {
		n := payload(b[at:end:end], int64(at))
		n.hint, n.loose = h, true
		out = append(out, n)
	}
	if len(out) == 0 && h.arch != model.S390X {
		return nil, where.New(where.Malformed, "no compressed kernel inside")
	}
	return out, nil
}
