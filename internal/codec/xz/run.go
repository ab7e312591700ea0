package xz

import "encoding/binary"

// run decodes symbols; it is where the time goes, so the range coder is
// written out at each use with its state in locals, and literals, whose bits
// no branch predictor can guess, are decoded without branches: mask is all ones
// where the bit is 0, from the borrow of code-bound.
func (d *lzma) run(s *span) status {
	var (
		p                      = &d.p
		rng, code              = d.rng, d.code
		rep0, rep1, rep2, rep3 = d.rep0, d.rep1, d.rep2, d.rep3
		state                  = d.state
		lc, lpMask, pbMask     = d.lc, d.lpMask, d.pbMask
		out, in                = s.out[:s.hard], s.in
		pos, ip                = s.pos, s.ip
		origin                 = s.origin
		ret                    = more
	)
	for pos < s.soft && ip <= s.stop {
		at := uint32(pos - origin)
		posState := at & pbMask & (posStates - 1)
		// One bit: is it a match?
		pr := &p.isMatch[state][posState]
		v := uint64(*pr)
		bound := (rng >> probBits) * v
		if code < bound {
			rng = bound
			*pr = uint16(v + (1<<probBits-v)>>moveBits)
			if rng < topValue {
				rng <<= 8
				code = code<<8 | uint64(in[ip])
				ip++
			}
			var prev uint32
			if pos > s.start {
				prev = uint32(out[pos-1])
			}
			off := ((at&lpMask)<<lc + prev>>(8-lc)) * litSize
			lit := (*[litSize]uint16)(p.lit[off : off+litSize])
			m := uint32(1)
			if state < firstLitSt {
				for m < 0x100 {
					v := uint64(lit[m])
					bound := (rng >> probBits) * v
					c := code - bound
					mask := uint64(int64(c) >> 63)
					code = c + bound&mask
					rng -= bound
					rng ^= (rng ^ bound) & mask
					lit[m] = uint16(v - uint64(int64(v-((1<<probBits-31)&mask))>>moveBits))
					m = m<<1 + 1 + uint32(mask)
					if rng < topValue {
						rng <<= 8
						code = code<<8 | uint64(in[ip])
						ip++
					}
				}
			} else {
				mb := uint32(out[pos-int(rep0)-1])
				offs := uint32(0x100)
				for m < 0x100 {
					mb <<= 1
					idx := offs + mb&offs + m
					v := uint64(lit[idx])
					bound := (rng >> probBits) * v
					c := code - bound
					mask := uint64(int64(c) >> 63)
					code = c + bound&mask
					rng -= bound
					rng ^= (rng ^ bound) & mask
					lit[idx] = uint16(v - uint64(int64(v-((1<<probBits-31)&mask))>>moveBits))
					m = m<<1 + 1 + uint32(mask)
					offs &= mb ^ uint32(mask)
					if rng < topValue {
						rng <<= 8
						code = code<<8 | uint64(in[ip])
						ip++
					}
				}
			}
			out[pos] = byte(m)
			pos++
			state = uint32(afterLiteral[state])
			continue
		}
		rng -= bound
		code -= bound
		*pr = uint16(v - v>>moveBits)
		if rng < topValue {
			rng <<= 8
			code = code<<8 | uint64(in[ip])
			ip++
		}

		var lp *lenProbs
		pr = &p.isRep[state]
		v = uint64(*pr)
		bound = (rng >> probBits) * v
		if code < bound { // a match with a new distance
			rng = bound
			*pr = uint16(v + (1<<probBits-v)>>moveBits)
			if rng < topValue {
				rng <<= 8
				code = code<<8 | uint64(in[ip])
				ip++
			}
			rep3, rep2, rep1 = rep2, rep1, rep0
			lp = &p.matchLen
			state = uint32(afterMatch[state])
		} else {
			rng -= bound
			code -= bound
			*pr = uint16(v - v>>moveBits)
			if rng < topValue {
				rng <<= 8
				code = code<<8 | uint64(in[ip])
				ip++
			}
			pr = &p.isRepG0[state]
			v = uint64(*pr)
			bound = (rng >> probBits) * v
			if code < bound {
				rng = bound
				*pr = uint16(v + (1<<probBits-v)>>moveBits)
				if rng < topValue {
					rng <<= 8
					code = code<<8 | uint64(in[ip])
					ip++
				}
				pr = &p.isRep0Long[state][posState]
				v = uint64(*pr)
				bound = (rng >> probBits) * v
				if code < bound { // one byte at the last distance
					rng = bound
					*pr = uint16(v + (1<<probBits-v)>>moveBits)
					if rng < topValue {
						rng <<= 8
						code = code<<8 | uint64(in[ip])
						ip++
					}
					if int(rep0) >= pos-s.start || rep0 >= s.dict {
						ret = badDist
						break
					}
					out[pos] = out[pos-int(rep0)-1]
					pos++
					state = uint32(afterShortRep[state])
					continue
				}
				rng -= bound
				code -= bound
				*pr = uint16(v - v>>moveBits)
				if rng < topValue {
					rng <<= 8
					code = code<<8 | uint64(in[ip])
					ip++
				}
			} else {
				rng -= bound
				code -= bound
				*pr = uint16(v - v>>moveBits)
				if rng < topValue {
					rng <<= 8
					code = code<<8 | uint64(in[ip])
					ip++
				}
				pr = &p.isRepG1[state]
				v = uint64(*pr)
				bound = (rng >> probBits) * v
				if code < bound {
					rng = bound
					*pr = uint16(v + (1<<probBits-v)>>moveBits)
					if rng < topValue {
						rng <<= 8
						code = code<<8 | uint64(in[ip])
						ip++
					}
					rep0, rep1 = rep1, rep0
				} else {
					rng -= bound
					code -= bound
					*pr = uint16(v - v>>moveBits)
					if rng < topValue {
						rng <<= 8
						code = code<<8 | uint64(in[ip])
						ip++
					}
					pr = &p.isRepG2[state]
					v = uint64(*pr)
					bound = (rng >> probBits) * v
					if code < bound {
						rng = bound
						*pr = uint16(v + (1<<probBits-v)>>moveBits)
						rep0, rep1, rep2 = rep2, rep0, rep1
					} else {
						rng -= bound
						code -= bound
						*pr = uint16(v - v>>moveBits)
						rep0, rep1, rep2, rep3 = rep3, rep0, rep1, rep2
					}
					if rng < topValue {
						rng <<= 8
						code = code<<8 | uint64(in[ip])
						ip++
					}
				}
			}
			lp = &p.repLen
			state = uint32(afterRep[state])
		}

		// The length: 8 of each position, 8 more, or 256.
		var n uint32 // length less matchMin
		v = uint64(lp.choice)
		bound = (rng >> probBits) * v
		if code < bound {
			rng = bound
			lp.choice = uint16(v + (1<<probBits-v)>>moveBits)
			if rng < topValue {
				rng <<= 8
				code = code<<8 | uint64(in[ip])
				ip++
			}
			tree := &lp.low[posState]
			m := uint32(1)
			for m < 8 {
				v := uint64(tree[m])
				bound := (rng >> probBits) * v
				if code < bound {
					rng = bound
					tree[m] = uint16(v + (1<<probBits-v)>>moveBits)
					m <<= 1
				} else {
					rng -= bound
					code -= bound
					tree[m] = uint16(v - v>>moveBits)
					m = m<<1 + 1
				}
				if rng < topValue {
					rng <<= 8
					code = code<<8 | uint64(in[ip])
					ip++
				}
			}
			n = m - 8
		} else {
			rng -= bound
			code -= bound
			lp.choice = uint16(v - v>>moveBits)
			if rng < topValue {
				rng <<= 8
				code = code<<8 | uint64(in[ip])
				ip++
			}
			v = uint64(lp.choice2)
			bound = (rng >> probBits) * v
			tree, limit, add := lp.high[:], uint32(256), uint32(16)
			if code < bound {
				rng = bound
				lp.choice2 = uint16(v + (1<<probBits-v)>>moveBits)
				tree, limit, add = lp.mid[posState][:], 8, 8
			} else {
				rng -= bound
				code -= bound
				lp.choice2 = uint16(v - v>>moveBits)
			}
			if rng < topValue {
				rng <<= 8
				code = code<<8 | uint64(in[ip])
				ip++
			}
			m := uint32(1)
			for m < limit {
				v := uint64(tree[m])
				bound := (rng >> probBits) * v
				if code < bound {
					rng = bound
					tree[m] = uint16(v + (1<<probBits-v)>>moveBits)
					m <<= 1
				} else {
					rng -= bound
					code -= bound
					tree[m] = uint16(v - v>>moveBits)
					m = m<<1 + 1
				}
				if rng < topValue {
					rng <<= 8
					code = code<<8 | uint64(in[ip])
					ip++
				}
			}
			n = m - limit + add
		}

		if lp == &p.matchLen {
			tree := &p.slot[min(n, 3)]
			m := uint32(1)
			for m < maxDistSlots {
				v := uint64(tree[m])
				bound := (rng >> probBits) * v
				if code < bound {
					rng = bound
					tree[m] = uint16(v + (1<<probBits-v)>>moveBits)
					m <<= 1
				} else {
					rng -= bound
					code -= bound
					tree[m] = uint16(v - v>>moveBits)
					m = m<<1 + 1
				}
				if rng < topValue {
					rng <<= 8
					code = code<<8 | uint64(in[ip])
					ip++
				}
			}
			slot := m - maxDistSlots
			rep0 = slot
			if slot >= 4 {
				low := slot>>1 - 1 // bits below the two that the slot gives
				rep0 = (2 + slot&1) << low
				tree, bits := p.special[:], low
				base := rep0 - slot
				if slot >= startEnd {
					for range low - 4 { // even odds, not modelled
						rng >>= 1
						c := code - rng
						mask := uint64(int64(c) >> 63)
						code = c + rng&mask
						low--
						rep0 += (1 + uint32(mask)) << low
						if rng < topValue {
							rng <<= 8
							code = code<<8 | uint64(in[ip])
							ip++
						}
					}
					tree, bits, base = p.align[:], 4, 0
				}
				m := uint32(1)
				for i := range bits { // lowest bit first
					v := uint64(tree[base+m])
					bound := (rng >> probBits) * v
					if code < bound {
						rng = bound
						tree[base+m] = uint16(v + (1<<probBits-v)>>moveBits)
						m <<= 1
					} else {
						rng -= bound
						code -= bound
						tree[base+m] = uint16(v - v>>moveBits)
						m = m<<1 + 1
						rep0 += 1 << i
					}
					if rng < topValue {
						rng <<= 8
						code = code<<8 | uint64(in[ip])
						ip++
					}
				}
				if rep0 == noDist {
					ret = marker
					break
				}
			}
		}

		if int(rep0) >= pos-s.start || rep0 >= s.dict {
			ret = badDist
			break
		}
		size := int(n) + matchMin
		if size > s.hard-pos {
			ret = badMatch
			break
		}
		dist := int(rep0) + 1
		from := pos - dist
		end := pos + size
		switch {
		case dist >= 16 && size <= 32 && end+32 <= len(out):
			for {
				a, b := out[from:from+16], out[pos:pos+16]
				binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(a))
				binary.LittleEndian.PutUint64(b[8:], binary.LittleEndian.Uint64(a[8:]))
				from += 16
				pos += 16
				if pos >= end {
					break
				}
			}
		case dist >= size:
			copy(out[pos:end], out[from:])
		default: // the match repeats what it writes
			for pos < end {
				pos += copy(out[pos:end], out[from:pos])
			}
		}
		pos = end
	}
	d.rng, d.code = rng, code
	d.rep0, d.rep1, d.rep2, d.rep3, d.state = rep0, rep1, rep2, rep3, state
	s.pos, s.ip = pos, ip
	return ret
}

// The states: what the last symbols were (literals, match, rep, short rep).
var (
	afterLiteral  = [numStates]uint8{0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 4, 5}
	afterMatch    = [numStates]uint8{7, 7, 7, 7, 7, 7, 7, 10, 10, 10, 10, 10}
	afterRep      = [numStates]uint8{8, 8, 8, 8, 8, 8, 8, 11, 11, 11, 11, 11}
	afterShortRep = [numStates]uint8{9, 9, 9, 9, 9, 9, 9, 11, 11, 11, 11, 11}
)
