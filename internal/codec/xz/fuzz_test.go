package xz

import (
	"bytes"
	"io"
	"testing"

	oracle "github.com/ulikunitz/xz"
	oldlzma "github.com/ulikunitz/xz/lzma"

	"kpkg-btf/internal/limits"
)

const fuzzMax = 1 << 20

// FuzzXZ: the ways to read one file agree, and where another decoder reads it
// too, with that one.
func FuzzXZ(f *testing.F) {
	f.Add(small(f))
	f.Add(run(f, machineCode(300), "xz", "--check=crc32", "-c"))
	f.Add(run(f, machineCode(300), "xz", "--check=sha256", "--delta=dist=3", "--lzma2", "-c"))
	f.Fuzz(func(t *testing.T, src []byte) {
		one, err1 := readAll(src, fuzzMax, 1)
		two, err2 := readAll(src, fuzzMax, 3)
		if (err1 == nil) != (err2 == nil) || err1 == nil && !bytes.Equal(one, two) {
			t.Fatalf("sequential: %d bytes, %v; parallel: %d bytes, %v", len(one), err1, len(two), err2)
		}
		var d Decoder
		three, n, err3 := d.Decode(nil, src, fuzzMax, limits.MaxDict)
		if err3 == nil && (n > len(src) || !bytes.HasPrefix(one, three)) {
			t.Fatalf("Decode gives %d bytes of %d, not what the reader gives", len(three), n)
		}
		if err1 == nil && err3 != nil {
			t.Fatalf("Decode: %v", err3)
		}
		if err1 != nil {
			return
		}
		r, err := oracle.ReaderConfig{DictCap: 1 << 20}.NewReader(bytes.NewReader(src))
		if err != nil {
			return
		}
		if want, err := io.ReadAll(r); err == nil && !bytes.Equal(one, want) {
			t.Fatalf("%d bytes, ulikunitz/xz gives %d", len(one), len(want))
		}
	})
}

func FuzzAlone(f *testing.F) {
	f.Add(run(f, machineCode(300), "lzma", "-c"))
	f.Add(run(f, machineCode(3000), "xz", "--format=lzma", "--lzma1=lc=1,lp=2,pb=0,dict=4KiB", "-c"))
	f.Fuzz(func(t *testing.T, src []byte) {
		var d Decoder
		one, n, err1 := d.DecodeAlone(nil, src, fuzzMax, 1<<20)
		two, err2 := io.ReadAll(NewAloneReader(bytes.NewReader(src), 1<<20, limits.NewBudget("bytes", fuzzMax)))
		if err1 == nil && n == len(src) && (err2 != nil || !bytes.Equal(one, two)) {
			t.Fatalf("whole: %d bytes, stream: %d bytes, %v", len(one), len(two), err2)
		}
		if err2 == nil && err1 != nil {
			t.Fatalf("whole: %v", err1)
		}
		if err1 != nil {
			return
		}
		r, err := oldlzma.ReaderConfig{DictCap: 1 << 20}.NewReader(bytes.NewReader(src))
		if err != nil {
			return
		}
		if want, err := io.ReadAll(r); err == nil && !bytes.Equal(one, want) {
			t.Fatalf("%d bytes, ulikunitz/xz gives %d", len(one), len(want))
		}
	})
}
