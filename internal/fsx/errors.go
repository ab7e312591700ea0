package fsx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"kpkg-btf/internal/where"
)

// ioError is an error of the file system with its own words.
func ioError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return where.New(where.IO, "%s: %w", pe.Op, pe.Err)
	}
	var le *os.LinkError
	if errors.As(err, &le) {
		return where.New(where.IO, "%s: %w", le.Op, le.Err)
	}
	return where.New(where.IO, "%w", err)
}

// writeError is ioError that knows what a full disk is.
func (p *publication) writeError(err error) error {
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) {
			return p.noSpace(full)
		}
	}
	return ioError(err)
}

func (p *publication) noSpace(cause error) error {
	need := "need unknown"
	switch {
	case p.opts.Size > 0 && p.opts.Size >= p.written:
		need = "need " + mebibytes(p.opts.Size)
	case p.written > 0:
		need = "need more than " + mebibytes(p.written)
	}
	free := "free unknown"
	if n, err := p.dir.Free(); err == nil {
		// The temporary file is about to be removed.
		free = "free " + mebibytes(n+p.written)
	}
	return where.New(where.IO, "no space writing %s (%s, %s): %w", p.name, need, free, cause).
		WithHint("make room, or write elsewhere")
}

// mebibytes rounds up: nothing is not 0 MiB.
func mebibytes(n int64) string { return fmt.Sprintf("%d MiB", (n+1<<20-1)>>20) }
