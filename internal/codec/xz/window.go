package xz

import (
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// window is the output that is at the same time the dictionary. Without slide
// it holds everything since its begin; with slide it keeps what matches can
// reach and moves it to the front when it is full.
type window struct {
	buf    []byte // all of its length is usable
	pos    int    // end of the output
	start  int    // begin of the dictionary
	origin int    // where the position counter was zero
	dict   uint32
	moved  int64 // bytes that are no longer in buf
	slide  bool
	exact  bool           // max is the size that the block must have
	max    int            // without slide: pos stays at or below it
	most   int64          // with slide: the dictionary that may be taken, in bytes
	first  int            // a guess of the output, for the first allocation
	budget *limits.Budget // charged with what is about to be written
}

const (
	minWindow = 256 << 10
	minSlide  = 4 << 20 // room behind the dictionary, so that moving it costs little
)

// into begins output behind dst, at most max bytes.
func (w *window) into(dst []byte, max int64) {
	limit := len(dst) + int(min(max, 1<<62-int64(len(dst))))
	*w = window{buf: dst[:cap(dst)], pos: len(dst), max: limit}
}

// begin begins a dictionary of dict bytes.
func (w *window) begin(dict uint32) {
	w.dict = dict
	w.resetDict()
}

// resetDict forgets what was written: matches reach no further back.
func (w *window) resetDict() { w.start, w.origin = w.pos, w.pos }

// size is the length of all the output.
func (w *window) size() int64 { return w.moved + int64(w.pos) }

// charge accounts for n bytes behind pos.
func (w *window) charge(n int) error {
	if !w.slide && n > w.max-w.pos {
		if w.exact {
			return where.New(where.Malformed, "xz block is larger than its index says")
		}
		return where.New(where.Limit, "more than the %d bytes allowed", w.max)
	}
	// Output may be longer than what is taken; a dictionary that is needed, not.
	if w.slide && int64(w.dict) > w.most && int64(w.pos-w.start+n) > w.most {
		return where.New(where.Limit, "the dictionary of %d bytes takes more than the %d allowed for an input of this size", w.dict, w.most)
	}
	return w.budget.Take(int64(n))
}

// reserve makes n bytes writable behind pos. What lies before pos must have
// been consumed when the window slides.
func (w *window) reserve(n int) {
	if n <= len(w.buf)-w.pos {
		return
	}
	if !w.slide {
		w.resize(max(w.pos+n, min(max(2*len(w.buf), w.first, minWindow), w.max)))
		return
	}
	keep := int(w.dict)
	if w.pos >= keep+max(keep/2, minSlide) {
		from := max((w.pos-keep)&^(posStates-1), 0)
		copy(w.buf, w.buf[from:w.pos])
		w.pos -= from
		w.moved += int64(from)
		w.origin -= from
		w.start = max(w.start-from, 0)
	}
	if n > len(w.buf)-w.pos {
		w.resize(max(w.pos+n, min(2*len(w.buf), keep+max(keep/2, minSlide)+n), minWindow))
	}
}

func (w *window) resize(n int) {
	b := make([]byte, n)
	copy(b, w.buf[:w.pos])
	w.buf = b
}
