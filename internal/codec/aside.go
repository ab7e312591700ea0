package codec

import (
	"sync"

	"github.com/klauspost/compress/zstd"
)

// PutAside compresses, behind dst, what this process opens again with TakeBack:
// the BTF of modules, to 0.38 of its size at 140 MB a second of CPU (S2: 0.57 at
// 370 MB; flate at its fastest: 0.41 at 70 MB). It is no format of files.
func PutAside(dst, src []byte) []byte { return asideWriter().EncodeAll(src, dst) }

// TakeBack is the content, of size bytes, of what PutAside made. Anything else
// is a fault of the program, and panics.
func TakeBack(packed []byte, size int) []byte {
	out, err := asideReader().DecodeAll(packed, make([]byte, 0, size))
	if err != nil || len(out) != size {
		panic("codec: not what was put aside")
	}
	return out
}

// Both serve any number of goroutines, as many at once as there are processors.
var (
	asideWriter = sync.OnceValue(func() *zstd.Encoder {
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true), zstd.WithZeroFrames(true))
		if err != nil {
			panic(err) // of options, which are constants
		}
		return w
	})
	asideReader = sync.OnceValue(func() *zstd.Decoder {
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true), zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			panic(err)
		}
		return r
	})
)
