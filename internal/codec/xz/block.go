package xz

import (
	"encoding/binary"
	"hash/crc32"

	"kpkg-btf/internal/where"
)

const (
	maxFilters  = 4
	noSize      = -1 // a size that the block header does not give
	lzma2ID     = 0x21
	maxDictBits = 40 // the property that stands for 4 GiB - 1
)

// block is what a block header says, and then what the block really was.
type block struct {
	at         int64 // offset of its header
	headerSize int64
	wantPacked int64 // sizes from the header, or noSize
	wantSize   int64
	packedAt   int64 // offset of the compressed data
	dict       uint32
	filters    [maxFilters - 1]filter // in the order of encoding, without LZMA2
	filterN    int
}

// readHeader reads the header whose first byte, not zero, is next: core.more
// has seen it.
func (b *block) readHeader(in *input, maxDict int64) error {
	*b = block{at: in.off(), wantPacked: noSize, wantSize: noSize}
	if err := in.have(1, "a block header"); err != nil {
		return err
	}
	size := (int(in.buf[in.rd]) + 1) * 4
	h, err := in.take(size, "a block header")
	if err != nil {
		return err
	}
	b.headerSize, b.packedAt = int64(size), in.off()
	if crc32.ChecksumIEEE(h[:size-4]) != binary.LittleEndian.Uint32(h[size-4:]) {
		return where.New(where.Malformed, "block header checksum mismatch").At(b.at)
	}
	p := fields{b: h[2 : size-4]}
	flags := h[1]
	if flags&0x3c != 0 {
		return where.New(where.Unsupported, "xz block flags 0x%02x", flags).At(b.at)
	}
	if flags&0x40 != 0 {
		b.wantPacked = int64(p.vli())
		p.bad = p.bad || b.wantPacked == 0
	}
	if flags&0x80 != 0 {
		b.wantSize = int64(p.vli())
	}
	n := int(flags&3) + 1
	for i := range n {
		id, props := p.vli(), p.bytes(p.vli())
		if p.bad {
			break
		}
		if err = b.addFilter(id, props, i == n-1, maxDict); err != nil {
			return err
		}
	}
	if p.bad {
		return where.New(where.Malformed, "bad block header").At(b.at)
	}
	for _, c := range p.b {
		if c != 0 {
			return where.New(where.Unsupported, "xz block header with unknown fields").At(b.at)
		}
	}
	return nil
}

// addFilter takes one entry of the filter chain.
func (b *block) addFilter(id uint64, props []byte, last bool, maxDict int64) error {
	if id == lzma2ID && last {
		if len(props) != 1 || props[0] > maxDictBits {
			return where.New(where.Malformed, "bad LZMA2 properties %x", props).At(b.at)
		}
		dict := uint64(2|props[0]&1) << (props[0]/2 + 11)
		b.dict = uint32(min(dict, 1<<32-1))
		if int64(b.dict) > maxDict {
			return where.New(where.Limit, "an xz dictionary of %d bytes, more than the %d allowed", dict, maxDict).At(b.at)
		}
		return nil
	}
	f, ok := newFilter(id, props)
	if !ok || last {
		return where.New(where.Unsupported, "xz filter 0x%x with properties %x", id, props).At(b.at)
	}
	b.filters[b.filterN] = f
	b.filterN++
	return nil
}

// fields reads numbers and byte strings from a header; bad is set at the first
// that does not fit.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) vli() (v uint64) {
	for i := range f.b {
		c := f.b[i]
		v |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			f.b = f.b[i+1:]
			f.bad = f.bad || c == 0 && i > 0
			return v
		}
		if i == 8 {
			break
		}
	}
	f.bad = true
	return 0
}

func (f *fields) bytes(n uint64) []byte {
	if n > uint64(len(f.b)) {
		f.bad = true
		return nil
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}

// inBounds stops a block as soon as it is larger than its header says.
func (b *block) inBounds(in *input, size int64) error {
	if b.wantSize != noSize && size > b.wantSize || b.wantPacked != noSize && in.off()-b.packedAt > b.wantPacked {
		return where.New(where.Malformed, "block is larger than its header says").At(in.off())
	}
	return nil
}

// end reads the padding and the check behind the data and gives what the index
// must say of the block.
func (b *block) end(in *input, c *check, size int64) (record, error) {
	packed := in.off() - b.packedAt
	if b.wantPacked != noSize && b.wantPacked != packed || b.wantSize != noSize && b.wantSize != size {
		return record{}, where.New(where.Malformed, "block sizes differ from its header").At(b.at)
	}
	pad, err := in.take(int(-packed&3), "block padding")
	if err != nil {
		return record{}, err
	}
	for _, x := range pad {
		if x != 0 {
			return record{}, where.New(where.Malformed, "block padding is not zero").At(in.off())
		}
	}
	at := in.off()
	sum, err := in.take(c.size, "a block check")
	if err != nil {
		return record{}, err
	}
	if !c.equals(sum) {
		return record{}, where.New(where.Malformed, "block check mismatch").At(at)
	}
	return record{b.headerSize + packed + int64(c.size), size}, nil
}

// record is what the index says of a block.
type record struct {
	unpadded int64 // bytes of header, data and check
	size     int64 // bytes of output
}
