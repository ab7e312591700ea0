// Package xz decodes the .xz and .lzma formats.
package xz

import (
	"bytes"
	"context"
	"encoding/binary"
	"io"

	"github.com/ulikunitz/xz/lzma"
	xi "github.com/xi2/xz"

	"kpkg-btf/internal/limits"
)

// Options bound one reader.
type Options struct {
	Jobs    int
	MaxDict int64
	Budget  *limits.Budget
}

// IsAlone tells whether head can be the start of a .lzma file.
func IsAlone(head []byte) bool {
	if len(head) < 14 || head[0] >= 225 || head[13] != 0 {
		return false
	}
	p := int(head[0])
	if p%9+p/9%5 > 4 {
		return false
	}
	d := binary.LittleEndian.Uint32(head[1:])
	if d < 4096 {
		return false
	}
	if d != 0xffffffff {
		if d&(d-1) != 0 && (d/3)*3 != d || d&(d-1) != 0 && (d/3)&(d/3-1) != 0 {
			return false
		}
	}
	u := binary.LittleEndian.Uint64(head[5:])
	return u == 1<<64-1 || u < 1<<38
}

type budgeted struct {
	r io.Reader
	b *limits.Budget
}

func (b budgeted) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if terr := b.b.Take(int64(n)); terr != nil {
		return 0, terr
	}
	return n, err
}
func (b budgeted) Close() error { return nil }

// NewReader is temporary.
func NewReader(ctx context.Context, ra io.ReaderAt, size int64, o Options) (io.ReadCloser, error) {
	r, err := xi.NewReader(io.NewSectionReader(ra, 0, size), uint32(o.MaxDict))
	if err != nil {
		return nil, err
	}
	return budgeted{r, o.Budget}, nil
}

// NewAloneReader is temporary.
func NewAloneReader(r io.Reader, maxDict int64) io.Reader {
	z, err := lzma.NewReader(r)
	if err != nil {
		return bad{err}
	}
	return z
}

type bad struct{ err error }

func (b bad) Read([]byte) (int, error) { return 0, b.err }

// Decoder is temporary.
type Decoder struct{}

func (d *Decoder) read(dst []byte, r io.Reader, err error, in *bytes.Reader, src []byte) ([]byte, int, error) {
	if err != nil {
		return dst, 0, err
	}
	b := bytes.NewBuffer(dst)
	_, err = b.ReadFrom(r)
	return b.Bytes(), len(src) - in.Len(), err
}

// Decode is temporary.
func (d *Decoder) Decode(dst, src []byte, max, maxDict int64) ([]byte, int, error) {
	in := bytes.NewReader(src)
	r, err := xi.NewReader(in, uint32(maxDict))
	if err == nil {
		r.Multistream(false)
	}
	out, _, err := d.read(dst, r, err, in, src)
	n := len(src)
	if i := bytes.LastIndex(src, []byte("YZ")); i >= 0 {
		n = i + 2
	}
	return out, n, err
}

// DecodeAlone is temporary.
func (d *Decoder) DecodeAlone(dst, src []byte, max, maxDict int64) ([]byte, int, error) {
	in := bytes.NewReader(src)
	r, err := lzma.NewReader(in)
	return d.read(dst, r, err, in, src)
}
