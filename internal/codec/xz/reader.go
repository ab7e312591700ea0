package xz

import (
	"context"
	"io"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// Options bound one reader.
type Options struct {
	Jobs    int            // goroutines that decode; 1 or less: the one that reads
	MaxDict int64          // the largest dictionary in bytes
	Budget  *limits.Budget // charged for output before it is made
}

// NewReader decodes the size bytes of ra: all streams with their padding. With
// two jobs or more, blocks that the index names are decoded in parallel;
// without such an index, or where blocks are too large to be held, the stream
// is decoded through a window, in stream order, which also finds what is wrong
// with the index.
func NewReader(ctx context.Context, ra io.ReaderAt, size int64, o Options) (io.ReadCloser, error) {
	if o.Jobs > 1 {
		if p := newPlan(ra, size); p.parallel(o.Jobs) {
			return newParallel(ctx, ra, p, o), nil
		}
	}
	return newSequential(ctx, io.NewSectionReader(ra, 0, size), o), nil
}

// sequential decodes a file in the goroutine that reads.
type sequential struct {
	core
	ctx     context.Context
	w       window
	maxDict int64
	pending []byte
	next    func() error // what comes next in the file
	err     error
	size    int64 // of the block so far
	stages  [maxFilters - 1]stage
}

func newSequential(ctx context.Context, r io.Reader, o Options) *sequential {
	s := &sequential{ctx: ctx, maxDict: o.MaxDict}
	s.in.fromReader(r, 0)
	s.w.slide, s.w.budget = true, o.Budget
	s.next = s.header
	return s
}

func (s *sequential) Read(p []byte) (int, error) {
	for len(s.pending) == 0 {
		if s.err == nil {
			s.err = s.ctx.Err()
		}
		if s.err != nil {
			return 0, s.err
		}
		s.err = s.next()
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

func (s *sequential) Close() error {
	s.pending, s.w.buf = nil, nil
	s.err = io.ErrClosedPipe
	return nil
}

func (s *sequential) header() error {
	s.next = s.blockOrIndex
	return s.streamHeader(&s.in)
}

func (s *sequential) blockOrIndex() error {
	ok, err := s.more(&s.in)
	if err != nil {
		return err
	}
	if !ok {
		s.next = s.padding
		return s.finish(&s.in)
	}
	if err := s.blk.readHeader(&s.in, s.maxDict); err != nil {
		return err
	}
	s.beginBlock(&s.w)
	s.size = 0
	s.stages = [maxFilters - 1]stage{}
	s.next = s.data
	return nil
}

// data decodes one chunk, and at the end of the block its check.
func (s *sequential) data() error {
	s.w.reserve(1 << 21) // the most a chunk gives: room does not move what from counts
	from := s.w.pos
	ok, err := s.chunk(&s.in, &s.w)
	if err != nil {
		return err
	}
	out := s.w.buf[from:s.w.pos]
	s.size += int64(len(out))
	if err := s.blk.inBounds(&s.in, s.size); err != nil {
		return err
	}
	for i := s.blk.filterN - 1; i >= 0; i-- {
		out = s.stages[i].convert(&s.blk.filters[i], out, !ok)
	}
	s.c.update(out)
	s.pending = out
	if ok {
		return nil
	}
	s.next = s.blockOrIndex
	r, err := s.blk.end(&s.in, &s.c, s.size)
	if err != nil {
		return err
	}
	return s.addRecord(r, &s.in)
}

// padding skips the zeros behind a stream, in groups of four, and begins the
// next stream.
func (s *sequential) padding() error {
	begin := s.in.off()
	for {
		err := s.in.have(1, "")
		if err == io.EOF {
			if (s.in.off()-begin)&3 != 0 {
				return where.New(where.Malformed, "xz stream padding of %d bytes", s.in.off()-begin).At(begin)
			}
			return io.EOF
		}
		if err != nil {
			return err
		}
		if s.in.buf[s.in.rd] != 0 {
			break
		}
		s.in.rd++
	}
	if (s.in.off()-begin)&3 != 0 || !s.in.startsWith(headerMagic) {
		return where.New(where.Malformed, "trailing garbage after the last xz stream").At(s.in.off())
	}
	s.next = s.header
	return nil
}

// stage holds back what a filter cannot convert before it sees more.
type stage struct {
	buf  []byte
	done int
}

func (g *stage) convert(f *filter, b []byte, last bool) []byte {
	g.buf = append(g.buf[:copy(g.buf, g.buf[g.done:])], b...)
	g.done = f.apply(g.buf)
	if last {
		g.done = len(g.buf)
	}
	return g.buf[:g.done]
}
