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

// chunk decodes one chunk behind w.pos; false after the last.
func (d *lzma2) chunk(in *input, w *window) (bool, error) {
	at := in.off()
	b, err := in.take(1, "an LZMA2 chunk")
	if err != nil {
		return false, err
	}
	control := b[0]
	if control == endChunk {
		return false, nil
	}
	if control == storeReset || control >= newDict {
		w.resetDict()
		d.needDict, d.needProps = false, true
	}
	if d.needDict || control > store && control < lzmaChunk {
		return false, where.New(where.Malformed, "bad LZMA2 chunk 0x%02x", control).At(at)
	}
	if control < lzmaChunk {
		return true, d.stored(in, w)
	}
	if control < newProps && d.needProps {
		return false, where.New(where.Malformed, "LZMA2 chunk 0x%02x without properties", control).At(at)
	}
	n := 4
	if control >= newProps {
		n = 5
	}
	if b, err = in.take(n, "an LZMA2 chunk header"); err != nil {
		return false, err
	}
	usize := int(control&0x1f)<<16 + int(b[0])<<8 + int(b[1]) + 1
	csize := int(b[2])<<8 + int(b[3]) + 1
	if control >= newProps {
		if !d.setProps(b[4]) {
			return false, where.New(where.Malformed, "bad LZMA properties 0x%02x", b[4]).At(at)
		}
		d.needProps = false
	}
	if control >= newState {
		d.resetState()
	}
	return true, d.packed(in, w, csize, usize, at)
}

func (d *lzma2) packed(in *input, w *window, csize, usize int, at int64) error {
	b, err := in.take(csize, "an LZMA2 chunk")
	if err != nil {
		return err
	}
	if csize < 5 || !d.initRange(b) {
		return where.New(where.Malformed, "bad start of an LZMA2 chunk").At(at)
	}
	if err = w.room(usize); err != nil {
		return err
	}
	s := span{out: w.buf, pos: w.pos, start: w.start, origin: w.origin, dict: w.dict,
		soft: w.pos + usize, hard: w.pos + usize, in: b[:csize+inSlack], ip: 5, stop: csize}
	st := d.run(&s)
	if st != more || s.pos != s.hard || s.ip != csize || d.code != 0 {
		return st.fault(&s).At(at)
	}
	w.pos = s.pos
	return nil
}

// fault words what stopped run.
func (st status) fault(s *span) *where.Error {
	switch {
	case st == badDist:
		return where.New(where.Malformed, "LZMA match from before the dictionary")
	case st == badMatch:
		return where.New(where.Malformed, "LZMA match beyond the end")
	case st == marker:
		return where.New(where.Malformed, "LZMA end marker before the end")
	case s.pos < s.hard:
		return where.New(where.Malformed, "LZMA data ends %d bytes early", s.hard-s.pos)
	}
	return where.New(where.Malformed, "LZMA data does not end where it should")
}

func (d *lzma2) stored(in *input, w *window) error {
	b, err := in.take(2, "an LZMA2 chunk header")
	if err != nil {
		return err
	}
	n := int(b[0])<<8 + int(b[1]) + 1
	if b, err = in.take(n, "a stored LZMA2 chunk"); err != nil {
		return err
	}
	if err = w.room(n); err != nil {
		return err
	}
	w.pos += copy(w.buf[w.pos:], b)
	return nil
}
