package codec

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"testing"
)

// sample is data that compresses like a module: runs, text and noise.
func sample(n int) []byte {
	r := rand.New(rand.NewPCG(1, uint64(n)))
	words := []string{"struct ", "module", "\x00\x00\x00\x00", "\xe8\x10\x00\x00\x00", "btf_id", "\x0f\x1f\x40\x00"}
	var b []byte
	for len(b) < n {
		switch r.IntN(4) {
		case 0:
			b = append(b, byte(r.Uint32()), byte(r.Uint32()))
		case 1:
			b = append(b, make([]byte, r.IntN(300))...)
		default:
			b = append(b, words[r.IntN(len(words))]...)
		}
	}
	return b[:n]
}

var encoders = []struct {
	name string
	f    Format
	args []string
}{
	{"gzip", Gzip, []string{"gzip", "-9c"}},
	{"bzip2", Bzip2, []string{"bzip2", "-9c"}},
	{"lzma", LZMA, []string{"lzma", "-c"}},
	{"xz", XZ, []string{"xz", "-c"}},
	{"xz kernel", XZ, []string{"xz", "--check=crc32", "--x86", "--lzma2=dict=32MiB", "-c"}},
	{"lz4", LZ4, []string{"lz4", "-9c"}},
	{"lz4 content size", LZ4, []string{"lz4", "-BX", "-B4", "-9c"}},
	{"lz4 legacy", LZ4Legacy, []string{"lz4", "-l", "-9c"}},
	{"lzop", LZO, []string{"lzop", "-9c"}},
	{"lzop checks", LZO, []string{"lzop", "--crc32", "-C", "-1c"}},
	{"zstd", Zstd, []string{"zstd", "-19c"}},
	{"zstd ultra", Zstd, []string{"zstd", "--ultra", "-22", "-c"}},
	{"zstd no check", Zstd, []string{"zstd", "--no-check", "-c"}},
	{"none", None, []string{"cat"}},
}

func TestRoundTripsOfTheRealTools(t *testing.T) {
	for _, size := range []int{0, 1, 5000, 300_000, 9 << 20} {
		want := sample(size)
		var d Decoder
		for _, e := range encoders {
			if size > 1<<20 && e.f != LZ4Legacy && e.f != LZ4 && e.f != Gzip {
				continue // several blocks of these are covered below
			}
			src := tool(t, want, e.args[0], e.args[1:]...)
			if got := Detect(src); got != e.f && size > 0 && e.f != None {
				t.Errorf("%s of %d bytes: detected as %v", e.name, size, got)
			}
			out, err := d.Decode(nil, e.f, src, int64(size))
			if err != nil || !bytes.Equal(out, want) {
				t.Fatalf("%s of %d bytes: Decode gives %d bytes, %v", e.name, size, len(out), err)
			}
			for _, jobs := range []int{1, 3} {
				r, err := NewReader(context.Background(), e.f, bytes.NewReader(src), int64(len(src)), Options{Jobs: jobs})
				if err != nil {
					t.Fatalf("%s: %v", e.name, err)
				}
				out, err = io.ReadAll(r)
				if err != nil || !bytes.Equal(out, want) {
					t.Fatalf("%s of %d bytes: NewReader gives %d bytes, %v", e.name, size, len(out), err)
				}
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
