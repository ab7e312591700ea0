package codec

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"

	"github.com/pierrec/lz4/v4"

	"kpkg-btf/internal/where"
)

const (
	lz4LegacyBlock = 8 << 20 // bytes of every block of a legacy frame but the last
	lz4LegacyMagic = 0x184C2102
	lz4FrameMagic  = 0x184D2204
)

// lz4Stream reads frame after frame; the library stops after the first.
type lz4Stream struct {
	br    *bufio.Reader
	z     *lz4.Reader
	begun bool
}

func (l *lz4Stream) Read(p []byte) (int, error) {
	for {
		if l.z == nil {
			if err := l.begin(); err != nil {
				return 0, err
			}
		}
		n, err := l.z.Read(p)
		if err != io.EOF {
			return n, err
		}
		l.z = nil
		if n > 0 {
			return n, nil
		}
	}
}

func (l *lz4Stream) begin() error {
	head, err := l.br.Peek(4)
	if len(head) == 0 && l.begun {
		return err // the end, after at least one frame
	}
	if err != nil {
		return cut(err, "an lz4 magic")
	}
	l.begun = true
	if binary.LittleEndian.Uint32(head) != lz4FrameMagic {
		return garbage("lz4 frame")
	}
	l.z = lz4.NewReader(l.br)
	return nil
}

// lz4Member decodes the first frame of src behind dst.
func lz4Member(dst, src []byte, max int64) ([]byte, int, error) {
	n, err := lz4Frame(src)
	if err != nil {
		return dst, n, err
	}
	dst, err = appendAll(dst, lz4.NewReader(bytes.NewReader(src[:n])), max, 4*n)
	return dst, n, err
}

// lz4Frame finds the length of a frame by its block sizes (lz4 frame format
// 1.6: FLG bits content checksum 2, content size 3, block checksum 4, dictionary
// id 0).
func lz4Frame(src []byte) (int, error) {
	if len(src) < 7 {
		return len(src), truncated("an lz4 frame header")
	}
	if binary.LittleEndian.Uint32(src) != lz4FrameMagic {
		return 0, where.New(where.Malformed, "no lz4 frame magic")
	}
	flg := src[4]
	n := 7 + int(flg>>3&1)*8 + int(flg&1)*4
	for {
		if len(src)-n < 4 {
			return len(src), truncated("an lz4 block size")
		}
		size := int(binary.LittleEndian.Uint32(src[n:]) & 0x7fffffff)
		n += 4
		if size == 0 {
			break
		}
		size += int(flg>>4&1) * 4
		if len(src)-n < size {
			return len(src), truncated("an lz4 block")
		}
		n += size
	}
	n += int(flg>>2&1) * 4
	if n > len(src) {
		return len(src), truncated("an lz4 checksum")
	}
	return n, nil
}

// lz4Legacy reads legacy frames: a magic, then blocks with their compressed
// size. They have no end mark: a block of less than 8 MiB is the last, and so
// is one that is followed by the end or by a word that cannot be a block size
// (kernel: lib/decompress_unlz4.c). Whole streams must end there; prefixes may
// go on.
type lz4Legacy struct {
	br     *bufio.Reader
	left   int64 // bytes not yet read
	begun  bool
	last   bool
	prefix bool
	in     []byte
	out    []byte
	pos    int
}

func (l *lz4Legacy) Read(p []byte) (int, error) {
	for l.pos == len(l.out) {
		if err := l.block(); err != nil {
			return 0, err
		}
	}
	n := copy(p, l.out[l.pos:])
	l.pos += n
	return n, nil
}

// block decodes the next block into l.out, or returns io.EOF after the last.
func (l *lz4Legacy) block() error {
	if !l.begun {
		if err := l.magic(); err != nil {
			return err
		}
	}
	if l.left == 0 || l.last && l.prefix {
		return io.EOF
	}
	head, err := l.br.Peek(4)
	if err != nil {
		return cut(err, "an lz4 block size")
	}
	size := int64(binary.LittleEndian.Uint32(head))
	switch {
	case size == lz4LegacyMagic && !l.prefix:
		return l.magic()
	case size == 0, size > int64(lz4.CompressBlockBound(lz4LegacyBlock)), l.last:
		if l.prefix && l.out != nil {
			return io.EOF
		}
		return garbage("lz4 block")
	case size > l.left-4:
		return truncated("an lz4 block")
	}
	l.br.Discard(4)
	if int64(cap(l.in)) < size {
		l.in = make([]byte, size)
	}
	if _, err = io.ReadFull(l.br, l.in[:size]); err != nil {
		return cut(err, "an lz4 block")
	}
	l.left -= 4 + size
	return l.expand(l.in[:size])
}

func (l *lz4Legacy) expand(in []byte) error {
	// A byte of an lz4 block gives at most 255 bytes.
	want := min(lz4LegacyBlock, 255*len(in))
	if cap(l.out) < want {
		l.out = make([]byte, want)
	}
	n, err := lz4.UncompressBlock(in, l.out[:want])
	if err != nil {
		return where.New(where.Malformed, "%w", err)
	}
	l.out, l.pos, l.last = l.out[:n], 0, n < lz4LegacyBlock
	return nil
}

func (l *lz4Legacy) magic() error {
	var b [4]byte
	if _, err := io.ReadFull(l.br, b[:]); err != nil {
		return cut(err, "an lz4 magic")
	}
	if binary.LittleEndian.Uint32(b[:]) != lz4LegacyMagic {
		return where.New(where.Malformed, "no lz4 legacy magic")
	}
	l.begun, l.last = true, false
	l.left -= 4
	return nil
}

func lz4LegacyMember(dst, src []byte, max int64) ([]byte, int, error) {
	l := &lz4Legacy{br: bufio.NewReader(bytes.NewReader(src)), left: int64(len(src)), prefix: true}
	dst, err := appendAll(dst, l, max, 4*len(src))
	return dst, len(src) - int(l.left), err
}
