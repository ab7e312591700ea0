package manifest

import (
	"crypto/sha256"
	"encoding/hex"
	"io"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// BaseName is the name of the file that carries a base beside its manifest.
func BaseName(sum [32]byte) string { return hex.EncodeToString(sum[:]) + ".btf.zst" }

// WriteBase writes a base as one zstd frame. The name of the file is the
// checksum of the content, so another frame of the same content would do as
// well.
func WriteBase(w io.Writer, base []byte) error {
	frame, err := deflate(base)
	if err != nil {
		return err
	}
	_, err = w.Write(frame)
	return err
}

// ReadBase reads what WriteBase wrote and compares it with its checksum. A
// wrong checksum or a broken frame is Malformed, more than limits.MaxBTF is
// Limit; an error of r is returned as it is.
func ReadBase(r io.Reader, sum [32]byte) ([]byte, error) {
	out, err := inflate(r, limits.MaxBTF)
	if err != nil {
		return nil, err
	}
	if got := sha256.Sum256(out); got != sum {
		return nil, where.New(where.Malformed, "the base has checksum %x, not %x", got, sum)
	}
	return out, nil
}
