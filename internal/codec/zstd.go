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
// fastest way (docs/kernel-rules.md, "Decoders").
func newZstd(r io.Reader, maxDict int64) (*zstd.Decoder, error) {
	return zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(uint64(maxDict)), zstd.WithDecodeAllCapLimit(true))
}

// zstdMember decodes the first frame of src behind dst, in one go where there
// is room for what it can give or that is in proportion to the input. Beyond,
// where the claim is more than a kernel compresses to, it is streamed: memory
// grows with the output then, but the library takes a window (at most MaxDict).
func (d *Decoder) zstdMember(dst, src []byte, max int64) ([]byte, int, error) {
	out, n, err := d.zstdFrameOf(dst, src, max)
	if cap(out) > zstdKeep {
		d.zs = nil // it holds its last output until the next one
	}
	return out, n, err
}

func (d *Decoder) zstdFrameOf(dst, src []byte, max int64) ([]byte, int, error) {
	h, n, most, err := zstdFrame(src)
	if err != nil || h.Skippable {
		return dst, n, err
	}
	if d.zs == nil {
		if d.zs, err = newZstd(nil, limits.MaxDict); err != nil {
			return dst, 0, err
		}
	}
	if h.HasFCS {
		if h.FrameContentSize > uint64(max) {
			return dst, 0, where.New(where.Limit, "a zstd frame of %d bytes, more than the %d allowed", h.FrameContentSize, max)
		}
		most = int64(h.FrameContentSize)
		if err = limits.Ratio(int64(n), most); err != nil {
			return dst, 0, err
		}
	}
	room := most + zstdSlack
	// In one go the library cannot tell too little room from damage.
	if most > max || room > int64(cap(dst)-len(dst)) && room > zstdTrust(n) {
		if out, ok := d.zstdInto(dst, src[:n], max); ok {
			return out, n, nil
		}
		if window := limits.Window(int64(n)); h.WindowSize > uint64(window) {
			return d.zstdWindowless(dst, src[:n], h.WindowSize, most, max)
		}
		if err = d.zs.Reset(bytes.NewReader(src[:n])); err != nil {
			return dst, 0, err
		}
		dst, err = appendAll(dst, d.zs, max, 4*n)
		return dst, n, err
	}
	dst, err = d.zs.DecodeAll(src[:n], grow(dst, int(room)))
	return dst, n, err
}

// zstdInto decodes into the room that a caller has made because it knows the
// size, as kernel images tell theirs: that needs no window. It is false when
// the room does not suffice, or for any other reason: streaming tells which.
func (d *Decoder) zstdInto(dst, frame []byte, max int64) ([]byte, bool) {
	room := int64(cap(dst) - len(dst))
	if room < 2*int64(len(frame)) || room > max+zstdSlack+zstdBlock {
		return dst, false
	}
	out, err := d.zs.DecodeAll(frame, dst)
	return out, err == nil && int64(len(out)-len(dst)) <= max
}

// zstdWindowless decodes a small frame that states a window out of proportion,
// as `zstd --ultra -22` does of everything that comes through a pipe: where all
// that its blocks can give has room in memory, none is needed.
func (d *Decoder) zstdWindowless(dst, frame []byte, window uint64, most, max int64) ([]byte, int, error) {
	n := len(frame)
	if most > limits.Cap(int64(n), limits.MaxUnpacked) {
		return dst, 0, where.New(where.Limit, "a zstd window of %d bytes for %d bytes of input, more than the %d allowed", window, n, limits.Window(int64(n)))
	}
	out, err := d.zs.DecodeAll(frame, grow(dst, int(most+zstdSlack)))
	if err == nil && int64(len(out)-len(dst)) > max {
		return dst, n, where.New(where.Limit, "more than the %d bytes allowed", max)
	}
	return out, n, err
}

// smallZstd decodes a small file whose first frame states a window that is not
// taken for so few bytes; ok is false where a stream serves.
func smallZstd(src io.ReaderAt, size int64) (out []byte, ok bool, err error) {
	if size >= limits.SmallInput {
		return nil, false, nil
	}
	data := make([]byte, size)
	if _, err := src.ReadAt(data, 0); err != nil {
		return nil, false, err
	}
	var h zstd.Header
	if h.Decode(data) != nil || h.WindowSize <= limits.SmallWindow {
		return nil, false, nil // what is wrong with it is the stream's to say
	}
	out, err = new(Decoder).Decode(nil, Zstd, data, limits.Cap(size, limits.MaxUnpacked))
	return out, true, err
}

// zstdTrust is the output that n bytes of input may claim to get memory for it.
func zstdTrust(n int) int64 { return max(16*int64(n), 1<<20) }

// zstdSlack is room behind the output that lets the library copy in wide steps.
const zstdSlack = 32

// zstdKeep is the output from which on a library's decoder is let go.
const zstdKeep = 32 << 20

// zstdBlock is the most that one block gives (RFC 8878 3.1.1.2.4).
const zstdBlock = 128 << 10

// zstdFrame finds the length of the first frame by its block headers
// (RFC 8878 3.1.1), and the most that it can give.
func zstdFrame(src []byte) (h zstd.Header, n int, most int64, err error) {
	if err = h.Decode(src); err != nil {
		if errors.Is(err, zstd.ErrMagicMismatch) {
			return h, 0, 0, where.New(where.Malformed, "no zstd magic").At(0)
		}
		return h, 0, 0, cut(err, "a zstd frame header")
	}
	n = h.HeaderSize
	if h.Skippable {
		n += int(h.SkippableSize)
		if n > len(src) {
			return h, len(src), 0, truncated("a skippable zstd frame")
		}
		return h, n, most, nil
	}
	for last := false; !last; {
		if len(src)-n < 3 {
			return h, len(src), 0, truncated("a zstd block header")
		}
		word := int(src[n]) | int(src[n+1])<<8 | int(src[n+2])<<16
		n += 3
		last = word&1 != 0
		size := word >> 3
		most += zstdBlock
		if word>>1&3 == 1 { // one byte, repeated
			size = 1
		}
		if len(src)-n < size {
			return h, len(src), 0, truncated("a zstd block")
		}
		n += size
	}
	if h.HasCheckSum {
		n += 4
	}
	if n > len(src) {
		return h, len(src), 0, truncated("a zstd checksum")
	}
	return h, n, most, nil
}
