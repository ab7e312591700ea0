// Package cpio reads the payload of an rpm: the "newc" format (magic 070701),
// its form with checksums (070702), and rpm's stripped form (07070X), whose
// entries carry nothing but an index into the file list of the rpm header.
//
// Rules: cpio(5) of the newc format; rpm 4.18 lib/cpio.c
// (rpmcpioHeaderRead, rpmcpioStrippedHeaderWrite). Names and contents are
// padded to four bytes counted from the start of the archive. The archive
// ends with an entry TRAILER!!!, which must be there, and only zeros follow.
package cpio

import (
	"bufio"
	"bytes"
	"io"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

const (
	magicNewc     = "070701"
	magicCRC      = "070702"
	magicStripped = "07070X"
	headerLen     = 110
	strippedLen   = 14
	trailer       = "TRAILER!!!"
	bufferLen     = 128 << 10
)

// Header is one entry. Of a stripped one only Stripped, Index, Size and the
// offsets are set.
type Header struct {
	Stripped bool
	Index    uint32 // into the rpm header's file list
	Name     string // as written, never cleaned
	Ino      uint32
	Mode     uint32 // with the file type bits
	UID, GID uint32
	NLink    uint32
	MTime    uint32
	DevMajor uint32
	DevMinor uint32
	Size     int64
	// Off is where the entry begins in the archive, Data where its content
	// does.
	Off, Data int64
}

// Reader reads entries one after the other.
type Reader struct {
	src     source
	buf     *bufio.Reader
	sizes   func(index uint32) (int64, error)
	off     int64
	content int64
	raw     []byte
	gap     []byte // the padding before raw
	zeros   int64  // how many follow the trailer
	hdr     Header
	crc     bool // content is summed up
	sum     uint32
	want    uint32
	spare   []byte
	ended   bool
	chain   bool
}

// source remembers the error of the reader below.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// NewReader reads an archive from r. The sizes of stripped entries come from
// sizes; without it they are Unsupported.
func NewReader(r io.Reader, sizes func(index uint32) (int64, error)) *Reader {
	c := &Reader{src: source{r: r}, sizes: sizes}
	c.buf = bufio.NewReaderSize(&c.src, bufferLen)
	return c
}

// NewChain reads archives one after the other, with zeros between them, as the
// kernel reads an initramfs (init/initramfs.c, unpack_to_rootfs): what begins
// with "0" after a trailer is the next archive. Next gives io.EOF at the end of
// r, or at the first other byte, whose offset is Consumed.
func NewChain(r io.Reader) *Reader {
	c := NewReader(r, nil)
	c.chain = true
	return c
}

// Consumed is how many bytes of the source belong to what was read, zeros
// after a trailer included, once Next gave io.EOF.
func (c *Reader) Consumed() int64 { return c.off }

// SourceErr is the error of the reader below, if it failed.
func (c *Reader) SourceErr() error { return c.src.err }

// Raw is the header of the current entry with its name and padding, exactly
// as read, valid until the next call of Next.
func (c *Reader) Raw() []byte { return c.raw }

// Gap is the padding between the content of the entry before and Raw, exactly
// as read, valid until the next call of Next.
func (c *Reader) Gap() []byte { return c.gap }

// Zeros is how many zero bytes follow the trailer, which is Raw once Next gave
// io.EOF.
func (c *Reader) Zeros() int64 { return c.zeros }

// End is where the trailer begins, once Next gave io.EOF.
func (c *Reader) End() int64 { return c.hdr.Off }

// Next skips what is left of the current entry and reads the next header. It
// gives io.EOF after the trailer, once the stream below has been read to its
// end. The header is valid until the next call.
func (c *Reader) Next() (*Header, error) {
	for !c.ended {
		if h, err := c.next(); h != nil || err != nil {
			return h, err
		}
	}
	return nil, io.EOF
}

// next gives neither header nor error after the trailer of an archive that
// another one follows.
func (c *Reader) next() (*Header, error) {
	if err := c.skip(); err != nil {
		return nil, err
	}
	c.hdr = Header{Off: c.off}
	c.crc = false
	magic, err := c.take(0, len(magicNewc))
	if err != nil {
		return nil, err
	}
	switch string(magic) {
	case magicStripped:
		err = c.stripped()
	case magicNewc, magicCRC:
		err = c.newc(string(magic) == magicCRC)
	default:
		err = where.New(where.Malformed, "cpio header begins with %q", magic).At(c.hdr.Off)
	}
	if err != nil {
		return nil, err
	}
	c.hdr.Data = c.off
	if c.hdr.Name == trailer && !c.hdr.Stripped {
		return nil, c.end()
	}
	if c.hdr.Size < 0 || c.hdr.Size > limits.MaxPayload {
		return nil, where.New(where.Limit, "cpio entry of %d bytes", c.hdr.Size).At(c.hdr.Off)
	}
	c.content = c.hdr.Size
	return &c.hdr, nil
}

// take reads until the raw header has n bytes and gives those from at on.
func (c *Reader) take(at, n int) ([]byte, error) {
	if at == 0 {
		c.raw = c.raw[:0]
	}
	have := len(c.raw)
	if n > cap(c.raw) {
		c.raw = append(make([]byte, 0, n+64), c.raw...)
	}
	c.raw = c.raw[:n]
	got, err := io.ReadFull(c.buf, c.raw[have:])
	c.off += int64(got)
	if err != nil {
		return nil, c.truncated(err, c.off, "cpio archive has no "+trailer)
	}
	return c.raw[at:], nil
}

func (c *Reader) truncated(err error, at int64, what string) error {
	if c.src.err != nil {
		return c.src.err
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return where.New(where.Malformed, "truncated: %s", what).At(at)
	}
	return err
}

// padded takes the bytes up to the next multiple of four of the archive.
func (c *Reader) padded() error {
	_, err := c.take(len(c.raw), len(c.raw)+int(-c.off&3))
	return err
}

func (c *Reader) stripped() error {
	h := &c.hdr
	h.Stripped = true
	field, err := c.take(len(magicStripped), strippedLen)
	if err != nil {
		return err
	}
	index, ok := hex8(field)
	if !ok {
		return where.New(where.Malformed, "cpio file index %q is not a hexadecimal number", field).At(h.Off + 6)
	}
	h.Index = index
	if c.sizes == nil {
		return where.New(where.Unsupported, "stripped cpio entry without an rpm header").At(h.Off)
	}
	if h.Size, err = c.sizes(index); err != nil {
		return where.New(where.Malformed, "%w", err).At(h.Off + 6)
	}
	return c.padded()
}

func (c *Reader) newc(crc bool) error {
	h := &c.hdr
	fields, err := c.take(len(magicNewc), headerLen)
	if err != nil {
		return err
	}
	var v [13]uint32
	for i := range v {
		f := fields[8*i : 8*i+8]
		var ok bool
		if v[i], ok = hex8(f); !ok {
			return where.New(where.Malformed, "cpio header field #%d: %q is not a hexadecimal number", i, f).At(h.Off + 6 + 8*int64(i))
		}
	}
	h.Ino, h.Mode, h.UID, h.GID, h.NLink, h.MTime = v[0], v[1], v[2], v[3], v[4], v[5]
	h.Size, h.DevMajor, h.DevMinor = int64(v[6]), v[7], v[8]
	if v[11] < 2 || v[11] > limits.MaxName {
		return where.New(where.Malformed, "cpio name of %d bytes", v[11]).At(h.Off + 94)
	}
	name, err := c.take(headerLen, headerLen+int(v[11]))
	if err != nil {
		return err
	}
	i := bytes.IndexByte(name, 0)
	// The kernel takes a name as a C string; dracut pads names so that contents
	// lie on block boundaries.
	padded := c.chain && i > 0 && name[len(name)-1] == 0
	if i != len(name)-1 && !padded {
		return where.New(where.Malformed, "cpio name has its NUL at %d of %d bytes", i, len(name)).At(h.Off + headerLen)
	}
	h.Name = string(name[:i])
	c.crc, c.sum, c.want = crc, 0, v[12]
	return c.padded()
}

func hex8(f []byte) (n uint32, ok bool) {
	for _, b := range f {
		switch {
		case b >= '0' && b <= '9':
			n = n<<4 | uint32(b-'0')
		case b >= 'a' && b <= 'f':
			n = n<<4 | uint32(b-'a'+10)
		case b >= 'A' && b <= 'F':
			n = n<<4 | uint32(b-'A'+10)
		default:
			return 0, false
		}
	}
	return n, true
}

// Read returns the content of the current entry. A wrong checksum is reported
// with its last bytes.
func (c *Reader) Read(p []byte) (int, error) {
	if c.content == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > c.content {
		p = p[:c.content]
	}
	n, err := c.buf.Read(p)
	c.off += int64(n)
	c.content -= int64(n)
	if err != nil && (err != io.EOF || c.content > 0) {
		return n, c.truncated(err, c.off, "cpio archive ends within the content of entry "+where.Clean(c.hdr.Name))
	}
	return n, c.add(p[:n])
}

// add sums content up; after the last byte the sum must be the header's.
func (c *Reader) add(p []byte) error {
	if !c.crc {
		return nil
	}
	for _, b := range p {
		c.sum += uint32(b)
	}
	if c.content == 0 && c.sum != c.want {
		return where.New(where.Malformed, "cpio checksum of %s is %08x, its header says %08x", where.Clean(c.hdr.Name), c.sum, c.want).At(c.off)
	}
	return nil
}

// scratch is memory for content that nobody wants but the checksum needs.
func (c *Reader) scratch() []byte {
	if c.spare == nil {
		c.spare = make([]byte, 32<<10)
	}
	return c.spare
}

func (c *Reader) skip() error {
	for c.crc && c.content > 0 {
		if _, err := c.Read(c.scratch()); err != nil {
			return err
		}
	}
	for c.content > 0 {
		n, err := c.buf.Discard(int(min(c.content, 1<<30)))
		c.off += int64(n)
		c.content -= int64(n)
		if err != nil {
			return c.truncated(err, c.off, "cpio archive ends within the content of entry "+where.Clean(c.hdr.Name))
		}
	}
	c.gap = c.gap[:0]
	for pad := -c.off & 3; pad > 0; pad-- {
		b, err := c.buf.ReadByte()
		if err != nil {
			return c.truncated(err, c.off, "cpio archive has no "+trailer)
		}
		c.gap = append(c.gap, b)
		c.off++
	}
	return nil
}

// end reads what follows the trailer: only zeros.
func (c *Reader) end() error {
	if c.hdr.Size != 0 {
		return where.New(where.Malformed, "cpio %s has %d bytes of content", trailer, c.hdr.Size).At(c.hdr.Off)
	}
	for {
		p, err := c.buf.Peek(512)
		for i, b := range p {
			if b != 0 && c.chain {
				return c.follows(i, b)
			}
			if b != 0 {
				return where.New(where.Malformed, "data after the end of the cpio archive").At(c.off + int64(i))
			}
		}
		n, _ := c.buf.Discard(len(p))
		c.off += int64(n)
		c.zeros += int64(n)
		if err == io.EOF {
			c.ended = true
			return io.EOF
		}
		if err != nil {
			return c.truncated(err, c.off, "cpio archive")
		}
	}
}

// follows is at byte b, i bytes ahead, after a trailer and zeros: it begins the
// next archive, or something else ends the chain.
func (c *Reader) follows(i int, b byte) error {
	n, _ := c.buf.Discard(i)
	c.off += int64(n)
	c.zeros += int64(n)
	if b == magicNewc[0] {
		return nil
	}
	c.ended = true
	return io.EOF
}
