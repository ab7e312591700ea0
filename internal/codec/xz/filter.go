package xz

import "encoding/binary"

// filter undoes one filter of a block in place.
type filter struct {
	convert func(f *filter, b []byte) int // converts a prefix, gives its length; the rest needs more bytes
	pos     uint32                        // of the next byte, as the filter counts
	mask    uint32                        // x86: which of the last bytes looked like an opcode
	dist    int                           // delta
	hist    [256]byte                     // delta: the last bytes
	histPos byte
}

// converters by filter id (xz file format 1.2, 5.3.2) with the alignment that
// a start offset must have.
var converters = map[uint64]struct {
	convert func(f *filter, b []byte) int
	align   uint32
}{
	4:  {x86, 1},
	5:  {powerPC, 4},
	6:  {ia64, 16},
	7:  {arm, 4},
	8:  {armThumb, 2},
	9:  {sparc, 4},
	10: {arm64, 4},
	11: {riscv, 2},
}

const deltaID = 3

// newFilter makes the filter with that id; false if the id or its properties
// mean nothing.
func newFilter(id uint64, props []byte) (filter, bool) {
	if id == deltaID {
		if len(props) != 1 {
			return filter{}, false
		}
		return filter{convert: delta, dist: int(props[0]) + 1}, true
	}
	c, ok := converters[id]
	f := filter{convert: c.convert}
	switch {
	case !ok:
		return f, false
	case len(props) == 4:
		f.pos = binary.LittleEndian.Uint32(props)
		return f, f.pos%c.align == 0
	}
	return f, len(props) == 0
}

// apply converts as much of b as can be and gives its length; what is left, a
// few bytes, stays as it is at the end of a block.
func (f *filter) apply(b []byte) int {
	n := f.convert(f, b)
	f.pos += uint32(n)
	return n
}

// delta adds the byte dist before.
func delta(f *filter, b []byte) int {
	for i := range b {
		b[i] += f.hist[byte(int(f.histPos)-f.dist)]
		f.hist[f.histPos] = b[i]
		f.histPos++
	}
	return len(b)
}
