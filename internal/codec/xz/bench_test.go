package xz

import (
	"hash/crc64"
	"os"
	"testing"
)

// BenchmarkReal decodes the blocks of a real package's payload, without
// framing: KPKG_XZ names the file.
func BenchmarkCore(b *testing.B) {
	src, err := os.ReadFile("/tmp/cb/a.tar.xz")
	if err != nil {
		b.Fatal(err)
	}
	offs := []int{32, 32 + 10735504, 14748868 + 20, 18435644 + 20}
	offs = []int{12 + 20, 10735504 + 20, 14748868 + 20, 18435644 + 20, 21811872 + 20}
	var d lzma2
	var in input
	var w window
	out := make([]byte, 0, 25165824)
	for b.Loop() {
		total := 0
		var sum uint64
		for _, o := range offs {
			in.fromMemory(src[o:])
			w.into(out, 1<<30, nil)
			w.dict = 8 << 20
			d.begin()
			for {
				ok, err := d.chunk(&in, &w)
				if err != nil {
					b.Fatal(err)
				}
				if !ok {
					break
				}
			}
			total += w.pos
			if nocrc := os.Getenv("NOCRC"); nocrc == "" {
				sum ^= crc64.Checksum(w.buf[:w.pos], crc64.MakeTable(crc64.ECMA))
			}
		}
		b.SetBytes(int64(total))
		_ = sum
	}
}
