package encode

import (
	"encoding/binary"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/where"
)

// HeadSize is how many bytes of a stream Like wants to see.
const HeadSize = 1024 + 12

// Like reads from the first HeadSize bytes of a stream (fewer if it is
// shorter) how it was made, as far as the format tells: of xz check,
// dictionary and layout of blocks; of zstd checksum and window, from which the
// level is guessed; of gzip and bzip2 the level. What does not tell gets the
// default of the programs that make packages.
func Like(f codec.Format, head []byte) (Settings, error) {
	s := Settings{Format: f}
	switch f {
	case codec.None:
		return s, nil
	case codec.XZ:
		return likeXZ(head)
	case codec.LZMA:
		s.Level = 6
		if len(head) >= 5 {
			s.Dict = int64(binary.LittleEndian.Uint32(head[1:]))
		}
		return s, nil
	case codec.Zstd:
		return likeZstd(head)
	case codec.Gzip:
		s.Level = likeGzip(head)
		return s, nil
	case codec.Bzip2:
		s.Level = 9
		if len(head) > 3 && head[3] >= '1' && head[3] <= '9' {
			s.Level = int(head[3] - '0')
		}
		return s, nil
	}
	return s, where.New(where.Unsupported, "compressing as %v", f)
}

// likeGzip reads the byte XFL: 2 for the slowest, 4 for the fastest method
// (RFC 1952).
func likeGzip(head []byte) int {
	switch {
	case len(head) > 8 && head[8] == 2:
		return 9
	case len(head) > 8 && head[8] == 4:
		return 1
	}
	return 6
}

// Check types of the xz format 1.2, 2.1.1.2.
var xzChecks = map[byte]string{0: "none", 1: "crc32", 4: "crc64", 10: "sha256"}

const (
	xzStreamHeader = 12
	xzFilterLZMA2  = 0x21
)

// likeXZ reads stream header and first block header. Presets 6 to 9 of
// liblzma differ in nothing but the dictionary, so the preset is always 6.
func likeXZ(head []byte) (Settings, error) {
	s := Settings{Format: codec.XZ, Level: 6}
	bad := where.New(where.Malformed, "xz header is cut off").At(int64(len(head)))
	if len(head) < xzStreamHeader+1 {
		return s, bad
	}
	var ok bool
	if s.Check, ok = xzChecks[head[7]]; !ok {
		return s, where.New(where.Unsupported, "xz check type %d", head[7]).At(7)
	}
	b := head[xzStreamHeader:]
	if b[0] == 0 { // the index: a stream of nothing
		s.OneBlock = true
		return s, nil
	}
	size := (int(b[0]) + 1) * 4
	if len(b) < size {
		return s, bad
	}
	v := &vli{b: b[2 : size-4]}
	flags := b[1]
	s.OneBlock = flags&0xc0 == 0
	if flags&0x40 != 0 {
		v.next()
	}
	if flags&0x80 != 0 {
		v.next()
	}
	if flags&3 != 0 {
		return s, where.New(where.Unsupported, "xz stream with a filter before LZMA2 is not written").At(xzStreamHeader + 1)
	}
	id, n := v.next(), v.next()
	if id != xzFilterLZMA2 || n != 1 || len(v.b) < 1 || v.b[0] > 40 {
		return s, where.New(where.Unsupported, "xz filter %#x is not written", id).At(xzStreamHeader)
	}
	s.Dict = min((2|int64(v.b[0]&1))<<(v.b[0]/2+11), 1<<32-1)
	return s, nil
}

// vli takes the variable-length integers of xz from b; zeros after its end.
type vli struct{ b []byte }

func (v *vli) next() (n uint64) {
	for shift := 0; len(v.b) > 0 && shift < 63; shift += 7 {
		c := v.b[0]
		v.b = v.b[1:]
		n |= uint64(c&0x7f) << shift
		if c&0x80 == 0 {
			break
		}
	}
	return n
}

// likeZstd reads the frame header (RFC 8878, 3.1.1.1). The windows are those
// of libzstd 1.5's levels for long input; 3 is dpkg's and zstd's default, 19
// Fedora's and Ubuntu's. A frame of one segment has no window: it was small or
// its length was known, and says nothing of its level.
func likeZstd(head []byte) (Settings, error) {
	s := Settings{Format: codec.Zstd, Level: 3}
	if len(head) < 6 || binary.LittleEndian.Uint32(head) != 0xfd2fb528 {
		return s, nil // a skippable frame: pzstd
	}
	flags := head[4]
	s.NoChecksum = flags&4 == 0
	if flags&0x20 != 0 {
		return s, nil
	}
	switch log := 10 + int(head[5]>>3); {
	case log <= 21:
	case log == 22:
		s.Level = 12
	case log <= 24:
		s.Level = 19
	case log == 25:
		s.Level = 20
	case log == 26:
		s.Level = 21
	default:
		s.Level = 22
	}
	return s, nil
}
