package fsx

import (
	"errors"
	"io"
	"path/filepath"

	"kpkg-btf/internal/where"
)

// Scratch is a file without a name for what must be known whole before the
// output can begin: a compressed payload that stands behind its own digest. It
// lies in the directory of the output, whose free space a Probe has measured.
type Scratch struct {
	p    *publication
	err  error
	size int64
}

// NewScratch makes a scratch file beside path. Its name is removed before
// anything is written, so that nothing stays behind whatever happens. Errors
// have path as their step.
func NewScratch(path string, opts Options) (*Scratch, error) {
	if opts.FS == nil {
		opts.FS = OS{}
	}
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	d, err := opts.FS.OpenDir(dir)
	if err != nil {
		return nil, where.In(path, ioError(err))
	}
	p := &publication{opts: opts, dir: d, name: name}
	err = p.create(0o600)
	if err == nil {
		if err = p.dir.Remove(p.temp); err != nil {
			p.discard()
			err = ioError(err)
		}
		p.temp = ""
		p.release()
	}
	if err != nil {
		return nil, errors.Join(where.In(path, err), d.Close())
	}
	return &Scratch{p: p}, nil
}

// Write appends. After a failure every later Write fails the same way.
func (s *Scratch) Write(b []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.p.file.Write(b)
	s.size += int64(n)
	s.p.written = s.size
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		s.err = where.In(s.p.name, s.p.writeError(err))
	}
	return n, s.err
}

// Size is how much has been written.
func (s *Scratch) Size() int64 { return s.size }

// ReadAt reads what was written.
func (s *Scratch) ReadAt(b []byte, off int64) (int, error) {
	n, err := s.p.file.ReadAt(b, off)
	if err != nil && err != io.EOF {
		err = where.In(s.p.name, ioError(err))
	}
	return n, err
}

// Close gives the space back.
func (s *Scratch) Close() error {
	err := s.p.file.Close()
	return errors.Join(err, s.p.dir.Close())
}
