package xz

import (
	"encoding/binary"
	"io"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

const (
	aloneHeader = 13
	unknownSize = -1
	aloneStep   = 64 << 10 // bytes decoded in one step
	minDict     = 4096
)

// alone decodes the .lzma format: properties, dictionary, size (or all ones
// where an end marker follows), and one range coded stream.
type alone struct {
	lzma
	dict uint32
	left int64 // bytes still to come, or unknownSize
}

// IsAlone tells whether head can be the start of a .lzma file. It has no magic,
// so the dictionary must be 2^n or 2^n+2^(n-1) and the size below 256 GiB, as
// xz(1) demands, and the first byte of the range coder zero, as it always is.
func IsAlone(head []byte) bool {
	if len(head) <= aloneHeader || head[aloneHeader] != 0 {
		return false
	}
	var d lzma
	dict := binary.LittleEndian.Uint32(head[1:])
	size := binary.LittleEndian.Uint64(head[5:])
	top := dict
	for top&(top-1) != 0 {
		top &= top - 1 // the highest bit remains
	}
	return d.setProps(head[0]) && dict >= minDict && (dict == top || dict == top+top/2 || dict == 1<<32-1) &&
		(size == 1<<64-1 || size < 256<<30)
}

func (a *alone) begin(in *input, w *window, maxDict int64) error {
	h, err := in.take(aloneHeader+5, "a .lzma header")
	if err != nil {
		return err
	}
	dict, size := binary.LittleEndian.Uint32(h[1:]), binary.LittleEndian.Uint64(h[5:])
	if !a.setProps(h[0]) || size != 1<<64-1 && size >= 256<<30 || !a.initRange(h[aloneHeader:]) {
		return where.New(where.Malformed, "bad .lzma header").At(0)
	}
	a.dict = max(dict, minDict)
	if int64(a.dict) > maxDict {
		return where.New(where.Limit, "a .lzma dictionary of %d bytes, more than the %d allowed", a.dict, maxDict).At(0)
	}
	a.left = int64(size) // all ones is unknownSize
	a.resetState()
	w.dict = a.dict
	w.resetDict()
	return nil
}

// step decodes some bytes behind w.pos; io.EOF is the end.
func (a *alone) step(in *input, w *window) error {
	soft := aloneStep
	hard := soft + matchMax
	switch {
	case a.left == 0 && a.code == 0:
		return io.EOF
	case a.left == 0: // only an end marker may follow
		soft, hard = 1, 1
	case a.left > 0:
		soft, hard = int(min(int64(soft), a.left)), int(min(int64(hard), a.left))
	}
	w.reserve(hard)
	s := span{out: w.buf, pos: w.pos, start: w.start, origin: w.origin, dict: w.dict,
		soft: w.pos + soft, hard: w.pos + hard}
	st, err := a.feed(in, &s)
	if err != nil {
		return err
	}
	n := s.pos - w.pos
	switch {
	case st == marker && a.code == 0 && (a.left == unknownSize || a.left == int64(n)):
		a.left, a.code = 0, 0
	case st != more || a.left == 0:
		return st.fault(&s).At(in.off())
	case a.left > 0:
		a.left -= int64(n)
	}
	if err = w.budget.Take(int64(n)); err != nil {
		return err
	}
	w.pos = s.pos
	return nil
}

// feed runs the decoder over the input that is there.
func (a *alone) feed(in *input, s *span) (status, error) {
	for {
		// As much as there is: the end of the input is no error by itself.
		if err := in.have(2*inSlack, ""); err != nil && err != io.EOF && where.KindOf(err) != where.Malformed {
			return more, err
		}
		n := in.wr - in.rd
		tail := n < 2*inSlack
		if tail { // behind it come zeros that nobody may use
			if cap(in.scratch) < maxTake+inSlack {
				in.scratch = make([]byte, maxTake+inSlack)
			}
			s.in = in.scratch[:n+inSlack]
			clear(s.in[copy(s.in, in.buf[in.rd:in.wr]):])
			s.stop = n
		} else {
			s.in, s.stop = in.buf[in.rd:in.wr], n-inSlack
		}
		s.ip = 0
		st := a.run(s)
		if s.ip > n || tail && st == more && s.pos < s.soft {
			return st, where.New(where.Malformed, "truncated: ends within .lzma data").At(in.base + int64(in.wr))
		}
		in.rd += s.ip
		if st != more || s.pos >= s.soft {
			return st, nil
		}
	}
}

// AloneReader decodes a .lzma file as a stream.
type AloneReader struct {
	a       alone
	in      input
	w       window
	maxDict int64
	pending []byte
	begun   bool
	err     error
}

// NewAloneReader decodes the .lzma file r, which must end where its data end.
// A dictionary of more than maxDict bytes is refused.
func NewAloneReader(r io.Reader, maxDict int64, b *limits.Budget) *AloneReader {
	a := &AloneReader{maxDict: maxDict}
	a.in.fromReader(r, 0)
	a.w.slide, a.w.budget = true, b
	return a
}

func (a *AloneReader) Read(p []byte) (int, error) {
	for len(a.pending) == 0 {
		if a.err != nil {
			return 0, a.err
		}
		a.err = a.next()
	}
	n := copy(p, a.pending)
	a.pending = a.pending[n:]
	return n, nil
}

func (a *AloneReader) next() error {
	if !a.begun {
		a.begun = true
		return a.a.begin(&a.in, &a.w, a.maxDict)
	}
	// The window may move what is before pos, so the size tells what is new.
	a.w.reserve(aloneStep + matchMax)
	from := a.w.pos
	err := a.a.step(&a.in, &a.w)
	if err == io.EOF && a.in.have(1, "") == nil {
		return where.New(where.Malformed, "trailing garbage after .lzma data").At(a.in.off())
	}
	if err == nil {
		a.pending = a.w.buf[from:a.w.pos]
	}
	return err
}
