package repack

import (
	"bytes"
	"context"
	"encoding/hex"
	"hash"
	"io"
	"sync"

	"golang.org/x/sync/semaphore"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

const (
	// inFlight bounds the content that was read and not yet written.
	inFlight = 64 << 20
	// lump is how much of an unselected file is passed on at a time.
	lump = 256 << 10
	// queueLen bounds the stretches that wait.
	queueLen = 512
)

// unit is one stretch of the payload: the head of an entry (entry set), a
// selected file with its head, a lump of other content, or the end.
type unit struct {
	raw     pack.Raw // of a head, the file or the end; Gap and Head are copies
	lump    bool
	file    bool
	content []byte
	pooled  [][]byte // goes back to the pools once the unit was emitted
	cost    int64

	done           chan struct{} // closed when a file has been edited
	result         []byte        // nil keeps
	oldSum, newSum string
	err            error
}

// reader turns the walk into units.
type reader struct {
	ctx    context.Context
	path   string
	ed     Editor
	digest func() hash.Hash
	budget *semaphore.Weighted
	queue  chan *unit
	work   chan *unit
	pools  *pools
}

// pipeline walks the payload, edits selected files in parallel and gives all
// stretches to emit in stream order. The first error in stream order wins.
func (w *rewrite) pipeline(ctx context.Context, p *pack.Package, ed Editor, emit func(*unit) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	r := &reader{ctx: ctx, path: p.Path, ed: ed, digest: w.digest, pools: &w.pools, budget: semaphore.NewWeighted(inFlight), queue: make(chan *unit, queueLen), work: make(chan *unit, queueLen)}
	var walked error
	var wg sync.WaitGroup
	wg.Go(func() {
		defer close(r.queue)
		defer close(r.work)
		walked = p.WalkRaw(ctx, r.entry)
	})
	for range w.o.Jobs {
		wg.Go(func() {
			for u := range r.work {
				u.err = r.edit(u)
				close(u.done)
			}
		})
	}
	err := r.drain(emit)
	cancel()
	wg.Wait()
	if err != nil {
		return err
	}
	return walked
}

// drain waits for each unit in turn and emits it.
func (r *reader) drain(emit func(*unit) error) error {
	for u := range r.queue {
		if u.file {
			select {
			case <-u.done:
			case <-r.ctx.Done():
				return r.ctx.Err()
			}
			if u.err != nil {
				return where.In(r.path, where.In(u.raw.Member, where.In(u.raw.Path, u.err)))
			}
		}
		if err := emit(u); err != nil {
			return err
		}
		for _, b := range u.pooled {
			r.pools.put(b)
		}
		r.budget.Release(u.cost)
	}
	return nil
}

// entry takes in one entry of the walk.
func (r *reader) entry(raw *pack.Raw, content io.Reader) error {
	u := &unit{raw: *raw}
	u.raw.Gap, u.raw.Head = bytes.Clone(raw.Gap), bytes.Clone(raw.Head)
	if raw.Entry != nil && raw.Type == pack.Regular && r.ed.Select(raw.Entry) {
		u.file, u.done = true, make(chan struct{})
		if err := r.load(u, content); err != nil {
			return err
		}
		if err := r.send(r.queue, u); err != nil {
			close(u.done)
			return err
		}
		return r.send(r.work, u)
	}
	if err := r.send(r.queue, u); err != nil || raw.Entry == nil {
		return err
	}
	return r.lumps(content)
}

func (r *reader) send(to chan *unit, u *unit) error {
	select {
	case to <- u:
		return nil
	case <-r.ctx.Done():
		return r.ctx.Err()
	}
}

// lumps passes content on that nobody edits.
func (r *reader) lumps(content io.Reader) error {
	for {
		u := &unit{lump: true, cost: lump}
		if err := r.budget.Acquire(r.ctx, u.cost); err != nil {
			return err
		}
		u.content = r.pools.get(lump)[:lump]
		u.pooled = [][]byte{u.content}
		n, err := io.ReadFull(content, u.content)
		u.content = u.content[:n]
		if n > 0 {
			if serr := r.send(r.queue, u); serr != nil {
				return serr
			}
		} else {
			r.pools.put(u.pooled[0])
			r.budget.Release(u.cost)
		}
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// load reads a selected file. Memory is taken as bytes arrive.
func (r *reader) load(u *unit, content io.Reader) error {
	if u.raw.Size > limits.MaxModule {
		return where.New(where.Limit, "a file of %d bytes to edit", u.raw.Size)
	}
	u.cost = min(2*u.raw.Size, inFlight) // the result is about as large
	if err := r.budget.Acquire(r.ctx, u.cost); err != nil {
		return err
	}
	var err error
	u.content, err = r.pools.readAll(content, int(u.raw.Size))
	u.pooled = [][]byte{u.content}
	if err == nil && int64(len(u.content)) != u.raw.Size {
		err = where.New(where.Internal, "%d of %d bytes read", len(u.content), u.raw.Size)
	}
	return err
}

// edit asks the editor about a file and sums both contents up if it changed.
func (r *reader) edit(u *unit) error {
	if err := r.ctx.Err(); err != nil {
		return err
	}
	room := func(n int) []byte {
		b := r.pools.get(n)[:n]
		u.pooled = append(u.pooled, b)
		return b
	}
	result, err := r.ed.Edit(r.ctx, u.raw.Entry, u.content, room)
	if err != nil || result == nil || bytes.Equal(result, u.content) {
		return err
	}
	u.result, u.oldSum, u.newSum = result, r.sum(u.content), r.sum(result)
	return nil
}

func (r *reader) sum(b []byte) string {
	h := r.digest()
	h.Write(b)
	return hex.EncodeToString(h.Sum(nil))
}
