package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// BaseName is the name of the file that carries a base beside its manifest.
func BaseName(sum [32]byte) string { return hex.EncodeToString(sum[:]) + ".btf.zst" }

// WriteBase writes a base as one zstd frame with content size and checksum.
// One version of this program gives one text for one base, on every machine;
// the name of the file is the checksum of the content, so another frame of the
// same content would do as well.
func WriteBase(w io.Writer, base []byte) error {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedBetterCompression),
		zstd.WithEncoderCRC(true), zstd.WithWindowSize(8<<20), zstd.WithZeroFrames(true))
	if err != nil {
		return where.New(where.Internal, "zstd: %w", err)
	}
	defer enc.Close()
	_, err = w.Write(enc.EncodeAll(base, nil))
	return err
}

// ReadBase reads what WriteBase wrote and compares it with its checksum. A
// wrong checksum or a broken frame is Malformed, more than limits.MaxBTF is
// Limit; an error of r is returned as it is.
func ReadBase(r io.Reader, sum [32]byte) ([]byte, error) {
	in := &faultReader{r: r}
	dec, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(limits.MaxDict), zstd.WithDecoderMaxMemory(limits.MaxBTF))
	if err != nil {
		return nil, in.or(where.New(where.Malformed, "zstd: %w", err))
	}
	defer dec.Close()
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(dec, limits.MaxBTF+1))
	switch {
	case errors.Is(err, zstd.ErrDecoderSizeExceeded), errors.Is(err, zstd.ErrWindowSizeExceeded), n > limits.MaxBTF:
		return nil, where.New(where.Limit, "a base of more than %d bytes, or a window of more than %d", limits.MaxBTF, limits.MaxDict)
	case err != nil:
		return nil, in.or(where.New(where.Malformed, "zstd: %w", err))
	}
	if got := sha256.Sum256(out.Bytes()); got != sum {
		return nil, where.New(where.Malformed, "the base has checksum %x, not %x", got, sum)
	}
	return out.Bytes(), nil
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
