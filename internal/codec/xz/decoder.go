package xz

import (
	"encoding/binary"
	"io"

	"kpkg-btf/internal/where"
)

// Decoder decodes streams that are in memory, one after the other, without
// setting up anew. The zero value is ready.
type Decoder struct {
	core
	w     window
	alone alone
}

// Decode decodes the first stream of src behind dst and gives the number of
// bytes it takes. At most max bytes are added; a dictionary of more than
// maxDict is refused. On error the result holds what was decoded before and
// the offset.
func (d *Decoder) Decode(dst, src []byte, max, maxDict int64) ([]byte, int, error) {
	in, w := &d.in, &d.w
	in.fromMemory(src)
	dst = growFor(dst, sizeHint(src), max, len(src))
	w.into(dst, max, nil)
	err := d.stream(in, w, maxDict)
	out := w.buf[:w.pos]
	w.buf, in.buf = nil, nil // do not keep the caller's memory
	return out, in.rd, err
}

// stream decodes one stream; the window does not slide.
func (d *core) stream(in *input, w *window, maxDict int64) error {
	if err := d.streamHeader(in); err != nil {
		return err
	}
	for {
		ok, err := d.more(in)
		if err != nil {
			return err
		}
		if !ok {
			return d.finish(in)
		}
		if err = d.blk.readHeader(in, maxDict); err != nil {
			return err
		}
		r, err := d.block(in, w, nil)
		if err != nil {
			return err
		}
		if err = d.addRecord(r, in); err != nil {
			return err
		}
	}
}

// block decodes the block whose header was read behind w.pos, in a window that
// does not slide. Step, if not nil, is called with the bytes of finished output
// after each chunk; its error ends the work.
func (d *core) block(in *input, w *window, step func(done int) error) (record, error) {
	b, begin := &d.blk, w.pos
	d.beginBlock(w)
	for more := true; more; {
		from := w.pos
		var err error
		if more, err = d.chunk(in, w); err != nil {
			return record{}, err
		}
		if err = b.inBounds(in, int64(w.pos-begin)); err != nil {
			return record{}, err
		}
		if b.filterN == 0 {
			d.c.update(w.buf[from:w.pos])
			from = w.pos
		} else {
			from = begin
		}
		if step != nil {
			if err = step(from - begin); err != nil {
				return record{}, err
			}
		}
	}
	if b.filterN > 0 {
		for i := b.filterN - 1; i >= 0; i-- {
			b.filters[i].apply(w.buf[begin:w.pos])
		}
		d.c.update(w.buf[begin:w.pos])
	}
	return b.end(in, &d.c, int64(w.pos-begin))
}

func (d *core) beginBlock(w *window) {
	w.dict = d.blk.dict
	w.resetDict()
	d.begin()
	d.c.begin()
}

// sizeHint gives the size of the output as the index at the end of src claims
// it; 0 where there is none. Nothing rests on it but the first allocation.
func sizeHint(src []byte) int64 {
	n := len(src)
	if n < headerSize+footerSize || string(src[n-2:]) != footerMagic {
		return 0
	}
	index := (int64(binary.LittleEndian.Uint32(src[n-8:])) + 1) * 4
	if index < 8 || index > int64(n-headerSize-footerSize) {
		return 0
	}
	p := fields{b: src[int64(n-footerSize)-index+1 : n-footerSize-4]}
	var total int64
	for count := p.vli(); count > 0 && !p.bad; count-- {
		p.vli()
		size := int64(p.vli())
		if total += size; size < 0 || total < 0 {
			return 0
		}
	}
	return total
}

// growFor makes room for a claimed size, but no more than max and 64 times
// the input: what is more comes when it is really decoded.
func growFor(dst []byte, claim, max int64, input int) []byte {
	n := int(min(claim, max, 64*int64(input)+minWindow))
	if n <= cap(dst)-len(dst) {
		return dst
	}
	b := make([]byte, len(dst), len(dst)+n)
	copy(b, dst)
	return b
}

// DecodeAlone is Decode for the .lzma format.
func (d *Decoder) DecodeAlone(dst, src []byte, max, maxDict int64) ([]byte, int, error) {
	in, w, a := &d.in, &d.w, &d.alone
	in.fromMemory(src)
	err := a.begin(in, w, maxDict)
	if err == nil {
		dst = growFor(dst, a.left, max, len(src))
		w.into(dst, max, nil)
		w.dict = a.dict
	} else {
		w.into(dst, max, nil)
	}
	for err == nil {
		err = a.step(in, w)
		if err == nil && w.pos > w.max {
			err = where.New(where.Limit, "more than the %d bytes allowed", max)
		}
	}
	if err == io.EOF {
		err = nil
	}
	out := w.buf[:w.pos]
	w.buf, in.buf = nil, nil
	return out, in.rd, err
}
