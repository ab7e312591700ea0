package xz

import (
	"bytes"
	"context"
	"io"

	"kpkg-btf/internal/limits"
)

// decoder decodes a file piece by piece. Each step reads what comes next; its
// output, if any, is in out until the next one. io.EOF is the end. A decoder
// keeps its tables between files.
type decoder struct {
	lzma2
	in      input
	w       window
	c       check
	blk     block
	records []record // of the blocks of this stream so far
	tail    []byte
	maxDict int64
	left    int64 // .lzma: bytes still to come, or unknownSize
	single  bool  // the end of the first stream is the end
	next    func(*decoder) error
	out     []byte
}

// Decoder decodes streams that are in memory, one after the other, without
// setting up anew. The zero value is ready.
type Decoder struct {
	d   decoder
	src bytes.Reader
}

// Decode decodes the first stream of src behind dst and gives the number of
// bytes it takes. At most max bytes are added; a dictionary of more than
// maxDict is refused. On error the result holds what was decoded before and
// the offset.
func (d *Decoder) Decode(dst, src []byte, max, maxDict int64) ([]byte, int, error) {
	return d.decode((*decoder).header, dst, src, max, maxDict)
}

// DecodeAlone is Decode for the .lzma format.
func (d *Decoder) DecodeAlone(dst, src []byte, max, maxDict int64) ([]byte, int, error) {
	return d.decode((*decoder).aloneHeader, dst, src, max, maxDict)
}

func (d *Decoder) decode(first func(*decoder) error, dst, src []byte, max, maxDict int64) ([]byte, int, error) {
	d.src.Reset(src)
	f := &d.d
	f.in.reset(&d.src, 0)
	f.w.into(dst, max)
	f.w.first = 4 * len(src)
	f.maxDict, f.single = maxDict, true
	err := first(f)
	for err == nil {
		err = f.next(f)
	}
	if err == io.EOF {
		err = nil
	}
	out := f.w.buf[:f.w.pos]
	d.src.Reset(nil) // do not keep the caller's memory
	f.w.buf, f.out = nil, nil
	return out, f.in.rd + int(f.in.base), err
}

// Options bound one reader.
type Options struct {
	Jobs      int            // goroutines that decode; 1 or less: the one that reads
	MaxDict   int64          // the largest dictionary in bytes that a block may state
	MaxWindow int64          // the most of it that is taken, in bytes; 0 stands for MaxDict
	Budget    *limits.Budget // charged for output before it is made
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
	return newSequential(ctx, (*decoder).header, io.NewSectionReader(ra, 0, size), o), nil
}

// NewAloneReader decodes the .lzma file r, which must end where its data end,
// in the goroutine that reads.
func NewAloneReader(r io.Reader, o Options) io.ReadCloser {
	return newSequential(context.Background(), (*decoder).aloneHeader, r, o)
}

// sequential decodes a file in the goroutine that reads.
type sequential struct {
	decoder
	ctx context.Context
	err error
}

func newSequential(ctx context.Context, first func(*decoder) error, r io.Reader, o Options) *sequential {
	s := &sequential{ctx: ctx}
	s.in.reset(r, 0)
	s.w.slide, s.w.budget = true, o.Budget
	s.w.most = o.MaxDict
	if o.MaxWindow > 0 {
		s.w.most = min(o.MaxDict, o.MaxWindow)
	}
	s.maxDict, s.next = o.MaxDict, first
	return s
}

func (s *sequential) Read(p []byte) (int, error) {
	for len(s.out) == 0 {
		if s.err == nil {
			s.err = s.ctx.Err()
		}
		if s.err != nil {
			return 0, s.err
		}
		s.err = s.next(&s.decoder)
	}
	n := copy(p, s.out)
	s.out = s.out[n:]
	return n, nil
}

func (s *sequential) Close() error {
	s.out, s.w.buf = nil, nil
	s.err = io.ErrClosedPipe
	return nil
}
