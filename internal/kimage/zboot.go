package kimage

import (
	"bytes"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/where"
)

// EFI zboot header (drivers/firmware/efi/libstub/zboot-header.S): "MZ\0\0",
// "zimg", payload offset and size, then at 24 the compression by name.
const (
	zbootMagic  = 4
	zbootOffset = 8
	zbootSize   = 12
	zbootType   = 24
	zbootEnd    = 64
)

func isZboot(b []byte) bool {
	return len(b) >= zbootSize+4 && b[0] == 'M' && b[1] == 'Z' && string(b[zbootMagic:zbootMagic+4]) == "zimg"
}

// openZboot returns the payload. The size excludes the four bytes of decompressed
// size that follow it. The magic counts; the name only where there is none.
func openZboot(b []byte) ([]node, error) {
	if len(b) < zbootEnd {
		return nil, where.New(where.Malformed, "zboot header cut short after %d bytes", len(b)).At(int64(len(b)))
	}
	off := uint64(le.Uint32(b[zbootOffset:]))
	data, err := span(b, off, uint64(le.Uint32(b[zbootSize:])), "payload", zbootOffset)
	if err != nil {
		return nil, err
	}
	if off < zbootEnd || len(data) < minKernel {
		return nil, where.New(where.Malformed, "payload: 0x%x bytes at 0x%x", len(data), off).At(zbootOffset)
	}
	n := payload(data, int64(off))
	n.hint = peHint(b)
	name, _, _ := bytes.Cut(b[zbootType:zbootType+32], []byte{0})
	if n.packed == codec.None {
		f, ok := codec.ParseName(string(name))
		if !ok || f == codec.None {
			return nil, where.New(where.Unsupported, "payload of unknown compression %q", name).At(zbootType)
		}
		n.packed = f
	}
	return []node{n}, nil
}
