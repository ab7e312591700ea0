package xz

import (
	"errors"
	"hash/crc32"
	"io"

	"kpkg-btf/internal/where"
)

// maxTake is the most that one take asks for: the payload of an LZMA2 chunk.
const maxTake = 1 << 16

// input gives out compressed bytes piece by piece, from memory (r is nil and
// buf the data) or from a reader through buf.
type input struct {
	r       io.Reader
	buf     []byte
	rd, wr  int    // what is buffered: buf[rd:wr]
	base    int64  // offset of buf[0] in the file
	crc     uint32 // of an index
	scratch []byte
	own     []byte // the buffer of reader mode, kept between uses
}

const inputBuf = 2 * maxTake

func (in *input) fromMemory(src []byte) {
	in.r, in.buf, in.rd, in.wr, in.base = nil, src, 0, len(src), 0
}

// fromReader reads r, whose first byte is at offset base of the file.
func (in *input) fromReader(r io.Reader, base int64) {
	if in.own == nil {
		in.own = make([]byte, inputBuf+inSlack)
	}
	in.r, in.buf, in.rd, in.wr, in.base = r, in.own, 0, 0, base
}

// off is the offset of the next byte in the file.
func (in *input) off() int64 { return in.base + int64(in.rd) }

// have makes n bytes available without taking them. io.EOF means that there
// are none at all, a where.Error that there are too few.
func (in *input) have(n int, what string) error {
	for in.wr-in.rd < n {
		if in.r == nil {
			return in.short(what)
		}
		if in.rd > 0 && in.rd+n > inputBuf {
			in.base += int64(in.rd)
			in.wr = copy(in.buf, in.buf[in.rd:in.wr])
			in.rd = 0
		}
		m, err := in.r.Read(in.buf[in.wr:inputBuf])
		in.wr += m
		if err != nil && in.wr-in.rd < n {
			if err == io.EOF || errors.Is(err, io.ErrUnexpectedEOF) {
				return in.short(what)
			}
			return err
		}
	}
	return nil
}

func (in *input) short(what string) error {
	if in.wr == in.rd {
		return io.EOF
	}
	return where.New(where.Malformed, "truncated: ends within %s", what).At(in.base + int64(in.wr))
}

// take returns the next n bytes, with inSlack readable bytes behind them in
// the capacity. They are valid until the next call.
func (in *input) take(n int, what string) ([]byte, error) {
	if err := in.have(n, what); err != nil {
		if err == io.EOF {
			err = where.New(where.Malformed, "truncated: ends before %s", what).At(in.off())
		}
		return nil, err
	}
	b := in.buf[in.rd : in.rd+n]
	in.rd += n
	if cap(b) < n+inSlack { // the end of a file in memory
		if cap(in.scratch) < n+inSlack {
			in.scratch = make([]byte, maxTake+inSlack)
		}
		b = in.scratch[:n]
		copy(b, in.buf[in.rd-n:in.rd])
	}
	return b, nil
}

// crcTake takes bytes of an index and adds them to its checksum.
func (in *input) crcTake(n int) ([]byte, error) {
	b, err := in.take(n, "an xz index")
	if err == nil {
		in.crc = crc32.Update(in.crc, crc32.IEEETable, b)
	}
	return b, err
}

// vli takes a variable length integer of at most 63 bits from an index;
// redundant zero bytes at its end are refused (xz file format 1.2, 1.2).
func (in *input) vli() (uint64, error) {
	var v uint64
	for i := range 9 {
		b, err := in.crcTake(1)
		if err != nil {
			return 0, err
		}
		v |= uint64(b[0]&0x7f) << (7 * i)
		if b[0] < 0x80 {
			if b[0] == 0 && i > 0 {
				break
			}
			return v, nil
		}
	}
	return 0, where.New(where.Malformed, "bad number in an xz index").At(in.off())
}

// startsWith tells whether the next bytes are s.
func (in *input) startsWith(s string) bool {
	return in.have(len(s), "") == nil && string(in.buf[in.rd:in.rd+len(s)]) == s
}
