package xz

import (
	"context"
	"io"
	"sync"

	"kpkg-btf/internal/where"
)

// parallel decodes the blocks of a plan in workers. Blocks are handed out in
// order, one for each free buffer, and read in order; what a worker has
// finished of the block being read can be read at once.
type parallel struct {
	ctx     context.Context
	cancel  context.CancelFunc
	ra      io.ReaderAt
	o       Options
	tasks   []task    // not handed out
	queue   chan *job // to the workers; never full
	pending []*job    // handed out, in order; the first is being read
	free    [][]byte  // buffers without a job; nil where there is none yet
	cur     []byte    // of the first pending job
	workers sync.WaitGroup
	err     error
}

// job is a task at work: its output comes in pieces of out. Err is set when
// pieces is closed.
type job struct {
	task
	out    []byte
	pieces chan []byte // never full
	err    error
}

const pieceSize = 1 << 20 // at least, but for the last

func newParallel(ctx context.Context, ra io.ReaderAt, p plan, o Options) *parallel {
	n := p.buffers(o.Jobs)
	r := &parallel{ra: ra, o: o, tasks: p.tasks, queue: make(chan *job, n), free: make([][]byte, n)}
	r.ctx, r.cancel = context.WithCancel(ctx)
	for range min(o.Jobs, n-1, len(p.tasks)) {
		r.workers.Go(r.work)
	}
	r.hand()
	return r
}

// hand gives out tasks while there are buffers.
func (r *parallel) hand() {
	for len(r.free) > 0 && len(r.tasks) > 0 {
		last := len(r.free) - 1
		j := &job{task: r.tasks[0], out: r.free[last]}
		j.pieces = make(chan []byte, j.want.size/pieceSize+1)
		r.free, r.tasks = r.free[:last], r.tasks[1:]
		r.pending = append(r.pending, j)
		r.queue <- j
	}
}

func (r *parallel) Read(p []byte) (int, error) {
	for len(r.cur) == 0 {
		if r.err == nil && len(r.pending) == 0 {
			r.err = io.EOF
		}
		if r.err != nil {
			return 0, r.err
		}
		var ok bool
		j := r.pending[0]
		select {
		case r.cur, ok = <-j.pieces:
		case <-r.ctx.Done():
			r.err = r.ctx.Err()
			continue
		}
		if !ok {
			r.err, r.pending = j.err, r.pending[1:]
			r.free = append(r.free, j.out[:0])
			if r.err == nil {
				r.hand()
			}
		}
	}
	n := copy(p, r.cur)
	r.cur = r.cur[n:]
	return n, nil
}

// Close ends the workers and waits for them: a chunk's work at most.
func (r *parallel) Close() error {
	r.cancel()
	if r.err != io.ErrClosedPipe {
		close(r.queue)
	}
	r.workers.Wait()
	r.err = io.ErrClosedPipe
	r.cur, r.pending, r.free = nil, nil, nil
	return nil
}

func (r *parallel) work() {
	d := decoder{maxDict: r.o.MaxDict}
	for j := range r.queue {
		j.err = d.block(r, j)
		close(j.pieces)
	}
}

// block decodes one block.
func (d *decoder) block(r *parallel, j *job) error {
	if err := d.c.set(j.id, j.at); err != nil {
		return err
	}
	if int64(cap(j.out)) < j.want.size {
		j.out = make([]byte, j.want.size)
	}
	d.in.reset(io.NewSectionReader(r.ra, j.at, j.packed), j.at)
	d.w.into(j.out[:0], j.want.size)
	d.w.exact, d.w.budget = true, r.o.Budget
	d.records, d.next = d.records[:0], (*decoder).blockOrIndex
	sent, done := 0, 0
	for len(d.records) == 0 {
		if err := r.ctx.Err(); err != nil {
			return err
		}
		d.out = nil
		if err := d.next(d); err != nil {
			return err
		}
		if done += len(d.out); done-sent >= pieceSize {
			j.pieces <- j.out[sent:done:done]
			sent = done
		}
	}
	if d.records[0] != j.want {
		return where.New(where.Malformed, "xz index differs from its block").At(j.at)
	}
	j.pieces <- j.out[sent:done:done]
	return nil
}
