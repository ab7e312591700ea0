package xz

import (
	"encoding/binary"
	"io"
	"math/bits"

	"kpkg-btf/internal/where"
)

const (
	aloneSize   = 13 // bytes of the header
	unknownSize = -1
	aloneStep   = 64 << 10 // bytes decoded in one step
	minDict     = 4096
	maxAlone    = 256 << 30
)

// IsAlone reports whether head can be the start of a .lzma file: properties,
// dictionary, size (or all ones where an end marker follows), one range coded
// stream. It has no magic, so the dictionary must be 2^n or 2^n+2^(n-1) and the
// size below 256 GiB, as xz(1) demands, and the first byte of the range coder
// zero, as it always is.
func IsAlone(head []byte) bool {
	if len(head) <= aloneSize || head[aloneSize] != 0 {
		return false
	}
	dict, size := binary.LittleEndian.Uint32(head[1:]), binary.LittleEndian.Uint64(head[5:])
	top := uint32(1) << (bits.Len32(dict|1) - 1)
	return new(lzma).setProps(head[0]) && dict >= minDict &&
		(dict == top || dict == top+top/2 || dict == 1<<32-1) && (size == 1<<64-1 || size < maxAlone)
}

func (d *decoder) aloneHeader() error {
	h, err := d.in.take(aloneSize+5, "a .lzma header")
	if err != nil {
		return err
	}
	dict, size := max(binary.LittleEndian.Uint32(h[1:]), minDict), binary.LittleEndian.Uint64(h[5:])
	var ok bool
	d.rc, ok = newCoder(d.in.buf, d.in.rd-5)
	if !ok || !d.setProps(h[0]) || size != 1<<64-1 && size >= maxAlone {
		return where.New(where.Malformed, "bad .lzma header").At(0)
	}
	if int64(dict) > d.maxDict {
		return where.New(where.Limit, "a .lzma dictionary of %d bytes, more than the %d allowed", dict, d.maxDict).At(0)
	}
	d.left = int64(size) // all ones is unknownSize
	d.resetState()
	d.w.begin(dict)
	d.next = (*decoder).aloneData
	return nil
}

// aloneData decodes some bytes behind w.pos.
func (d *decoder) aloneData() error {
	w := &d.w
	soft, hard := aloneStep, aloneStep+matchMax
	switch {
	case d.left == 0 && d.rc.code == 0:
		d.next = (*decoder).aloneEnd
		return nil
	case d.left == 0: // only an end marker may follow
		soft, hard = 1, 1
	case d.left > 0:
		soft, hard = int(min(int64(soft), d.left)), int(min(int64(hard), d.left))
	}
	w.reserve(hard)
	from := w.pos
	st, err := d.feed(from+soft, from+hard)
	if err != nil {
		return err
	}
	n := w.pos - from
	w.pos = from
	switch {
	case st == marker && d.rc.code == 0 && (d.left == unknownSize || d.left == int64(n)):
		d.left = 0
	case st != more || d.left == 0:
		return st.fault(hard - n).At(d.in.off())
	case d.left > 0:
		d.left -= int64(n)
	}
	if err = w.charge(n); err != nil {
		return err
	}
	w.pos += n
	d.out = w.buf[from:w.pos]
	return nil
}

// feed runs the decoder up to soft, a buffer at a time.
func (d *decoder) feed(soft, hard int) (status, error) {
	in := &d.in
	for {
		// As much as there is: the end of the input is no error by itself.
		err := in.have(2*inSlack, "")
		last := err == io.EOF || where.KindOf(err) == where.Malformed
		if err != nil && !last {
			return more, err
		}
		stop := in.wr - inSlack
		if last { // behind it come zeros that nobody may use
			stop = in.wr
			clear(in.buf[in.wr : in.wr+inSlack])
		}
		d.rc.ip = in.rd
		st := d.run(&d.w, soft, hard, stop)
		if d.rc.ip > in.wr || last && st == more && d.w.pos < soft {
			return st, where.New(where.Malformed, "truncated: ends within .lzma data").At(in.base + int64(in.wr))
		}
		in.rd = d.rc.ip
		if st != more || d.w.pos >= soft {
			return st, nil
		}
	}
}

func (d *decoder) aloneEnd() error {
	if d.single {
		return io.EOF
	}
	if err := d.in.have(1, ""); err != nil {
		return err
	}
	return where.New(where.Malformed, "trailing garbage after .lzma data").At(d.in.off())
}
