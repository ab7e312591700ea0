package mutant

import (
	"bytes"
	"math/rand/v2"
)

// Noise is one of the blobs with a few of its words or bytes changed, aimed at
// nothing: most words become small numbers, which may be ids, kinds or sizes.
func Noise(seed uint64, n int, blobs [][]byte) []byte {
	rng := rand.New(rand.NewPCG(seed, uint64(n)|1<<41))
	out := bytes.Clone(blobs[rng.IntN(len(blobs))])
	const head = 24
	for range 1 + rng.IntN(3) {
		words := (len(out) - head) / 4
		switch {
		case len(out) == 0:
		case words < 1 || rng.IntN(8) == 0:
			out[rng.IntN(len(out))] = byte(rng.Uint32())
		case rng.IntN(4) == 0:
			at := head + 4*rng.IntN(words)
			order.PutUint32(out[at:], order.Uint32(out[at:])^1<<rng.Uint32N(32))
		default:
			order.PutUint32(out[head+4*rng.IntN(words):], rng.Uint32N(12))
		}
	}
	return out
}
