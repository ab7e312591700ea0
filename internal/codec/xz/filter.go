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
	held    []byte // in a window that slides: what was given last,
	done    int    // and how much of it is converted
}

// converters by filter id (xz file format 1.2, 5.3.2) with the alignment that
// a start offset must have.
var converters = [...]struct {
	convert func(f *filter, b []byte) int
	align   uint32
}{
	4:  {x86, 1},
	5:  {words(powerPC), 4},
	6:  {ia64, 16},
	7:  {words(arm), 4},
	8:  {armThumb, 2},
	9:  {words(sparc), 4},
	10: {words(arm64), 4},
	11: {riscv, 2},
}

const deltaID = 3

// newFilter makes the filter with that id; false if the id or its properties
// mean nothing.
func newFilter(id int64, props []byte) (f filter, ok bool) {
	switch {
	case id == deltaID && len(props) == 1:
		return filter{convert: delta, dist: int(props[0]) + 1}, true
	case id >= int64(len(converters)) || converters[id].convert == nil:
		return f, false
	case len(props) == 4:
		f.pos = binary.LittleEndian.Uint32(props)
	case len(props) != 0:
		return f, false
	}
	f.convert = converters[id].convert
	return f, f.pos%converters[id].align == 0
}

// apply converts as much of b as can be and gives its length; what is left, a
// few bytes, stays as it is at the end of a block.
func (f *filter) apply(b []byte) int {
	n := f.convert(f, b)
	f.pos += uint32(n)
	return n
}

// piece converts a copy of b, the next piece of a block, and gives what is
// finished by now.
func (f *filter) piece(b []byte, last bool) []byte {
	f.held = append(f.held[:copy(f.held, f.held[f.done:])], b...)
	f.done = f.apply(f.held)
	if last {
		f.done = len(f.held)
	}
	return f.held[:f.done]
}

// unfilter returns the output of the block that new dictionary bytes, out, lead
// to. A window that does not slide holds the whole block, which is converted
// in place when its dictionary is needed no more.
func (b *block) unfilter(w *window, out []byte, last bool) []byte {
	if b.filterN == 0 {
		return out
	}
	if !w.slide {
		if !last {
			return nil
		}
		out = w.buf[w.pos-int(w.size()-b.begin) : w.pos]
	}
	for i := b.filterN - 1; i >= 0; i-- {
		if w.slide {
			out = b.filters[i].piece(out, last)
		} else {
			b.filters[i].apply(out)
		}
	}
	return out
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
