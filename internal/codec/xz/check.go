package xz

import (
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"hash/crc32"
	"hash/crc64"

	"kpkg-btf/internal/where"
)

// Check ids (xz file format 1.2, 2.1.1.2).
const (
	checkNone   = 0
	checkCRC32  = 1
	checkCRC64  = 4
	checkSHA256 = 10
)

var crc64Table = crc64.MakeTable(crc64.ECMA)

// check is the running check of a block.
type check struct {
	id   byte
	size int
	crc  uint64
	sha  hash.Hash // kept between blocks
	sum  [sha256.Size]byte
}

// set takes the check id of the stream at offset at. Ids without a meaning are refused: data
// that cannot be checked is not taken.
func (c *check) set(id byte, at int64) error {
	switch id {
	case checkNone:
		c.size = 0
	case checkCRC32:
		c.size = 4
	case checkCRC64:
		c.size = 8
	case checkSHA256:
		c.size = sha256.Size
		if c.sha == nil {
			c.sha = sha256.New()
		}
	default:
		return where.New(where.Unsupported, "xz check type %d", id).At(at)
	}
	c.id = id
	return nil
}

func (c *check) begin() {
	c.crc = 0
	if c.id == checkSHA256 {
		c.sha.Reset()
	}
}

func (c *check) update(b []byte) {
	switch c.id {
	case checkCRC32:
		c.crc = uint64(crc32.Update(uint32(c.crc), crc32.IEEETable, b))
	case checkCRC64:
		c.crc = crc64.Update(c.crc, crc64Table, b)
	case checkSHA256:
		c.sha.Write(b)
	}
}

// equals compares with the bytes of the file.
func (c *check) equals(want []byte) bool {
	switch c.id {
	case checkCRC32:
		return binary.LittleEndian.Uint32(want) == uint32(c.crc)
	case checkCRC64:
		return binary.LittleEndian.Uint64(want) == c.crc
	case checkSHA256:
		return string(c.sha.Sum(c.sum[:0])) == string(want)
	}
	return true
}
