package klog

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
)

// maxPiece is the most bytes of a line that are looked at together. The
// kernel's own limit for a message is 1024; a query's result from a collector
// can be one line of megabytes and is cut between two of its strings.
const maxPiece = 64 << 10

// split yields a log line by line, numbered as an editor does. A line of a
// serial console or of a recording, in which carriage returns stand, comes in
// parts of one number, so does one longer than maxPiece.
func split(r io.Reader, yield func(n int, piece string)) error {
	br, ok := r.(*bufio.Reader)
	if !ok {
		br = bufio.NewReaderSize(r, maxPiece)
	}
	var rest []byte // of a long line, not yet yielded
	for n := 1; ; {
		part, err := br.ReadSlice('\n')
		full := errors.Is(err, bufio.ErrBufferFull)
		if err != nil && !full && !errors.Is(err, io.EOF) {
			return err
		}
		if len(rest) > 0 {
			part = append(rest, part...)
			rest = rest[:0]
		}
		if full {
			at := breakAt(part)
			parts(n, part[:at], yield)
			rest = append([]byte(nil), part[at:]...)
			continue
		}
		if len(part) > 0 {
			parts(n, bytes.TrimSuffix(part, []byte{'\n'}), yield)
		}
		if err != nil {
			return nil
		}
		if bytes.Equal(part, []byte("MESSAGE\n")) {
			binaryField(br, n, yield)
		}
		n++
	}
}

// breakAt returns where a long line is best cut: after a string's comma, else
// after a space, else where it stands.
func breakAt(part []byte) int {
	half := len(part) / 2
	for _, sep := range []string{`",`, "\r", " "} {
		if i := bytes.LastIndex(part[half:], []byte(sep)); i >= 0 {
			return half + i + len(sep)
		}
	}
	return len(part)
}

func parts(n int, line []byte, yield func(int, string)) {
	if bytes.IndexByte(line, '\r') < 0 {
		yield(n, string(line))
		return
	}
	yielded := false
	for part := range bytes.SplitSeq(line, []byte{'\r'}) {
		if len(part) > 0 {
			yield(n, string(part))
			yielded = true
		}
	}
	if !yielded {
		yield(n, "")
	}
}

// binaryField reads a field of the journal's export format that is not plain
// text: its length in 8 bytes, then as many (systemd, Journal Export Formats).
// What has no such length is left to be read as lines.
func binaryField(br *bufio.Reader, n int, yield func(int, string)) {
	head, err := br.Peek(8)
	if err != nil {
		return
	}
	size := binary.LittleEndian.Uint64(head)
	if size == 0 || size > maxPiece-8 {
		return
	}
	whole, err := br.Peek(8 + int(size))
	if err != nil {
		return
	}
	text := strings.Clone("MESSAGE=" + string(whole[8:]))
	if _, err := br.Discard(8 + int(size)); err != nil {
		return
	}
	yield(n, text)
}
