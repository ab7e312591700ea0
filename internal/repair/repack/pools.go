package repack

import (
	"io"
	"math/bits"
	"sync"
)

// pools hold buffers that are used again, by the power of two that they can
// take. Unlike a sync.Pool's they survive a collection: what passes through is
// many times the memory of the process, and each collection would have all of
// it cleared and faulted in again.
type pools struct {
	mu   sync.Mutex
	free [classes][][]byte
	held int // bytes in free
}

const (
	// classes reach past limits.MaxModule.
	classes = 32
	// mostHeld bounds what lies idle.
	mostHeld = 2 * inFlight // they are up to twice as large as what is in them
	// mostAtOnce is what is allocated for a claim alone.
	mostAtOnce = 1 << 20
)

// get returns an empty buffer of a capacity of at least n.
func (p *pools) get(n int) []byte {
	if b := p.idle(n); b != nil {
		return b
	}
	return make([]byte, 0, 1<<classOf(n))
}

func classOf(n int) int { return bits.Len(uint(max(n, 1) - 1)) }

// idle is get of what lies idle, nil if nothing fits that is not far too large.
func (p *pools) idle(n int) []byte {
	class := classOf(n)
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := class; c < min(class+3, classes); c++ {
		if len(p.free[c]) > 0 {
			return p.take(c)
		}
	}
	return nil
}

func (p *pools) take(class int) []byte {
	last := len(p.free[class]) - 1
	b := p.free[class][last]
	p.free[class][last] = nil
	p.free[class] = p.free[class][:last]
	p.held -= cap(b)
	return b
}

// readAll reads to the end what is said to be n bytes. Memory that is not
// there already is taken as bytes arrive.
func (p *pools) readAll(r io.Reader, n int) ([]byte, error) {
	n++ // the end is seen without growing
	b := p.idle(n)
	if b == nil {
		b = p.get(min(n, mostAtOnce))
	}
	for {
		got, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+got]
		if err == io.EOF {
			return b, nil
		}
		if err != nil {
			return b, err
		}
		if len(b) == cap(b) {
			more := append(p.get(2*cap(b)), b...)
			p.put(b)
			b = more
		}
	}
}

// put takes a buffer back.
func (p *pools) put(b []byte) {
	class := bits.Len(uint(cap(b))) - 1
	p.mu.Lock()
	defer p.mu.Unlock()
	if class < 0 || class >= classes || cap(b) > mostHeld {
		return
	}
	for p.held+cap(b) > mostHeld {
		p.take(p.fullest())
	}
	p.held += cap(b)
	p.free[class] = append(p.free[class], b[:0])
}

// fullest is the class that holds most: what came before lately, not what
// comes now.
func (p *pools) fullest() int {
	most := 0
	for c := range p.free {
		if len(p.free[c])<<c > len(p.free[most])<<most {
			most = c
		}
	}
	return most
}
