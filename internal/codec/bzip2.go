package codec

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"io"
)

func newBzip2(br *bufio.Reader) io.Reader { return bzip2.NewReader(br) }

// afterBzip2 is how compress/bzip2 says that the bytes after a finished stream
// do not begin another one; it has read two of them by then.
const afterBzip2 = bzip2.StructuralError("bad magic value in continuation file")

// bzip2Member decodes the streams at the start of src behind dst. Unlike in the
// other formats joined streams count as one: the library does not stop between
// them.
func bzip2Member(dst, src []byte, max int64) ([]byte, int, error) {
	in := bytes.NewReader(src)
	out, err := appendAll(dst, bzip2.NewReader(in), max, 4*len(src))
	used := len(src) - in.Len()
	switch {
	case errors.Is(err, afterBzip2):
		return out, used - 2, nil
	case errors.Is(err, io.ErrUnexpectedEOF) && len(src) > 0:
		// One byte after the end looks like a cut to the library.
		again := bytes.NewReader(src[:len(src)-1])
		if out, err := appendAll(dst, bzip2.NewReader(again), max, 4*len(src)); err == nil {
			return out, len(src) - 1, nil
		}
	}
	return out, used, err
}
