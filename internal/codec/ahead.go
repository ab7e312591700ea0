package codec

import (
	"context"
	"io"
	"sync"
)

const (
	aheadSize  = 1 << 20 // bytes of one buffer
	aheadCount = 3       // one being read, one full, one being filled
)

// ahead decodes in its own goroutine while the consumer works on what came
// before.
type ahead struct {
	src    io.ReadCloser
	ctx    context.Context
	cancel context.CancelFunc
	full   chan aheadBuf
	free   chan []byte
	done   chan struct{}
	cur    aheadBuf
	pos    int
	close  sync.Once
	err    error
}

type aheadBuf struct {
	b   []byte
	n   int
	err error
}

func readAhead(ctx context.Context, src io.ReadCloser) io.ReadCloser {
	ctx, cancel := context.WithCancel(ctx)
	a := &ahead{src: src, ctx: ctx, cancel: cancel,
		full: make(chan aheadBuf, aheadCount), free: make(chan []byte, aheadCount), done: make(chan struct{})}
	for range aheadCount {
		a.free <- nil
	}
	go a.run()
	return a
}

func (a *ahead) run() {
	defer close(a.done)
	for {
		var b []byte
		select {
		case b = <-a.free:
		case <-a.ctx.Done():
			return
		}
		if b == nil {
			b = make([]byte, aheadSize)
		}
		n, err := fill(a.src, b)
		a.full <- aheadBuf{b, n, err} // never blocks: there are no more buffers than places
		if err != nil {
			return
		}
	}
}

// fill reads until b is full or an error; io.EOF comes with the last bytes.
func fill(r io.Reader, b []byte) (n int, err error) {
	for n < len(b) && err == nil {
		var m int
		m, err = r.Read(b[n:])
		n += m
	}
	return n, err
}

func (a *ahead) Read(p []byte) (int, error) {
	for a.pos == a.cur.n {
		if a.err != nil {
			return 0, a.err
		}
		if a.cur.err != nil {
			a.err = a.cur.err
			return 0, a.err
		}
		if a.cur.b != nil {
			a.free <- a.cur.b
			a.cur, a.pos = aheadBuf{}, 0
		}
		select {
		case a.cur = <-a.full:
		case <-a.ctx.Done():
			return 0, a.ctx.Err()
		}
	}
	n := copy(p, a.cur.b[a.pos:a.cur.n])
	a.pos += n
	return n, nil
}

// Close stops the goroutine and waits for it: one buffer's work at most.
func (a *ahead) Close() (err error) {
	a.close.Do(func() {
		a.cancel()
		<-a.done
		err = a.src.Close()
		if a.err == nil {
			a.err = errClosed
		}
		a.pos, a.cur.n = 0, 0
	})
	return err
}
