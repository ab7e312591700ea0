// Package codec opens every compression format that kernels and their packages
// use: by magic, under a budget that is checked before memory is taken, and in
// parallel where the format allows (xz with an index).
package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"kpkg-btf/internal/codec/xz"
)

// Format is a compression format.
type Format uint8

const (
	None      Format = iota // stored, or nothing this package knows
	Gzip                    // RFC 1952
	Bzip2                   //
	LZMA                    // the .lzma (LZMA_Alone) header
	XZ                      // .xz 1.2
	LZ4                     // lz4 frame
	LZ4Legacy               // lz4 -l, what the kernel build makes
	LZO                     // the lzop container
	Zstd                    // RFC 8878
)

var formatNames = [...]string{"none", "gzip", "bzip2", "lzma", "xz", "lz4", "lz4-legacy", "lzo", "zstd"}

func (f Format) String() string {
	if int(f) < len(formatNames) {
		return formatNames[f]
	}
	return fmt.Sprintf("format(%d)", uint8(f))
}

var magics = [...]struct {
	f     Format
	magic string
}{
	{Gzip, "\x1f\x8b\x08"},
	{XZ, "\xfd7zXZ\x00"},
	{Zstd, "\x28\xb5\x2f\xfd"},
	{LZ4, "\x04\x22\x4d\x18"},
	{LZ4Legacy, "\x02\x21\x4c\x18"},
	{LZO, "\x89LZO\x00\r\n\x1a\n"},
}

// HeadSize is how many bytes Detect looks at.
const HeadSize = 16

// Detect tells the format of a file from its first HeadSize bytes; fewer are
// fine. None means that no known magic is present. LZMA has no magic: its 13-byte
// header and the zero byte that every range coder begins with must all be what
// liblzma's alone encoder or the old LZMA utilities write.
func Detect(head []byte) Format {
	for _, m := range magics {
		if len(head) >= len(m.magic) && string(head[:len(m.magic)]) == m.magic {
			return m.f
		}
	}
	switch {
	case len(head) >= 4 && bytes.HasPrefix(head, []byte("BZh")) && head[3] >= '1' && head[3] <= '9' && bzip2Block(head[4:]):
		return Bzip2
	case len(head) >= 8 && binary.LittleEndian.Uint32(head)&^0xf == skippableMagic:
		return Zstd
	case xz.IsAlone(head):
		return LZMA
	}
	return None
}

// skippableMagic is the first of the 16 magics of zstd frames without data
// (RFC 8878 3.1.2); pzstd puts one before each frame.
const skippableMagic = 0x184D2A50

// bzip2Block reports whether the bytes after "BZh9" begin a block or end the
// stream; bytes that are missing are not held against it.
func bzip2Block(b []byte) bool {
	for _, m := range []string{"\x31\x41\x59\x26\x53\x59", "\x17\x72\x45\x38\x50\x90"} {
		n := min(len(b), len(m))
		if string(b[:n]) == m[:n] {
			return true
		}
	}
	return false
}

// names is the closed set of words that packages and images use: rpm's payload
// compressor tag, the comp_type of EFI zboot images, file name suffixes.
var names = map[string]Format{
	"none": None, "": None, "identity": None,
	"gzip": Gzip, "gz": Gzip,
	"bzip2": Bzip2, "bz2": Bzip2,
	"lzma": LZMA,
	"xz":   XZ, "xzkern": XZ,
	"lz4":  LZ4Legacy,
	"lzo":  LZO,
	"zstd": Zstd, "zst": Zstd, "zstd22": Zstd,
}

// ParseName returns the format that a word names: rpm's payload compressor, the
// compression type of an EFI zboot image, a suffix of a member's name without
// the dot. "lz4" is what the kernel build calls its legacy frames. False for
// any other word.
func ParseName(name string) (Format, bool) {
	f, ok := names[name]
	return f, ok
}
