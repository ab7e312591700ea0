package fetch

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"kpkg-btf/internal/where"
)

// Digest is a checksum that an index gives: its algorithm and lower-case hex.
// The zero Digest is none.
type Digest struct{ Algorithm, Hex string }

// algorithms are the digests that are taken as proof. MD5 and SHA-1 are not.
var algorithms = map[string]func() hash.Hash{"sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New}

// newDigest takes a digest from an index.
func newDigest(algorithm, text string) (Digest, error) {
	d := Digest{strings.ToLower(algorithm), strings.ToLower(text)}
	h, ok := algorithms[d.Algorithm]
	if !ok {
		return Digest{}, where.New(where.Unsupported, "checksum type %s proves nothing", where.Clean(algorithm)).
			WithHint("the index must carry SHA-256, SHA-384 or SHA-512")
	}
	if sum, err := hex.DecodeString(d.Hex); err != nil || len(sum) != h().Size() {
		return Digest{}, where.New(where.Malformed, "%s is not a %s", where.Clean(text), d.Algorithm)
	}
	return d, nil
}

// check reads r to its end and reports whether it is the promised content.
func (d Digest) check(r io.Reader, size int64) error {
	h := algorithms[d.Algorithm]()
	n, err := io.Copy(h, io.LimitReader(r, size+1))
	switch {
	case err != nil:
		return err
	case n > size:
		return where.New(where.Malformed, "more than the %d bytes that the index says", size)
	case n < size:
		return where.New(where.Malformed, "%d bytes, the index says %d", n, size)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != d.Hex {
		return where.New(where.Malformed, "%s is %s…, the index says %s…", d.Algorithm, got[:16], d.Hex[:16]).
			WithHint("damaged on the way, or not what was published")
	}
	return nil
}

// Verify checks that a file is what an index says.
func Verify(name string, size int64, want Digest) error {
	if err := checkFile(name, size, want); err != nil {
		if where.KindOf(err) == where.Internal { // of the file system
			err = where.New(where.IO, "%w", err)
		}
		return where.In(name, err)
	}
	return nil
}
