package xz

import (
	"io"

	"kpkg-btf/internal/where"
)

// maxTake is the most that one take asks for: the payload of an LZMA2 chunk.
const maxTake = 1 << 16

// input gives out the bytes of a reader piece by piece.
type input struct {
	r      io.Reader
	buf    *[bufSize]byte // what is buffered: buf[rd:wr]; inSlack bytes behind stay unused
	rd, wr int
	base   int64 // offset of buf[0] in the file
}

// reset begins with r, whose first byte is at offset base of the file.
func (in *input) reset(r io.Reader, base int64) {
	if in.buf == nil {
		in.buf = new([bufSize]byte)
	}
	*in = input{r: r, buf: in.buf, base: base}
}

// off is the offset of the next byte in the file.
func (in *input) off() int64 { return in.base + int64(in.rd) }

// have makes n bytes available without taking them. io.EOF means that there
// are none at all, a where.Error that there are too few.
func (in *input) have(n int, what string) error {
	missing := n - (in.wr - in.rd)
	if missing <= 0 {
		return nil
	}
	if in.rd+n > bufSize-inSlack {
		in.base += int64(in.rd)
		in.wr = copy(in.buf[:], in.buf[in.rd:in.wr])
		in.rd = 0
	}
	m, err := io.ReadAtLeast(in.r, in.buf[in.wr:bufSize-inSlack], missing)
	in.wr += m
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		if in.wr == in.rd {
			return io.EOF
		}
		return where.New(where.Malformed, "truncated: ends within %s", what).At(in.base + int64(in.wr))
	}
	return err
}

// must is have where the end of the file is an error.
func (in *input) must(n int, what string) error {
	err := in.have(n, what)
	if err == io.EOF {
		return where.New(where.Malformed, "truncated: ends before %s", what).At(in.off())
	}
	return err
}

// take returns the next n bytes. They are valid until the next call.
func (in *input) take(n int, what string) ([]byte, error) {
	if err := in.must(n, what); err != nil {
		return nil, err
	}
	in.rd += n
	return in.buf[in.rd-n : in.rd], nil
}
