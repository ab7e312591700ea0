package klog

import (
	"bufio"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// decode turns UTF-16, as PowerShell and Notepad save it, into UTF-8: by its
// byte order mark, or by every second byte of the beginning being zero. All
// else passes as it is. It looks at 16 bytes and waits for no more: a log may
// be one that goes on.
func decode(r io.Reader) io.Reader {
	br := bufio.NewReaderSize(r, maxPiece)
	head, _ := br.Peek(16)
	if len(head) < 2 {
		return br
	}
	switch {
	case head[0] == 0xff && head[1] == 0xfe:
		return &wide{r: br}
	case head[0] == 0xfe && head[1] == 0xff:
		return &wide{r: br, big: true}
	}
	var zero [2]int
	for i, b := range head[:len(head)&^1] {
		if b == 0 {
			zero[i&1]++
		}
	}
	half := len(head) / 2
	switch {
	case zero[1] > half*3/4 && zero[0] < half/4:
		return &wide{r: br}
	case zero[0] > half*3/4 && zero[1] < half/4:
		return &wide{r: br, big: true}
	}
	return br
}

// wide reads UTF-16 as UTF-8.
type wide struct {
	r   *bufio.Reader
	big bool
	out []byte // decoded, not yet read
	err error
}

func (w *wide) Read(p []byte) (int, error) {
	for len(w.out) == 0 && w.err == nil {
		w.out = w.out[:0]
		for len(w.out) < 4096 && w.err == nil {
			w.out = utf8.AppendRune(w.out, w.rune())
		}
		if w.err != nil && len(w.out) > 0 {
			w.out = w.out[:len(w.out)-1] // the rune that was not there
		}
	}
	if len(w.out) == 0 {
		return 0, w.err
	}
	n := copy(p, w.out)
	w.out = w.out[n:]
	return n, nil
}

// rune reads one character; at the end it is NUL, of one byte, and err is set.
func (w *wide) rune() rune {
	u, ok := w.unit()
	if !ok {
		return 0
	}
	if !utf16.IsSurrogate(rune(u)) {
		return rune(u)
	}
	low, err := w.r.Peek(2)
	if err != nil {
		return utf8.RuneError
	}
	if full := utf16.DecodeRune(rune(u), rune(w.order(low))); full != utf8.RuneError {
		_, w.err = w.r.Discard(2)
		return full
	}
	return utf8.RuneError
}

func (w *wide) unit() (uint16, bool) {
	var b [2]byte
	if _, w.err = io.ReadFull(w.r, b[:]); w.err != nil {
		if w.err == io.ErrUnexpectedEOF {
			w.err = io.EOF // half a character at the end
		}
		return 0, false
	}
	return w.order(b[:]), true
}

func (w *wide) order(b []byte) uint16 {
	if w.big {
		return uint16(b[0])<<8 | uint16(b[1])
	}
	return uint16(b[1])<<8 | uint16(b[0])
}
