package codec

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// newZstd decodes in the reading goroutine: with one frame that is also the
// fastest way (LIBRARIES.md §2.2).
func newZstd(r io.Reader, maxDict int64) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(uint64(maxDict)), zstd.WithDecodeAllCapLimit(true))
}

// zstdMember decodes the first frame of src behind dst. A frame that says its
// size is decoded in one go; one that does not (the kernel build pipes into
// zstd) as a stream.
func (d *Decoder) zstdMember(dst, src []byte, max int64) ([]byte, int, error) {
	h, n, err := zstdFrame(src)
	if err != nil || h.Skippable {
		return dst, n, err
	}
	if d.zs == nil {
		if d.zs, err = newZstd(nil, limits.MaxDict); err != nil {
			return dst, 0, err
		}
	}
	if !h.HasFCS {
		if err = d.zs.Reset(bytes.NewReader(src[:n])); err != nil {
			return dst, 0, err
		}
		dst, err = appendAll(dst, d.zs, max, 4*len(src))
		return dst, n, err
	}
	if h.FrameContentSize > uint64(max) {
		return dst, 0, where.New(where.Limit, "a zstd frame of %d bytes, more than the %d allowed", h.FrameContentSize, max)
	}
	if err = limits.Ratio(int64(n), int64(h.FrameContentSize)); err != nil {
		return dst, 0, err
	}
	dst = grow(dst, int(h.FrameContentSize)+zstdSlack)
	dst, err = d.zs.DecodeAll(src[:n], dst)
	return dst, n, err
}

// zstdSlack is room behind the output that lets the library copy in wide steps.
const zstdSlack = 32

// zstdFrame finds the length of the first frame by its block headers
// (RFC 8878 3.1.1).
func zstdFrame(src []byte) (h zstd.Header, n int, err error) {
	if err = h.Decode(src); err != nil {
		if errors.Is(err, zstd.ErrMagicMismatch) {
			return h, 0, where.New(where.Malformed, "no zstd magic").At(0)
		}
		return h, 0, cut(err, "a zstd frame header")
	}
	n = h.HeaderSize
	if h.Skippable {
		n += int(h.SkippableSize)
		if n > len(src) {
			return h, len(src), truncated("a skippable zstd frame")
		}
		return h, n, nil
	}
	for last := false; !last; {
		if len(src)-n < 3 {
			return h, len(src), truncated("a zstd block header")
		}
		word := int(src[n]) | int(src[n+1])<<8 | int(src[n+2])<<16
		n += 3
		last = word&1 != 0
		size := word >> 3
		if word>>1&3 == 1 { // one byte, repeated
			size = 1
		}
		if len(src)-n < size {
			return h, len(src), truncated("a zstd block")
		}
		n += size
	}
	if h.HasCheckSum {
		n += 4
	}
	if n > len(src) {
		return h, len(src), truncated("a zstd checksum")
	}
	return h, n, nil
}
