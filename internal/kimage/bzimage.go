package kimage

import (
	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Setup header of x86 (Documentation/arch/x86/boot.rst), offsets in the file.
const (
	bzSetupSects    = 0x1f1
	bzBootFlag      = 0x1fe // 0xaa55
	bzMagic         = 0x202 // "HdrS"
	bzVersion       = 0x206
	bzPayloadOffset = 0x248 // protocol 2.08, Linux 2.6.24
	bzPayloadLength = 0x24c
	bzHeaderEnd     = 0x250
)

func isBzImage(b []byte) bool {
	return len(b) >= bzMagic+6 && string(b[bzMagic:bzMagic+4]) == "HdrS" && le.Uint16(b[bzBootFlag:]) == 0xaa55
}

// openBzImage returns the payload the setup header points to. Its last four
// bytes are the decompressed size: gzip's own ISIZE, else appended by the
// build (scripts/Makefile.lib, size_append).
func openBzImage(b []byte) ([]node, error) {
	if len(b) < bzHeaderEnd {
		return nil, where.New(where.Malformed, "setup header cut short after %d bytes", len(b)).At(int64(len(b)))
	}
	if v := le.Uint16(b[bzVersion:]); v < 0x208 {
		return nil, where.New(where.Unsupported, "boot protocol %d.%02d tells no payload, 2.08 does", v>>8, v&0xff).At(bzVersion)
	}
	sects := uint64(b[bzSetupSects])
	if sects == 0 {
		sects = 4
	}
	off := (sects+1)*512 + uint64(le.Uint32(b[bzPayloadOffset:]))
	data, err := span(b, off, uint64(le.Uint32(b[bzPayloadLength:])), "payload", bzPayloadOffset)
	if err != nil {
		return nil, err
	}
	if len(data) < 8 {
		return nil, where.New(where.Malformed, "payload of %d bytes", len(data)).At(bzPayloadLength)
	}
	n := payload(data, int64(off))
	n.hint = hint{arch: model.X8664, known: true}
	if n.packed == codec.None {
		return nil, where.New(where.Unsupported, "payload of unknown compression: % x", data[:8]).At(int64(off))
	}
	end := len(data) - 4
	n.claim = int64(le.Uint32(data[end:]))
	if n.packed != codec.Gzip {
		n.data = data[:end]
	}
	return []node{n}, nil
}
