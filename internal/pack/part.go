package pack

import (
	"context"
	"io"
	"os"

	"kpkg-btf/internal/where"
)

// partSource reads a range of a file as if it were one.
type partSource struct {
	*io.SectionReader
	file *os.File
}

func (s partSource) Close() error { return s.file.Close() }

// openPart opens a range of the file at a path, named "PATH: NAME" in messages.
func openPart(ctx context.Context, path, at string, part Range, o Options) (*Package, error) {
	p := &Package{Path: path + ": " + part.Name, opts: o}
	f, err := os.Open(at)
	if err != nil {
		return nil, where.In(p.Path, ioError(err))
	}
	p.file, p.size = partSource{io.NewSectionReader(f, part.Off, part.Size), f}, part.Size
	p.info, err = f.Stat()
	switch {
	case err != nil:
		err = ioError(err)
	case part.Off < 0 || part.Size < 0 || part.Off > p.info.Size() || part.Size > p.info.Size()-part.Off:
		err = where.New(where.Malformed, "%d bytes at %d of a file of %d", part.Size, part.Off, p.info.Size()).At(part.Off)
	default:
		err = p.sniff(ctx)
	}
	if err != nil {
		_ = p.Close()
		return nil, where.In(p.Path, err)
	}
	return p, nil
}

// Range is a part of a file with a name for messages.
type Range struct {
	Name      string
	Off, Size int64
}
