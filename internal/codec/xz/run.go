package xz

import "encoding/binary"

// run decodes symbols behind w.pos; it is where the time goes. It ends when pos
// reaches soft, when the input passes stop, at the end marker or at an error; a
// match must end at or before hard. The input has inSlack bytes behind stop.
func (d *lzma) run(w *window, soft, hard, stop int) status {
	var (
		p     = &d.p
		c     = d.rc
		rep   = d.rep[0]
		state = d.state
		out   = w.buf[:hard]
		pos   = w.pos
		ret   = more
		one   bool
	)
	for pos < soft && c.ip <= stop {
		at := uint32(pos - w.origin)
		posState := uint8(at & d.pbMask & (posStates - 1))
		both := state<<4 | posState
		if c, one = c.norm().bit(&p.Match[both]); !one {
			var prev uint32
			if pos > w.start {
				prev = uint32(out[pos-1])
			}
			off := ((at&d.lpMask)<<d.lc + prev>>(8-d.lc)) * litSize
			lit := (*[litSize]uint16)(p.Lit[off : off+litSize])
			if state < firstRep {
				c, out[pos] = c.literal(lit)
			} else {
				c, out[pos] = c.unlike(lit, uint32(out[pos-int(rep)-1]))
			}
			pos++
			state = afterLiteral[state&15]
			continue
		}

		lp := &p.MatchLen
		if c, one = c.norm().bit(&p.Rep[state&15]); !one { // a match with a new distance
			d.rep[3], d.rep[2], d.rep[1] = d.rep[2], d.rep[1], rep
		} else {
			lp = &p.RepeatLen
			if c, one = c.norm().bit(&p.G0[state&15]); !one {
				if c, one = c.norm().bit(&p.Rep0Long[both]); !one { // one byte at the last distance
					if int(rep) >= pos-w.start || rep >= w.dict {
						ret = badDist
						break
					}
					out[pos] = out[pos-int(rep)-1]
					pos++
					state = afterShortRep[state&15]
					continue
				}
			} else if c, one = c.norm().bit(&p.G1[state&15]); !one {
				rep, d.rep[1] = d.rep[1], rep
			} else if c, one = c.norm().bit(&p.G2[state&15]); !one {
				rep, d.rep[1], d.rep[2] = d.rep[2], rep, d.rep[1]
			} else {
				rep, d.rep[1], d.rep[2], d.rep[3] = d.rep[3], rep, d.rep[1], d.rep[2]
			}
		}

		var n uint32 // length less matchMin
		c, n = c.length(lp, posState)
		if lp == &p.MatchLen {
			state = afterMatch[state&15]
			c, rep = c.distance(p, n)
			if rep == noDist {
				ret = marker
				break
			}
		} else {
			state = afterRep[state&15]
		}
		if int(rep) >= pos-w.start || rep >= w.dict {
			ret = badDist
			break
		}
		end := pos + int(n) + matchMin
		if end > hard {
			ret = badMatch
			break
		}
		repeat(out, pos, end, int(rep)+1)
		pos = end
	}
	d.rc, d.rep[0], d.state = c.norm(), rep, state
	w.pos = pos
	return ret
}

// length decodes the length of a match, less matchMin.
func (c coder) length(p *lenProbs, posState uint8) (coder, uint32) {
	var one bool
	var mask uint32
	m := uint32(1)
	if c, one = c.norm().bit(&p.Choice[0]); !one {
		t := &p.Short[0][posState&15]
		for m < 8 {
			c, mask = c.norm().blind(&t[m])
			m = m<<1 + 1 + mask
		}
		return c, m - 8
	}
	t, limit, add := p.High[:], uint32(256), uint32(16)
	if c, one = c.norm().bit(&p.Choice[1]); !one {
		t, limit, add = p.Short[1][posState&15][:], 8, 8
	}
	for m < limit {
		c, mask = c.norm().blind(&t[m])
		m = m<<1 + 1 + mask
	}
	return c, m - limit + add
}

// distance decodes the distance, less one, of a match whose length is n.
func (c coder) distance(p *probs, n uint32) (coder, uint32) {
	t := &p.Slot[min(n, 3)]
	m := uint32(1)
	var mask uint32
	for m < 64 {
		c, mask = c.norm().blind(&t[m])
		m = m<<1 + 1 + mask
	}
	slot := m - 64
	if slot < 4 {
		return c, slot
	}
	bits := slot>>1 - 1 // below the two that the slot gives
	dist := (2 + slot&1) << bits
	low, base := p.Special[:], dist-slot
	if slot >= startEnd {
		for ; bits > 4; bits-- { // even odds, not modelled
			c = c.norm()
			c.rng >>= 1
			left := c.code - c.rng
			neg := uint64(int64(left) >> 63)
			c.code = left + c.rng&neg
			dist += (1 + uint32(neg)) << (bits - 1)
		}
		low, base = p.Align[:], 0
	}
	m = 1
	for i := range bits { // lowest bit first
		c, mask = c.norm().blind(&low[base+m])
		m = m<<1 + 1 + mask
		dist += (1 + mask) << i
	}
	return c, dist
}

// repeat copies what lies dist bytes back to out[pos:end].
func repeat(out []byte, pos, end, dist int) {
	from := pos - dist
	switch {
	case dist >= 16 && end-pos <= 32 && end+32 <= len(out):
		for ; pos < end; pos, from = pos+16, from+16 {
			a, b := out[from:from+16], out[pos:pos+16]
			binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(a))
			binary.LittleEndian.PutUint64(b[8:], binary.LittleEndian.Uint64(a[8:]))
		}
	case dist >= end-pos:
		copy(out[pos:end], out[from:])
	default: // the match repeats what it writes
		for pos < end {
			pos += copy(out[pos:end], out[from:pos])
		}
	}
}

// The states: what the last symbols were (literals, match, rep, short rep).
var (
	afterLiteral  = [16]uint8{0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5}
	afterMatch    = [16]uint8{7, 7, 7, 7, 7, 7, 7, 10, 10, 10, 10, 10}
	afterRep      = [16]uint8{8, 8, 8, 8, 8, 8, 8, 11, 11, 11, 11, 11}
	afterShortRep = [16]uint8{9, 9, 9, 9, 9, 9, 9, 11, 11, 11, 11, 11}
)
