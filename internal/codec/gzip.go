package codec

import (
	"bufio"
	"bytes"
	"io"

	"github.com/klauspost/compress/gzip"

	"kpkg-btf/internal/where"
)

// gzipStream reads the members of a gzip file. Zero bytes after the last
// member are padding, as gzip(1) has it; anything else there is an error.
type gzipStream struct {
	br *bufio.Reader
	z  *gzip.Reader
}

func (g *gzipStream) Read(p []byte) (int, error) {
	for {
		if g.z == nil {
			z, err := gzip.NewReader(g.br)
			if err != nil {
				return 0, cut(err, "a gzip header")
			}
			g.z = z
			g.z.Multistream(false)
		}
		n, err := g.z.Read(p)
		if err != io.EOF {
			return n, err
		}
		if n > 0 {
			return n, nil
		}
		if err := g.next(); err != nil {
			return 0, err
		}
	}
}

// next begins the next member, or returns io.EOF after the last.
func (g *gzipStream) next() error {
	head, err := g.br.Peek(2)
	switch {
	case len(head) == 2 && head[0] == 0x1f && head[1] == 0x8b:
		if err := g.z.Reset(g.br); err != nil {
			return cut(err, "a gzip header")
		}
		g.z.Multistream(false)
		return nil
	case len(head) == 0:
		return err
	}
	return onlyZeros(g.br, "gzip member")
}

// onlyZeros reads to the end and returns io.EOF if all was zero.
func onlyZeros(br *bufio.Reader, after string) error {
	for {
		c, err := br.ReadByte()
		if err != nil {
			return err
		}
		if c != 0 {
			return garbage(after)
		}
	}
}

func garbage(after string) *where.Error {
	return where.New(where.Malformed, "trailing garbage after the last %s", after)
}

// gzipMember decodes the first member of src behind dst.
func (d *Decoder) gzipMember(dst, src []byte, max int64) ([]byte, int, error) {
	in := bytes.NewReader(src)
	if d.gz == nil {
		d.gz = new(gzip.Reader)
	}
	if err := d.gz.Reset(in); err != nil {
		return dst, 0, cut(err, "a gzip header")
	}
	d.gz.Multistream(false)
	dst, err := appendAll(dst, d.gz, max, 4*len(src))
	return dst, len(src) - in.Len(), err
}
