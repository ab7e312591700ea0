package xz

import (
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

// core decodes the parts of .xz files from an input into a window. It keeps
// its tables between files.
type core struct {
	lzma2
	in      input
	c       check
	blk     block
	records []record // of the blocks of this stream so far
}

// streamHeader reads the header of a stream.
func (d *core) streamHeader(in *input) error {
	at := in.off()
	h, err := in.take(headerSize, "an xz stream header")
	if err != nil {
		return err
	}
	id, err := parseHeader(h, at)
	if err != nil {
		return err
	}
	d.records = d.records[:0]
	return d.c.set(id, at)
}

// parseHeader gives the check id of a stream header at offset at.
func parseHeader(h []byte, at int64) (byte, error) {
	if string(h[:6]) != headerMagic {
		return 0, where.New(where.Malformed, "no xz magic").At(at)
	}
	if crc32.ChecksumIEEE(h[6:8]) != binary.LittleEndian.Uint32(h[8:]) {
		return 0, where.New(where.Malformed, "xz stream header checksum mismatch").At(at)
	}
	if h[6] != 0 || h[7] > 15 {
		return 0, where.New(where.Unsupported, "xz stream flags %02x%02x", h[6], h[7]).At(at)
	}
	return h[7], nil
}

// parseFooter gives the size of the index and the check id from a footer at
// offset at.
func parseFooter(f []byte, at int64) (int64, byte, error) {
	if string(f[10:]) != footerMagic {
		return 0, 0, where.New(where.Malformed, "no xz footer magic").At(at)
	}
	if crc32.ChecksumIEEE(f[4:10]) != binary.LittleEndian.Uint32(f) {
		return 0, 0, where.New(where.Malformed, "xz footer checksum mismatch").At(at)
	}
	if f[8] != 0 || f[9] > 15 {
		return 0, 0, where.New(where.Unsupported, "xz stream flags %02x%02x", f[8], f[9]).At(at)
	}
	return (int64(binary.LittleEndian.Uint32(f[4:])) + 1) * 4, f[9], nil
}

// more tells whether a block comes next; otherwise the index does.
func (d *core) more(in *input) (bool, error) {
	if err := in.have(1, "an xz stream"); err != nil {
		if err == io.EOF {
			err = where.New(where.Malformed, "truncated: ends within an xz stream").At(in.off())
		}
		return false, err
	}
	return in.buf[in.rd] != 0, nil
}

func (d *core) addRecord(r record, in *input) error {
	if len(d.records) == maxBlocks {
		return where.New(where.Limit, "more than %d blocks in one xz stream", maxBlocks).At(in.off())
	}
	d.records = append(d.records, r)
	return nil
}

// finish reads the index, which must say what the blocks were, and the footer.
func (d *core) finish(in *input) error {
	n, err := d.index(in)
	if err != nil {
		return err
	}
	at := in.off()
	f, err := in.take(footerSize, "an xz footer")
	if err != nil {
		return err
	}
	size, id, err := parseFooter(f, at)
	if err != nil {
		return err
	}
	if size != n || id != d.c.id {
		return where.New(where.Malformed, "xz footer differs from its stream").At(at)
	}
	return nil
}

// index reads the index, whose zero byte is next, and gives its size.
func (d *core) index(in *input) (int64, error) {
	at := in.off()
	in.crc = 0
	if _, err := in.crcTake(1); err != nil {
		return 0, err
	}
	count, err := in.vli()
	if err != nil {
		return 0, err
	}
	if count != uint64(len(d.records)) {
		return 0, where.New(where.Malformed, "xz index has %d blocks, the stream %d", count, len(d.records)).At(at)
	}
	for _, r := range d.records {
		unpadded, err := in.vli()
		if err != nil {
			return 0, err
		}
		size, err := in.vli()
		if err != nil {
			return 0, err
		}
		if int64(unpadded) != r.unpadded || int64(size) != r.size {
			return 0, where.New(where.Malformed, "xz index differs from its blocks").At(at)
		}
	}
	err = in.indexEnd(at)
	return in.off() - at, err
}

// indexEnd reads the padding and the checksum of the index that began at at.
func (in *input) indexEnd(at int64) error {
	for (in.off()-at)&3 != 0 {
		c, err := in.crcTake(1)
		if err != nil {
			return err
		}
		if c[0] != 0 {
			return where.New(where.Malformed, "xz index padding is not zero").At(in.off())
		}
	}
	want := in.crc
	b, err := in.take(4, "an xz index")
	if err != nil {
		return err
	}
	if binary.LittleEndian.Uint32(b) != want {
		return where.New(where.Malformed, "xz index checksum mismatch").At(at)
	}
	return nil
}
