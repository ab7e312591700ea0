package codec

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"hash/adler32"
	"hash/crc32"
	"io"

	"github.com/anchore/go-lzo"

	"kpkg-btf/internal/where"
)

// Flags of the lzop header (lzop 1.04, conf.h).
const (
	lzopAdlerD = 0x0001
	lzopAdlerC = 0x0002
	lzopExtra  = 0x0040
	lzopCRCD   = 0x0100
	lzopCRCC   = 0x0200
	lzopMulti  = 0x0400
	lzopFilter = 0x0800
	lzopHCRC   = 0x1000

	lzopMaxBlock = 64 << 20
	lzopMagic    = "\x89LZO\x00\r\n\x1a\n"
)

// lzop reads the container of lzop(1): a checked header, then blocks with both
// sizes and their checksums, then a zero word; another header may follow.
type lzop struct {
	br     *bufio.Reader
	n      int64 // bytes used
	flags  uint32
	begun  bool
	prefix bool
	in     []byte
	out    []byte
	pos    int
}

func (l *lzop) Read(p []byte) (int, error) {
	for l.pos == len(l.out) {
		if err := l.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.out[l.pos:])
	l.pos += n
	return n, nil
}

// next decodes one block, beginning a member where one begins.
func (l *lzop) next() error {
	if !l.begun {
		if err := l.header(); err != nil {
			return err
		}
		l.begun = true
	}
	usize, err := l.u32("an lzop block size")
	if err != nil {
		return err
	}
	if usize != 0 {
		return l.block(usize)
	}
	if l.prefix {
		return io.EOF
	}
	if _, err := l.br.Peek(1); err != nil {
		return err
	}
	l.begun = false
	return nil
}

// header reads and checks a member's header.
func (l *lzop) header() error {
	h := make([]byte, 0, 512)
	take := func(n int) ([]byte, error) {
		h = append(h, make([]byte, n)...)
		_, err := io.ReadFull(l.br, h[len(h)-n:])
		l.n += int64(n)
		return h[len(h)-n:], cut(err, "an lzop header")
	}
	b, err := take(len(lzopMagic) + 4)
	if err != nil {
		return err
	}
	if string(b[:len(lzopMagic)]) != lzopMagic {
		return where.New(where.Malformed, "no lzop magic")
	}
	wide := binary.BigEndian.Uint16(b[len(lzopMagic):]) >= 0x940 // fields that came with 0.94
	n, method := 1, 0
	if wide {
		n, method = 4, 2
	}
	if b, err = take(n); err != nil {
		return err
	}
	if m := b[method]; m < 1 || m > 3 { // 1X-1, 1X-1(15), 1X-999: one bitstream
		return where.New(where.Unsupported, "lzop method %d", m)
	}
	if b, err = take(4); err != nil {
		return err
	}
	l.flags = binary.BigEndian.Uint32(b)
	if l.flags&(lzopFilter|lzopMulti|lzopExtra) != 0 {
		return where.New(where.Unsupported, "lzop flags 0x%x", l.flags)
	}
	n = 4 + 4 + 1 // mode, time, length of the name
	if wide {
		n += 4
	}
	if b, err = take(n); err != nil {
		return err
	}
	if _, err = take(int(b[n-1])); err != nil {
		return err
	}
	return l.check(l.flags&lzopHCRC != 0, h[len(lzopMagic):], "header")
}

// block reads and decodes one block of usize bytes.
func (l *lzop) block(usize uint32) error {
	csize, err := l.u32("an lzop block size")
	if err != nil {
		return err
	}
	if csize == 0 || csize > usize || usize > lzopMaxBlock {
		return where.New(where.Malformed, "lzop block of %d bytes for %d", csize, usize).At(l.n)
	}
	// The checksums: of the output, then, unless it is stored, of the input.
	var sums [4]uint32
	for i, f := range [...]uint32{lzopAdlerD, lzopCRCD, lzopAdlerC, lzopCRCC} {
		if l.flags&f != 0 && (i < 2 || csize < usize) {
			if sums[i], err = l.u32("an lzop checksum"); err != nil {
				return err
			}
		}
	}
	l.in, err = readGrowing(l.br, l.in[:0], int(csize))
	l.n += int64(len(l.in))
	if err != nil {
		return cut(err, "an lzop block")
	}
	if csize < usize {
		if err = l.verify(l.in, lzopAdlerC, lzopCRCC, sums[2], sums[3]); err != nil {
			return err
		}
		if err = l.expand(int(usize)); err != nil {
			return err
		}
	} else {
		l.out = append(l.out[:0], l.in...)
	}
	l.pos = 0
	return l.verify(l.out, lzopAdlerD, lzopCRCD, sums[0], sums[1])
}

func (l *lzop) expand(usize int) error {
	if usize > 256*len(l.in)+64 { // a length byte of 0 stands for 255 bytes
		return where.New(where.Malformed, "lzop block of %d bytes claims %d", len(l.in), usize).At(l.n)
	}
	if cap(l.out) < usize {
		l.out = make([]byte, usize)
	}
	n, err := lzo.Decompress(l.in, l.out[:usize])
	if err != nil || n != usize {
		l.out = l.out[:0]
		return where.New(where.Malformed, "lzo data gives %d of %d bytes: %v", n, usize, err).At(l.n)
	}
	l.out = l.out[:usize]
	return nil
}

func (l *lzop) verify(data []byte, adler, crc, wantAdler, wantCRC uint32) error {
	if l.flags&adler != 0 && adler32.Checksum(data) != wantAdler || l.flags&crc != 0 && crc32.ChecksumIEEE(data) != wantCRC {
		l.pos, l.out = 0, l.out[:0]
		return where.New(where.Malformed, "lzop block checksum mismatch").At(l.n)
	}
	return nil
}

// check reads a checksum and compares it with that of data.
func (l *lzop) check(crc bool, data []byte, what string) error {
	want, err := l.u32("an lzop " + what)
	if err != nil {
		return err
	}
	got := adler32.Checksum(data)
	if crc {
		got = crc32.ChecksumIEEE(data)
	}
	if got != want {
		return where.New(where.Malformed, "lzop %s checksum mismatch", what).At(l.n)
	}
	return nil
}

func (l *lzop) u32(what string) (uint32, error) {
	var b [4]byte
	_, err := io.ReadFull(l.br, b[:])
	l.n += 4
	return binary.BigEndian.Uint32(b[:]), cut(err, what)
}

// readGrowing appends n bytes of r to b, taking memory as they come.
func readGrowing(r io.Reader, b []byte, n int) ([]byte, error) {
	for n > 0 {
		step := min(n, 1<<20)
		b = grow(b, step)
		m, err := io.ReadFull(r, b[len(b):len(b)+step])
		b = b[:len(b)+m]
		if err != nil {
			return b, err
		}
		n -= m
	}
	return b, nil
}

func lzopMember(dst, src []byte, max int64) ([]byte, int, error) {
	l := &lzop{br: bufio.NewReader(bytes.NewReader(src)), prefix: true}
	dst, err := appendAll(dst, l, max, 4*len(src))
	return dst, int(min(l.n, int64(len(src)))), err
}
