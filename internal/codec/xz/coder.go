package xz

import "encoding/binary"

const (
	probBits = 11
	moveBits = 5
	topValue = 1 << 24
	bufSize  = 1 << 17 // of the input buffer; a power of two, so that an index needs no check
)

// coder is the range coder and its place in the input. It is handed about by
// value: small enough for registers. Rng and code have 32 bits each; 64 so that
// a subtraction shows its borrow. norm comes before each bit.
type coder struct {
	rng, code uint64
	in        *[bufSize]byte
	ip        int
}

// newCoder begins with the first five bytes at ip; false if they are none that
// an encoder writes.
func newCoder(in *[bufSize]byte, ip int) (coder, bool) {
	c := coder{rng: 1<<32 - 1, code: uint64(binary.BigEndian.Uint32(in[ip+1:])), in: in, ip: ip + 5}
	return c, in[ip] == 0 && c.code != c.rng
}

func (c coder) norm() coder {
	if c.rng < topValue {
		c.rng <<= 8
		c.code = c.code<<8 | uint64(c.in[c.ip&(bufSize-1)])
		c.ip++
	}
	return c
}

// bit decodes a bit that is often the same, with a branch.
func (c coder) bit(p *uint16) (coder, bool) {
	v := uint64(*p)
	bound := c.rng >> probBits * v
	if c.code < bound {
		*p = uint16(v + (1<<probBits-v)>>moveBits)
		c.rng = bound
		return c, false
	}
	*p = uint16(v - v>>moveBits)
	c.rng -= bound
	c.code -= bound
	return c, true
}

// blind decodes a bit that no predictor can guess, without a branch. The mask
// is all ones where the bit is 0.
func (c coder) blind(p *uint16) (coder, uint32) {
	v := uint64(*p)
	bound := c.rng >> probBits * v
	left := c.code - bound
	mask := uint64(int64(left) >> 63)
	c.code = left + bound&mask
	c.rng -= bound
	c.rng ^= (c.rng ^ bound) & mask
	*p = uint16(v - uint64(int64(v-((1<<probBits-31)&mask))>>moveBits))
	return c, uint32(mask)
}

// literal decodes a byte that follows a byte.
func (c coder) literal(t *[litSize]uint16) (coder, byte) {
	m := uint32(1)
	for m < 0x100 {
		var mask uint32
		c, mask = c.norm().blind(&t[m])
		m = m<<1 + 1 + mask
	}
	return c, byte(m)
}

// unlike decodes a byte that follows a match: the model knows the byte that
// the match would go on with.
func (c coder) unlike(t *[litSize]uint16, like uint32) (coder, byte) {
	m, offs := uint32(1), uint32(0x100)
	for m < 0x100 {
		like <<= 1
		var mask uint32
		c, mask = c.norm().blind(&t[offs+like&offs+m])
		m = m<<1 + 1 + mask
		offs &= like ^ mask
	}
	return c, byte(m)
}
