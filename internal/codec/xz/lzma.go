package xz

import (
	"bytes"
	"encoding/binary"
)

// The numbers of the LZMA model (7-Zip's lzma-specification.txt, 9.20).
const (
	posStates = 16 // 1 << the largest pb
	litSize   = 0x300
	maxLCLP   = 4
	matchMin  = 2
	matchMax  = 273
	startEnd  = 14 // the first slot whose low bits are not all modelled
	inSlack   = 32 // no symbol takes more input than this
	firstRep  = 7  // states below follow a literal
	noDist    = 1<<32 - 1
)

// lenProbs models the length of a match: eight values of each position, eight
// more, or 256.
type lenProbs struct {
	Choice [2]uint16
	Short  [2][posStates][8]uint16
	High   [256]uint16
}

// probs is the model. States and position states index together, which leaves
// gaps where there are no states 12 to 15. The fields are exported for
// encoding/binary alone.
type probs struct {
	Match, Rep0Long     [256]uint16
	Rep, G0, G1, G2     [16]uint16
	Slot                [4][64]uint16
	Special             [128]uint16
	Align               [16]uint16
	MatchLen, RepeatLen lenProbs
	Lit                 [litSize << maxLCLP]uint16
}

// freshProbs is the model at even odds, 1024 of 2048.
var freshProbs = func() *probs {
	p := new(probs)
	even := bytes.Repeat([]byte{0, 4}, binary.Size(p)/2)
	if _, err := binary.Decode(even, binary.LittleEndian, p); err != nil {
		panic(err) // a field of another type
	}
	return p
}()

// lzma is the state of one LZMA decoder: the model, the last distances and
// the range coder. The dictionary is the caller's output.
type lzma struct {
	p                  probs
	rep                [4]uint32
	state              uint8
	rc                 coder
	lc, lpMask, pbMask uint32
}

// setProps takes the byte (pb*5+lp)*9+lc; false if it is out of range or lc+lp
// is above 4 (as liblzma has it, also for .lzma).
func (d *lzma) setProps(b byte) bool {
	lc, lp, pb := uint32(b%9), uint32(b/9%5), uint32(b/45)
	if pb > 4 || lc+lp > maxLCLP {
		return false
	}
	d.lc, d.lpMask, d.pbMask = lc, 1<<lp-1, 1<<pb-1
	return true
}

func (d *lzma) resetState() {
	d.state, d.rep = 0, [4]uint32{}
	d.p = *freshProbs
}

type status uint8

const (
	more     status = iota // soft or stop reached
	marker                 // end marker
	badDist                // a distance beyond the dictionary
	badMatch               // a match beyond hard
)
