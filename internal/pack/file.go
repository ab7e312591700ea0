package pack

import (
	"context"
	"io"
	"path/filepath"

	"kpkg-btf/internal/where"
)

// walkFile returns the one entry of a file that is no package. Its path is the
// file's base name.
func (p *Package) walkFile(_ context.Context, w *walker) error {
	info := p.info
	uid, gid := ids(info)
	e := &Entry{
		Path: filepath.Base(p.Path), Type: Regular, Mode: modeBits(info.Mode()), Size: p.size,
		ModTime: info.ModTime().UTC(), Owner: uid, Group: gid,
	}
	return w.give(e, &exactReader{r: io.NewSectionReader(p.file, 0, p.size), left: p.size})
}

// exactReader returns as many bytes as a file had when it was looked at, and
// fails if they are no longer there: a file that shrinks while it is read is
// a fault of the machine, never a short file.
type exactReader struct {
	r    io.Reader
	left int64
}

func (x *exactReader) Read(p []byte) (int, error) {
	if x.left == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > x.left {
		p = p[:x.left]
	}
	n, err := x.r.Read(p)
	x.left -= int64(n)
	switch {
	case err == io.EOF && x.left > 0:
		return n, where.New(where.IO, "file became shorter while it was read")
	case err == io.EOF:
		return n, nil
	case err != nil:
		return n, ioError(err)
	}
	return n, nil
}
