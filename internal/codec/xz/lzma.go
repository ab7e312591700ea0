package xz

import "encoding/binary"

// The numbers of the LZMA model (7-Zip's lzma-specification.txt, 9.20).
const (
	numStates    = 12
	posStates    = 16 // 1 << the largest pb
	litSize      = 0x300
	maxLCLP      = 4
	lenLow       = 8
	matchMin     = 2
	matchMax     = 273
	startEnd     = 14      // the first slot whose low bits are not all modelled
	probInit     = 1 << 10 // even odds
	probBits     = 11
	moveBits     = 5
	topValue     = 1 << 24
	inSlack      = 32 // no symbol takes more input than this
	firstLitSt   = 7  // states below follow a literal
	noDist       = 1<<32 - 1
	maxDistSlots = 64
)

type lenProbs struct {
	choice, choice2 uint16
	low, mid        [posStates][lenLow]uint16
	high            [256]uint16
}

type probs struct {
	isMatch    [numStates][posStates]uint16
	isRep0Long [numStates][posStates]uint16
	isRep      [numStates]uint16
	isRepG0    [numStates]uint16
	isRepG1    [numStates]uint16
	isRepG2    [numStates]uint16
	slot       [4][maxDistSlots]uint16
	special    [128]uint16
	align      [16]uint16
	matchLen   lenProbs
	repLen     lenProbs
	lit        [litSize << maxLCLP]uint16
}

var freshProbs = func() *probs {
	p := new(probs)
	fill := func(s []uint16) {
		for i := range s {
			s[i] = probInit
		}
	}
	for i := range numStates {
		fill(p.isMatch[i][:])
		fill(p.isRep0Long[i][:])
	}
	fill(p.isRep[:])
	fill(p.isRepG0[:])
	fill(p.isRepG1[:])
	fill(p.isRepG2[:])
	for i := range p.slot {
		fill(p.slot[i][:])
	}
	fill(p.special[:])
	fill(p.align[:])
	for _, l := range []*lenProbs{&p.matchLen, &p.repLen} {
		l.choice, l.choice2 = probInit, probInit
		for i := range l.low {
			fill(l.low[i][:])
			fill(l.mid[i][:])
		}
		fill(l.high[:])
	}
	fill(p.lit[:])
	return p
}()

// lzma is the state of one LZMA decoder: the model, the last distances and
// the range coder. The dictionary is the caller's output.
type lzma struct {
	p                      probs
	rep0, rep1, rep2, rep3 uint32
	state                  uint32
	rng, code              uint64 // 32 bits each; 64 so that a subtraction shows its borrow
	lc, lpMask, pbMask     uint32
}

// setProps takes the byte (pb*5+lp)*9+lc; false if it is out of range or lc+lp
// is above 4 (as liblzma has it, also for .lzma).
func (d *lzma) setProps(b byte) bool {
	if b >= 9*5*5 {
		return false
	}
	lc, lp, pb := uint32(b%9), uint32(b/9%5), uint32(b/45)
	if lc+lp > maxLCLP {
		return false
	}
	d.lc, d.lpMask, d.pbMask = lc, 1<<lp-1, 1<<pb-1
	return true
}

func (d *lzma) resetState() {
	d.state, d.rep0, d.rep1, d.rep2, d.rep3 = 0, 0, 0, 0, 0
	d.p = *freshProbs
}

// initRange takes the five bytes that begin a range coded stream.
func (d *lzma) initRange(b []byte) bool {
	d.rng, d.code = 0xffffffff, uint64(binary.BigEndian.Uint32(b[1:5]))
	return b[0] == 0 && d.code != d.rng
}

// span is what one call of run works on. The dictionary is out[start:pos], at
// most dict bytes of it; origin is where the position counter was zero (it may
// lie before out). Decoding ends when pos reaches soft, when ip passes stop, at
// the end marker or at an error; a match must end at or before hard. in has
// inSlack bytes behind stop.
type span struct {
	out        []byte
	pos        int
	start      int
	origin     int
	dict       uint32
	soft, hard int
	in         []byte
	ip, stop   int
}

type status uint8

const (
	more     status = iota // soft or stop reached
	marker                 // end marker
	badDist                // a distance beyond the dictionary
	badMatch               // a match beyond hard
)
