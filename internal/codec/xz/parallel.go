package xz

import (
	"context"
	"io"
	"sync"
	"sync/atomic"

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
	plan    plan
	next    int       // first task not handed out
	queue   chan *job // to the workers; never full
	pending []*job    // handed out, in order; the first is being read
	free    [][]byte  // buffers without a job; nil where there is none yet
	pos     int       // in the first pending job
	workers sync.WaitGroup
	err     error
}

// job is a task at work. Out is written by one worker up to ready, which only
// grows; wake gets a token when it did.
type job struct {
	task
	out   []byte
	ready atomic.Int64
	wake  chan struct{}
	fin   atomic.Bool
	err   error
}

func newParallel(ctx context.Context, ra io.ReaderAt, p plan, o Options) *parallel {
	n := p.buffers(o.Jobs)
	r := &parallel{ra: ra, o: o, plan: p, queue: make(chan *job, n), free: make([][]byte, n)}
	r.ctx, r.cancel = context.WithCancel(ctx)
	queue := r.queue
	for range min(o.Jobs, n-1, len(p.tasks)) {
		r.workers.Go(func() { r.work(queue) })
	}
	r.hand()
	return r
}

// hand gives out tasks while there are buffers.
func (r *parallel) hand() {
	for len(r.free) > 0 && r.next < len(r.plan.tasks) {
		j := &job{task: r.plan.tasks[r.next], wake: make(chan struct{}, 1)}
		last := len(r.free) - 1
		j.out, r.free = r.free[last], r.free[:last]
		if int64(cap(j.out)) < j.want.size {
			j.out = nil // the worker takes a larger one
		}
		r.next++
		r.pending = append(r.pending, j)
		r.queue <- j
	}
}

func (r *parallel) Read(p []byte) (int, error) {
	for {
		if r.err != nil {
			return 0, r.err
		}
		if len(r.pending) == 0 {
			return 0, io.EOF
		}
		j := r.pending[0]
		fin := j.fin.Load() // before ready: what is ready when it is finished is all
		if ready := int(j.ready.Load()); r.pos < ready {
			n := copy(p, j.out[r.pos:ready])
			r.pos += n
			return n, nil
		}
		if fin {
			r.advance(j)
			continue
		}
		select {
		case <-j.wake:
		case <-r.ctx.Done():
			r.err = r.ctx.Err()
		}
	}
}

// advance goes on to the next block, after a finished one was read.
func (r *parallel) advance(j *job) {
	r.err = j.err
	r.pending = r.pending[1:]
	r.pos = 0
	r.free = append(r.free, j.out[:0])
	if r.err == nil {
		r.hand()
	}
}

// Close ends the workers and waits for them: a chunk's work at most.
func (r *parallel) Close() error {
	r.cancel()
	if r.queue != nil {
		close(r.queue)
		r.queue = nil
	}
	r.workers.Wait()
	r.err = io.ErrClosedPipe
	r.pending, r.free = nil, nil
	return nil
}

func (r *parallel) work(queue <-chan *job) {
	var d core
	for j := range queue {
		err := r.ctx.Err()
		if err == nil {
			err = d.job(r, j)
		}
		j.err = err
		j.fin.Store(true)
		j.signal()
	}
}

func (j *job) signal() {
	select {
	case j.wake <- struct{}{}:
	default: // a token is there already
	}
}

// job decodes one block.
func (d *core) job(r *parallel, j *job) error {
	if int64(cap(j.out)) < j.want.size {
		j.out = make([]byte, j.want.size)
	}
	j.out = j.out[:j.want.size]
	if err := d.c.set(j.id, j.at); err != nil {
		return err
	}
	d.in.fromReader(io.NewSectionReader(r.ra, j.at, j.packed), j.at)
	ok, err := d.more(&d.in)
	if err != nil {
		return err
	}
	if !ok {
		return where.New(where.Malformed, "xz index names a block where there is none").At(j.at)
	}
	if err = d.blk.readHeader(&d.in, r.o.MaxDict); err != nil {
		return err
	}
	var w window
	w.into(j.out[:0], j.want.size, r.o.Budget)
	w.exact = true
	got, err := d.block(&d.in, &w, func(done int) error {
		j.ready.Store(int64(done))
		j.signal()
		return r.ctx.Err()
	})
	if err != nil {
		return err
	}
	if got != j.want {
		return where.New(where.Malformed, "xz index differs from its block").At(j.at)
	}
	j.ready.Store(got.size)
	return nil
}
