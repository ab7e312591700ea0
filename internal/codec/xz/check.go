package xz

import (
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"slices"

	"kpkg-btf/internal/where"
)

// Check ids (xz file format 1.2, 2.1.1.2).
const (
	checkNone   = 0
	checkCRC32  = 1
	checkCRC64  = 4
	checkSHA256 = 10
)

// check is the running check of a block.
type check struct {
	id   byte
	size int
	hash.Hash
	made [checkSHA256 + 1]hash.Hash // kept between streams
	sum  [sha256.Size]byte
}

// set takes the check id of the stream at offset at. Ids without a meaning are
// refused: data that cannot be checked is not taken.
func (c *check) set(id byte, at int64) error {
	if id > checkSHA256 || c.made[id] == nil {
		switch id {
		case checkNone:
			c.made[id] = noCheck{}
		case checkCRC32:
			c.made[id] = crc32.NewIEEE()
		case checkCRC64:
			c.made[id] = new(crc64Hash)
		case checkSHA256:
			c.made[id] = sha256.New()
		default:
			return where.New(where.Unsupported, "xz check type %d", id).At(at)
		}
	}
	c.id, c.Hash, c.size = id, c.made[id], c.made[id].Size()
	return nil
}

// equals compares with the bytes of the file, where CRCs are little endian.
func (c *check) equals(want []byte) bool {
	got := c.Sum(c.sum[:0])
	if c.id != checkSHA256 {
		slices.Reverse(got)
	}
	return string(got) == string(want)
}

// noCheck is the hash of no bytes.
type noCheck struct{ hash.Hash }

func (noCheck) Write(b []byte) (int, error) { return len(b), nil }
func (noCheck) Sum(b []byte) []byte         { return b }
func (noCheck) Reset()                      {}
func (noCheck) Size() int                   { return 0 }
