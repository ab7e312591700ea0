package xz

import "kpkg-btf/internal/where"

// lzma2 decodes the chunks of LZMA2 (xz file format 1.2, 5.3.1; the chunk
// header as in 7-Zip's Lzma2Dec.c).
type lzma2 struct {
	lzma
	needDict  bool // the first chunk must reset the dictionary
	needProps bool // the first LZMA chunk after that must bring properties
}

const (
	endChunk   = 0x00
	storeReset = 0x01 // stored, after a reset of the dictionary
	store      = 0x02
	lzmaChunk  = 0x80
	newState   = 0xa0
	newProps   = 0xc0
	newDict    = 0xe0
)

func (d *lzma2) begin() { d.needDict, d.needProps = true, true }

// chunk decodes one chunk behind w.pos and gives what it wrote; false after
// the last.
func (d *lzma2) chunk(in *input, w *window) ([]byte, bool, error) {
	at := in.off()
	b, err := in.take(1, "an LZMA2 chunk")
	if err != nil || b[0] == endChunk {
		return nil, false, err
	}
	control := b[0]
	if control == storeReset || control >= newDict {
		w.resetDict()
		d.needDict, d.needProps = false, true
	}
	if d.needDict || control > store && control < lzmaChunk || control >= lzmaChunk && control < newProps && d.needProps {
		return nil, false, where.New(where.Malformed, "bad LZMA2 chunk 0x%02x", control).At(at)
	}
	size := w.size()
	if control < lzmaChunk {
		err = stored(in, w)
	} else {
		err = d.packed(control, in, w, at)
	}
	n := int(w.size() - size)
	return w.buf[w.pos-n : w.pos], true, err
}

func stored(in *input, w *window) error {
	b, err := in.take(2, "an LZMA2 chunk header")
	if err != nil {
		return err
	}
	n := int(b[0])<<8 + int(b[1]) + 1
	if b, err = in.take(n, "a stored LZMA2 chunk"); err != nil {
		return err
	}
	if err = w.charge(n); err != nil {
		return err
	}
	w.reserve(n)
	w.pos += copy(w.buf[w.pos:], b)
	return nil
}

func (d *lzma2) packed(control byte, in *input, w *window, at int64) error {
	b, err := in.take(4, "an LZMA2 chunk header")
	if err != nil {
		return err
	}
	n := int(control&0x1f)<<16 + int(b[0])<<8 + int(b[1]) + 1
	csize := int(b[2])<<8 + int(b[3]) + 1
	if control >= newProps {
		if b, err = in.take(1, "LZMA properties"); err != nil {
			return err
		}
		if !d.setProps(b[0]) {
			return where.New(where.Malformed, "bad LZMA properties 0x%02x", b[0]).At(at)
		}
		d.needProps = false
	}
	if control >= newState {
		d.resetState()
	}
	if _, err = in.take(csize, "an LZMA2 chunk"); err != nil {
		return err
	}
	var ok bool
	if d.rc, ok = newCoder(in.buf, in.rd-csize); csize < 5 || !ok {
		return where.New(where.Malformed, "bad start of an LZMA2 chunk").At(at)
	}
	if err = w.charge(n); err != nil {
		return err
	}
	w.reserve(n)
	end := w.pos + n
	st := d.run(w, end, end, in.rd)
	if st != more || w.pos != end || d.rc.ip != in.rd || d.rc.code != 0 {
		return st.fault(end - w.pos).At(at)
	}
	return nil
}

// fault words what stopped run, missing bytes before the end.
func (st status) fault(missing int) *where.Error {
	switch {
	case st == badDist:
		return where.New(where.Malformed, "LZMA match from before the dictionary")
	case st == badMatch:
		return where.New(where.Malformed, "LZMA match beyond the end")
	case st == marker:
		return where.New(where.Malformed, "LZMA end marker before the end")
	case missing > 0:
		return where.New(where.Malformed, "LZMA data ends %d bytes early", missing)
	}
	return where.New(where.Malformed, "LZMA data does not end where it should")
}
