package codec

import (
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"kpkg-btf/internal/codec/xz"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// Decoder decompresses whole files that are in memory. It keeps the tables of
// the formats it has met, so one Decoder per worker makes thousands of modules
// cost no set-up each. The zero value is ready; it is not safe for concurrent
// use.
type Decoder struct {
	xz xz.Decoder
	gz *gzip.Reader
	zs *zstd.Decoder
}

// Decode decompresses all of src, which may be several members or streams and
// end in the padding its format allows; other bytes after the end are
// Malformed. The result is in dst's memory if that is large enough (its length
// is ignored). More than max bytes of output are refused with kind Limit.
// Offsets of errors are offsets in src. None gives a copy of src.
func (d *Decoder) Decode(dst []byte, f Format, src []byte, max int64) ([]byte, error) {
	out, n, err := d.DecodePrefix(dst, f, src, max)
	for err == nil && n < len(src) {
		rest := src[n:]
		if padding(f, rest) {
			break
		}
		if Detect(rest) != f {
			return nil, garbage(f.String() + " stream").At(int64(n))
		}
		var m int
		out, m, err = d.member(out, f, rest, max-int64(len(out)))
		if err != nil {
			return nil, at(classify(err, nil), int64(n), int64(m))
		}
		n += m
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// DecodePrefix decompresses the first member or stream of src and gives the
// number of bytes it takes: kernel payloads are followed by their size and
// other data. Bzip2 streams that are joined count as one. See Decode for the
// rest.
func (d *Decoder) DecodePrefix(dst []byte, f Format, src []byte, max int64) (out []byte, consumed int, err error) {
	out, n, err := d.member(dst[:0], f, src, max)
	if err != nil {
		return nil, n, at(classify(err, nil), 0, int64(n))
	}
	if err = limits.Ratio(int64(n), int64(len(out))); err != nil {
		return nil, n, err
	}
	return out, n, nil
}

// member decodes one member behind dst; max bounds what it adds.
func (d *Decoder) member(dst []byte, f Format, src []byte, max int64) ([]byte, int, error) {
	switch f {
	case None:
		if int64(len(src)) > max {
			return dst, 0, where.New(where.Limit, "%d bytes, more than the %d allowed", len(src), max)
		}
		return append(dst, src...), len(src), nil
	case Gzip:
		return d.gzipMember(dst, src, max)
	case Bzip2:
		return bzip2Member(dst, src, max)
	case LZMA:
		return d.xz.DecodeAlone(dst, src, max, limits.MaxDict)
	case XZ:
		return d.xz.Decode(dst, src, max, limits.MaxDict)
	case LZ4:
		return lz4Member(dst, src, max)
	case LZ4Legacy:
		return lz4LegacyMember(dst, src, max)
	case LZO:
		return lzopMember(dst, src, max)
	case Zstd:
		return d.zstdMember(dst, src, max)
	}
	return dst, 0, where.New(where.Unsupported, "compression format %v", f)
}

// padding reports whether all the bytes after a stream are what its format
// allows there: gzip any number of zeros, xz groups of four.
func padding(f Format, rest []byte) bool {
	if f != Gzip && f != XZ || f == XZ && len(rest)%4 != 0 {
		return false
	}
	for _, c := range rest {
		if c != 0 {
			return false
		}
	}
	return true
}

// at gives the error the offset base+off, or moves the one it has by base.
func at(err error, base, off int64) error {
	if e, ok := err.(*where.Error); ok {
		moved := *e
		if e.Off >= 0 {
			off = e.Off
		}
		moved.Off = base + off
		return &moved
	}
	return err
}

// grow makes room for n more bytes.
func grow(b []byte, n int) []byte {
	if n <= cap(b)-len(b) {
		return b
	}
	return slices.Grow(b, n)
}

// appendAll reads r to its end behind dst, at most max bytes. hint is a guess
// of the size; what is allocated grows with what was really read.
func appendAll(dst []byte, r io.Reader, max int64, hint int) ([]byte, error) {
	start := len(dst)
	dst = grow(dst, int(min(int64(hint), max, 1<<20))+1)
	for {
		if len(dst) == cap(dst) {
			dst = grow(dst, len(dst)/2+4096)
		}
		n, err := r.Read(dst[len(dst):cap(dst)])
		dst = dst[:len(dst)+n]
		if int64(len(dst)-start) > max {
			return dst, where.New(where.Limit, "more than the %d bytes allowed", max)
		}
		if err == io.EOF {
			return dst, nil
		}
		if err != nil {
			return dst, err
		}
	}
}
