package xz

import (
	"encoding/binary"
	"hash"
	"hash/crc64"
)

// The standard library's CRC-64 waits for one table look-up after the other:
// its speed is their latency. Here lanes parts of a chunk advance side by side,
// and are then put together: the register behind A‖B is the register behind A
// moved over as many zero bytes as B has, added to that of B alone.
const (
	lanes   = 4
	laneLen = 2 << 10
)

var (
	crc64Table  = crc64.MakeTable(crc64.ECMA)
	crc64Tables = slicing(crc64Table)
	crc64Zeros  = overZeros(&crc64Tables)
)

// slicing makes the tables for eight bytes at a time: entry b of table i is
// what b becomes over i further zero bytes.
func slicing(first *crc64.Table) (t [8]crc64.Table) {
	t[0] = *first
	for i := 1; i < len(t); i++ {
		for b, v := range t[i-1] {
			t[i][b] = t[0][byte(v)] ^ v>>8
		}
	}
	return t
}

// overZeros is where each bit of a register is after laneLen zero bytes.
func overZeros(t *[8]crc64.Table) (m [64]uint64) {
	for i := range m {
		m[i] = 1 << i
		for range laneLen {
			m[i] = t[0][byte(m[i])] ^ m[i]>>8
		}
	}
	return m
}

func moved(c uint64) (out uint64) {
	for i := range crc64Zeros {
		out ^= crc64Zeros[i] & -(c >> i & 1)
	}
	return out
}

// crc64Hash is CRC-64/XZ.
type crc64Hash struct{ sum uint64 }

func (h *crc64Hash) Write(p []byte) (int, error) {
	n := len(p)
	c := ^h.sum
	for ; len(p) >= lanes*laneLen; p = p[lanes*laneLen:] {
		c = chunk(c, (*[lanes * laneLen]byte)(p))
	}
	h.sum = crc64.Update(^c, crc64Table, p)
	return n, nil
}

// chunk is the register behind p.
func chunk(c0 uint64, p *[lanes * laneLen]byte) uint64 {
	var c1, c2, c3 uint64
	for i := 0; i < laneLen; i += 8 {
		c0 = eight(c0 ^ binary.LittleEndian.Uint64(p[i:]))
		c1 = eight(c1 ^ binary.LittleEndian.Uint64(p[laneLen+i:]))
		c2 = eight(c2 ^ binary.LittleEndian.Uint64(p[2*laneLen+i:]))
		c3 = eight(c3 ^ binary.LittleEndian.Uint64(p[3*laneLen+i:]))
	}
	return moved(moved(moved(c0)^c1)^c2) ^ c3
}

func eight(c uint64) uint64 {
	t := &crc64Tables
	return t[7][byte(c)] ^ t[6][byte(c>>8)] ^ t[5][byte(c>>16)] ^ t[4][byte(c>>24)] ^
		t[3][byte(c>>32)] ^ t[2][byte(c>>40)] ^ t[1][byte(c>>48)] ^ t[0][byte(c>>56)]
}

func (h *crc64Hash) Sum(b []byte) []byte { return binary.BigEndian.AppendUint64(b, h.sum) }
func (h *crc64Hash) Reset()              { h.sum = 0 }
func (h *crc64Hash) Size() int           { return crc64.Size }
func (h *crc64Hash) BlockSize() int      { return 1 }

var _ hash.Hash = (*crc64Hash)(nil)
