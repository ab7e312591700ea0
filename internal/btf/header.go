package btf

import (
	"crypto/sha256"
	"encoding/binary"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// Sizes of the header: what every producer writes, and with the layout
// section of Linux 7.1.
const (
	HeaderLen       = 24
	HeaderLenLayout = 32
	magic           = 0xeb9f
	minHeader       = 8 // magic, version, flags, hdr_len
	recordHead      = 12
)

// Header is struct btf_header. Offsets count from the end of the header, as
// in the file; fields beyond Len are zero, as the kernel has them
// (btf_parse_hdr copies at most hdr_len bytes over zeros).
type Header struct {
	BigEndian            bool
	Version, Flags       uint8
	Len                  uint32 // hdr_len as claimed
	TypeOff, TypeLen     uint32
	StrOff, StrLen       uint32
	LayoutOff, LayoutLen uint32 // Linux 7.1+
}

// ReadHeader reads a header in either byte order, told by the magic. A header
// may be shorter than 24 bytes (but not than 8) or longer than 32; longer ones
// must be zero beyond what is known, else they are unsupported.
func ReadHeader(b []byte) (Header, error) {
	var h Header
	if len(b) < minHeader {
		return h, where.New(where.Malformed, "BTF of %d bytes is too short for a header", len(b)).At(0)
	}
	switch {
	case b[0] == magic&0xff && b[1] == magic>>8:
	case b[1] == magic&0xff && b[0] == magic>>8:
		h.BigEndian = true
	default:
		return h, where.New(where.Malformed, "BTF magic is %#02x%02x", b[0], b[1]).At(0)
	}
	h.Version, h.Flags = b[2], b[3]
	h.Len = word(b, 4, h.BigEndian)
	switch {
	case h.Version != 1:
		return h, where.New(where.Unsupported, "BTF version %d", h.Version).At(2)
	case h.Flags != 0:
		return h, where.New(where.Unsupported, "BTF header flags %#x", h.Flags).At(3)
	case h.Len < minHeader:
		return h, where.New(where.Malformed, "BTF header length %d", h.Len).At(4)
	case uint64(h.Len) > uint64(len(b)):
		return h, where.New(where.Malformed, "BTF header of %d bytes in %d", h.Len, len(b)).At(4)
	}
	fields := [...]*uint32{&h.TypeOff, &h.TypeLen, &h.StrOff, &h.StrLen, &h.LayoutOff, &h.LayoutLen}
	var known [HeaderLenLayout]byte
	copy(known[:], b[:h.Len])
	for i, f := range fields {
		*f = word(known[:], minHeader+4*i, h.BigEndian)
	}
	for i := HeaderLenLayout; i < int(h.Len); i++ {
		if b[i] != 0 {
			return h, where.New(where.Unsupported, "BTF header field unknown to this program is %#x", b[i]).At(int64(i))
		}
	}
	return h, nil
}

// End is the offset of the first byte after the last section the header
// declares; it may lie beyond the blob. Empty sections do not count.
func (h Header) End() uint64 {
	end := uint64(h.Len)
	for _, s := range [...][2]uint32{{h.TypeOff, h.TypeLen}, {h.StrOff, h.StrLen}, {h.LayoutOff, h.LayoutLen}} {
		if s[1] != 0 {
			end = max(end, uint64(h.Len)+uint64(s[0])+uint64(s[1]))
		}
	}
	return end
}

// Cut returns the blob up to the end of the last section its header declares:
// an ELF section, a scan of a raw image and sysfs differ in what follows.
func Cut(b []byte) ([]byte, error) {
	h, err := ReadHeader(b)
	if err != nil {
		return nil, err
	}
	end := h.End()
	if end > uint64(len(b)) {
		return nil, where.New(where.Malformed, "BTF sections end at %#x, the data at %#x", end, len(b)).At(minHeader)
	}
	if end > limits.MaxBTF {
		return nil, where.New(where.Limit, "BTF of %d bytes exceeds the limit of %d", end, int64(limits.MaxBTF)).At(minHeader)
	}
	return b[:end:end], nil
}

// Checksum is the base checksum: SHA-256 of the cut blob.
func Checksum(b []byte) ([32]byte, error) {
	cut, err := Cut(b)
	if err != nil {
		return [32]byte{}, err
	}
	return sha256.Sum256(cut), nil
}

// word reads the 32-bit value at off; the caller has checked the bounds.
func word(b []byte, off int, big bool) uint32 {
	if big {
		return binary.BigEndian.Uint32(b[off:])
	}
	return binary.LittleEndian.Uint32(b[off:])
}
