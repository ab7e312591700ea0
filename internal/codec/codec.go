package codec

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"

	"kpkg-btf/internal/codec/xz"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// Options bound one reader.
type Options struct {
	// Jobs is how many goroutines may decode; 1 (or less) decodes in the
	// goroutine that reads.
	Jobs int
	// Budget is charged for every byte of output; nil allows everything.
	Budget *limits.Budget
	// MaxDict is the largest dictionary or window in bytes that a file may
	// state; 0 means limits.MaxDict. What is taken grows with the output, and
	// is bounded by limits.Window where the input is small.
	MaxDict int64
}

// NewReader decompresses the size bytes of ra as format f. None passes them
// through. The reader checks every checksum the format has, fails with kind
// Malformed (bad data, truncation, trailing garbage), Unsupported or Limit,
// and at the latest on the Read that would have returned io.EOF. When ctx ends,
// Read returns its error. Close ends all goroutines; ra must stay readable
// until then.
func NewReader(ctx context.Context, f Format, ra io.ReaderAt, size int64, o Options) (io.ReadCloser, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if size == 0 && f != None {
		return nil, where.New(where.Malformed, "an empty file is no %v", f).At(0)
	}
	if o.MaxDict <= 0 {
		o.MaxDict = limits.MaxDict
	}
	if f == Zstd {
		if out, ok, err := smallZstd(ra, size); err != nil {
			return nil, err
		} else if ok {
			ra, size, f = bytes.NewReader(out), int64(len(out)), None
		}
	}
	in := &source{r: io.NewSectionReader(ra, 0, size)}
	m := &meter{ctx: ctx, in: in, size: size, budget: o.Budget}
	if f == XZ {
		r, err := xz.NewReader(ctx, ra, size, xz.Options{Jobs: o.Jobs, MaxDict: o.MaxDict, MaxWindow: limits.Window(size), Budget: o.Budget})
		if err != nil {
			return nil, err
		}
		m.r, m.close, m.budget = r, r.Close, nil // it charges the budget itself, before it takes memory
		return m, nil
	}
	if err := m.open(f, o); err != nil {
		return nil, err
	}
	if o.Jobs > 1 && f != None {
		return readAhead(ctx, m), nil
	}
	return m, nil
}

// open sets the decoder of a sequential format.
func (m *meter) open(f Format, o Options) error {
	br := bufio.NewReaderSize(m.in, 64<<10)
	switch f {
	case None:
		m.r = m.in
	case Gzip:
		m.r = &gzipStream{br: br}
	case Bzip2:
		m.r = newBzip2(br)
	case LZMA:
		m.r = xz.NewAloneReader(m.in, xz.Options{MaxDict: o.MaxDict, MaxWindow: limits.Window(m.size)})
	case LZ4:
		m.r = &lz4Stream{br: br}
	case LZ4Legacy:
		m.r = &lz4Legacy{br: br, left: m.size}
	case LZO:
		m.r = &lzop{br: br}
	case Zstd:
		r, err := newZstd(br, min(o.MaxDict, limits.Window(m.size)))
		if err != nil {
			return err
		}
		m.r, m.close = r, func() error { r.Close(); return nil }
	default:
		return where.New(where.Unsupported, "compression format %v", f)
	}
	return nil
}

// meter charges what a decoder gives out, watches the ratio and the context,
// and turns the errors of libraries into errors with kind and offset.
type meter struct {
	ctx    context.Context
	r      io.Reader
	in     *source
	size   int64 // of the whole input
	out    int64
	budget *limits.Budget
	close  func() error
	err    error
}

func (m *meter) Read(p []byte) (int, error) {
	if m.err != nil {
		return 0, m.err
	}
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.r.Read(p)
	m.out += int64(n)
	if terr := m.budget.Take(int64(n)); terr != nil {
		n, err = 0, terr
	} else if rerr := limits.Ratio(m.size, m.out); rerr != nil {
		n, err = 0, rerr
	}
	if err != nil {
		m.err = classify(err, m.in)
	}
	return n, m.err
}

func (m *meter) Close() error {
	if m.err == nil {
		m.err = errClosed
	}
	if m.close != nil {
		c := m.close
		m.close = nil
		return c()
	}
	return nil
}

var errClosed = where.New(where.Internal, "read after close")

// source counts the bytes read and keeps the error of the machine apart from
// those of the data.
type source struct {
	r   io.Reader
	n   int64
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	s.n += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// classify gives an error of a decoder its kind; io.EOF and what has a kind
// already stay as they are.
func classify(err error, in *source) error {
	var e *where.Error
	switch {
	case err == io.EOF, errors.As(err, &e):
		return err
	case in != nil && in.err != nil:
		return in.err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	off := int64(-1)
	if in != nil {
		off = in.n
	}
	return libraryError(err).At(off)
}
