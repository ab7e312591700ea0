package manifest

import (
	"bytes"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// deflate makes one zstd frame with content size and checksum. One version of
// this program makes one frame of one content, on every machine.
func deflate(data []byte) ([]byte, error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBestCompression),
		zstd.WithEncoderCRC(true), zstd.WithWindowSize(32<<20), zstd.WithZeroFrames(true))
	if err != nil {
		return nil, where.New(where.Internal, "zstd: %w", err)
	}
	defer enc.Close()
	return enc.EncodeAll(data, nil), nil
}

// inflate reads frames that hold at most so many bytes. A broken one is
// Malformed, more is Limit; an error of r is returned as it is.
func inflate(r io.Reader, most int64) ([]byte, error) {
	in := &faultReader{r: r}
	dec, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(limits.MaxDict), zstd.WithDecoderMaxMemory(uint64(most)))
	if err != nil {
		return nil, in.or(where.New(where.Malformed, "zstd: %w", err))
	}
	defer dec.Close()
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(dec, most+1))
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded), n > most:
		return nil, where.New(where.Limit, "more than %d bytes decompressed, or a window of more than %d", most, limits.MaxDict)
	case err != nil:
		return nil, in.or(where.New(where.Malformed, "zstd: %w", err))
	}
	return out.Bytes(), nil
}

// zstdMagic begins a frame (RFC 8878 §3.1.1).
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// Plain is the text of a document that may be compressed with zstd.
func Plain(text []byte) ([]byte, error) {
	if !bytes.HasPrefix(text, zstdMagic) {
		return text, nil
	}
	return inflate(bytes.NewReader(text), limits.Cap(int64(len(text)), limits.MaxText))
}

// faultReader keeps the error of the machine apart from those of the format:
// a disk that fails is not a corrupt file.
type faultReader struct {
	r   io.Reader
	err error
}

func (f *faultReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

func (f *faultReader) or(err error) error {
	if f.err != nil {
		return f.err
	}
	return err
}
