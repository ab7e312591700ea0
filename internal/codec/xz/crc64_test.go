package xz

import (
	"hash/crc64"
	"math/rand/v2"
	"testing"
)

// Whatever the pieces, the sum is the standard library's.
func TestCRC64(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	data := make([]byte, 5*lanes*laneLen+13)
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	for range 200 {
		var got crc64Hash
		want := crc64.New(crc64.MakeTable(crc64.ECMA))
		for rest := data[rnd.IntN(len(data)):]; len(rest) > 0; {
			piece := rest[:1+rnd.IntN(len(rest))]
			rest = rest[len(piece):]
			got.Write(piece)
			want.Write(piece)
			if string(got.Sum(nil)) != string(want.Sum(nil)) {
				t.Fatalf("%x after a piece of %d bytes, want %x", got.Sum(nil), len(piece), want.Sum(nil))
			}
		}
		if got.Reset(); got != (crc64Hash{}) {
			t.Fatal("not reset")
		}
	}
}

func BenchmarkCRC64(b *testing.B) {
	data := make([]byte, 1<<20)
	h := new(crc64Hash)
	b.Run("lanes", func(b *testing.B) {
		b.SetBytes(1 << 20)
		for b.Loop() {
			h.Write(data)
		}
	})
	std := crc64.New(crc64Table)
	b.Run("standard library", func(b *testing.B) {
		b.SetBytes(1 << 20)
		for b.Loop() {
			std.Write(data)
		}
	})
}
