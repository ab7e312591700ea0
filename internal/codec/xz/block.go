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

// block is what a block header says.
type block struct {
	at      int64 // offset of the header
	dataAt  int64 // offset of the compressed data
	packed  int64 // sizes, or noSize
	size    int64
	begin   int64 // size of the window's output before it
	dict    uint32
	filters [maxFilters - 1]filter // in the order of encoding, without LZMA2
	filterN int
}

// beginBlock reads the header whose first byte, not zero, is next.
func (d *decoder) beginBlock() error {
	at := d.in.off()
	size := (int(d.in.buf[d.in.rd]) + 1) * 4
	h, err := d.in.take(size, "a block header")
	if err != nil {
		return err
	}
	if crc32.ChecksumIEEE(h[:size-4]) != binary.LittleEndian.Uint32(h[size-4:]) {
		return where.New(where.Malformed, "block header checksum mismatch").At(at)
	}
	d.blk = block{at: at, dataAt: d.in.off(), packed: noSize, size: noSize, begin: d.w.size()}
	if err := d.blk.parse(h[1:size-4], d.maxDict); err != nil {
		return err.At(at)
	}
	d.w.begin(d.blk.dict)
	d.lzma2.begin()
	d.c.Reset()
	d.next = (*decoder).data
	return nil
}

// parse reads the header from its flags on.
func (b *block) parse(h []byte, maxDict int64) *where.Error {
	p := fields{b: h[1:]}
	flags := h[0]
	if flags&0x3c != 0 {
		return where.New(where.Unsupported, "xz block flags 0x%02x", flags)
	}
	if flags&0x40 != 0 {
		b.packed = p.vli()
		p.bad = p.bad || b.packed == 0
	}
	if flags&0x80 != 0 {
		b.size = p.vli()
	}
	for n := flags & 3; ; n-- {
		id, props := p.vli(), p.bytes()
		if p.bad {
			return where.New(where.Malformed, "bad block header")
		}
		if err := b.addFilter(id, props, n == 0, maxDict); err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	for _, c := range p.b {
		if c != 0 {
			return where.New(where.Unsupported, "xz block header with unknown fields")
		}
	}
	return nil
}

// addFilter takes one entry of the filter chain.
func (b *block) addFilter(id int64, props []byte, last bool, maxDict int64) *where.Error {
	if id == lzma2ID && last {
		if len(props) != 1 || props[0] > maxDictBits {
			return where.New(where.Malformed, "bad LZMA2 properties %x", props)
		}
		dict := min(uint64(2|props[0]&1)<<(props[0]/2+11), 1<<32-1)
		if int64(dict) > maxDict {
			return where.New(where.Limit, "an xz dictionary of %d bytes, more than the %d allowed", dict, maxDict)
		}
		b.dict = uint32(dict)
		return nil
	}
	f, ok := newFilter(id, props)
	if !ok || last {
		return where.New(where.Unsupported, "xz filter 0x%x with properties %x", id, props)
	}
	b.filters[b.filterN] = f
	b.filterN++
	return nil
}

// data decodes one chunk, and at the end of the block its check.
func (d *decoder) data() error {
	b := &d.blk
	out, more, err := d.chunk(&d.in, &d.w)
	if err != nil {
		return err
	}
	packed, size := d.in.off()-b.dataAt, d.w.size()-b.begin
	if b.size != noSize && size > b.size || b.packed != noSize && packed > b.packed {
		return where.New(where.Malformed, "block is larger than its header says").At(d.in.off())
	}
	d.out = b.unfilter(&d.w, out, !more)
	d.c.Write(d.out)
	if more {
		return nil
	}
	if b.packed != noSize && b.packed != packed || b.size != noSize && b.size != size {
		return where.New(where.Malformed, "block sizes differ from its header").At(b.at)
	}
	if err := d.endBlock(packed); err != nil {
		return err
	}
	d.records = append(d.records, record{b.dataAt - b.at + packed + int64(d.c.size), size})
	d.next = (*decoder).blockOrIndex
	return nil
}

// endBlock reads the padding and the check behind the packed bytes of data.
func (d *decoder) endBlock(packed int64) error {
	pad, err := d.in.take(int(-packed&3), "block padding")
	if err != nil {
		return err
	}
	for _, c := range pad {
		if c != 0 {
			return where.New(where.Malformed, "block padding is not zero").At(d.in.off())
		}
	}
	at := d.in.off()
	sum, err := d.in.take(d.c.size, "a block check")
	if err == nil && !d.c.equals(sum) {
		err = where.New(where.Malformed, "block check mismatch").At(at)
	}
	return err
}

// fields reads numbers and byte strings from a header or an index; bad is set
// at the first that does not fit.
type fields struct {
	b   []byte
	bad bool
}

// vli reads a number of at most 63 bits; redundant zero bytes at its end are
// refused (xz file format 1.2, 1.2).
func (f *fields) vli() int64 {
	v, n := binary.Uvarint(f.b)
	if n <= 0 || v >= 1<<63 || n > 1 && f.b[n-1] == 0 {
		f.bad, f.b = true, nil
		return 0
	}
	f.b = f.b[n:]
	return int64(v)
}

// bytes reads a length and as many bytes.
func (f *fields) bytes() []byte {
	n := f.vli()
	if n > int64(len(f.b)) {
		f.bad = true
		return nil
	}
	b := f.b[:n]
	f.b = f.b[n:]
	return b
}
