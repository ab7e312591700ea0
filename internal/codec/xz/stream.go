package xz

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"io"

	"kpkg-btf/internal/where"
)

const (
	headerMagic = "\xfd7zXZ\x00"
	footerMagic = "YZ"
	headerSize  = 12
	footerSize  = 12
	maxBlocks   = 1 << 20 // of one stream; a 64 GiB payload in blocks of 64 KiB
)

// record is what the index says of a block.
type record struct {
	unpadded int64 // bytes of header, data and check
	size     int64 // bytes of output
}

// header is that of a stream with check id.
func header(id byte) []byte {
	h := append([]byte(headerMagic), 0, id)
	return binary.LittleEndian.AppendUint32(h, crc32.ChecksumIEEE(h[6:]))
}

// tail makes what follows the blocks of a stream, index and footer, in b. The
// format leaves no choice in them, so a reader need only compare.
func tail(b []byte, records []record, id byte) []byte {
	le := binary.LittleEndian
	b = binary.AppendUvarint(append(b[:0], 0), uint64(len(records)))
	for _, r := range records {
		b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(r.unpadded)), uint64(r.size))
	}
	for len(b)&3 != 0 {
		b = append(b, 0)
	}
	b = le.AppendUint32(b, crc32.ChecksumIEEE(b))
	size := len(b)
	b = le.AppendUint32(append(b, 0, 0, 0, 0), uint32(size/4-1))
	b = append(b, 0, id)
	le.PutUint32(b[size:], crc32.ChecksumIEEE(b[size+4:]))
	return append(b, footerMagic...)
}

// header reads the header of a stream.
func (d *decoder) header() error {
	at := d.in.off()
	h, err := d.in.take(headerSize, "an xz stream header")
	switch {
	case err != nil:
		return err
	case string(h[:6]) != headerMagic:
		return where.New(where.Malformed, "no xz magic").At(at)
	case crc32.ChecksumIEEE(h[6:8]) != binary.LittleEndian.Uint32(h[8:]):
		return where.New(where.Malformed, "xz stream header checksum mismatch").At(at)
	case h[6] != 0:
		return where.New(where.Unsupported, "xz stream flags %02x%02x", h[6], h[7]).At(at)
	}
	d.records, d.next = d.records[:0], (*decoder).blockOrIndex
	return d.c.set(h[7], at)
}

// blockOrIndex reads what comes after the header or a block: the header of a
// block, or the rest of the stream.
func (d *decoder) blockOrIndex() error {
	if err := d.in.must(1, "an xz block or index"); err != nil {
		return err
	}
	if d.in.buf[d.in.rd] == 0 {
		return d.finish()
	}
	if len(d.records) == maxBlocks {
		return where.New(where.Limit, "more than %d blocks in one xz stream", maxBlocks).At(d.in.off())
	}
	return d.beginBlock()
}

// finish reads index and footer.
func (d *decoder) finish() error {
	d.tail = tail(d.tail, d.records, d.c.id)
	for want := d.tail; len(want) > 0; {
		at, n := d.in.off(), min(len(want), maxTake)
		b, err := d.in.take(n, "the end of an xz index")
		if err != nil {
			return err
		}
		if !bytes.Equal(b, want[:n]) {
			return where.New(where.Malformed, "xz index or footer differs from its blocks").At(at)
		}
		want = want[n:]
	}
	d.next = (*decoder).padding
	if d.single {
		return io.EOF
	}
	return nil
}

// padding skips the zeros behind a stream, in groups of four; another stream
// or the end follows.
func (d *decoder) padding() error {
	begin := d.in.off()
	err := d.in.have(1, "")
	for ; err == nil && d.in.buf[d.in.rd] == 0; err = d.in.have(1, "") {
		d.in.rd++
	}
	if n := d.in.off() - begin; n&3 != 0 && (err == nil || err == io.EOF) {
		return where.New(where.Malformed, "xz stream padding of %d bytes", n).At(begin)
	}
	if err == nil && (d.in.have(len(headerMagic), "") != nil || string(d.in.buf[d.in.rd:][:len(headerMagic)]) != headerMagic) {
		return where.New(where.Malformed, "trailing garbage after the last xz stream").At(d.in.off())
	}
	d.next = (*decoder).header
	return err
}
