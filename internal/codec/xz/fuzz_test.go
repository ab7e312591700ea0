package xz

import (
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	oracle "github.com/ulikunitz/xz"
	oldlzma "github.com/ulikunitz/xz/lzma"

	"kpkg-btf/internal/limits"
)

const fuzzMax = 1 << 20

// wrapped makes a file of one block with sound checksums from the flags and
// filters of its header and its data, so that what a fuzzer changes reaches the
// decoder behind them.
func wrapped(chain, data []byte) []byte {
	head := append([]byte{0}, chain[:min(len(chain), 1000)]...)
	head = append(head, make([]byte, -len(head)&3)...)
	head[0] = byte(len(head) / 4)
	head = binary.LittleEndian.AppendUint32(head, crc(head))
	b := append(append(append(header(checkNone), head...), data...), 0, 0, 0)
	d := decoder{maxDict: limits.MaxDict, next: (*decoder).header}
	d.in.reset(bytes.NewReader(b), 0)
	d.w.into(nil, fuzzMax)
	var err error
	for err == nil && len(d.records) == 0 {
		err = d.next(&d)
	}
	if err != nil {
		return b
	}
	return append(b[:d.in.off()], tail(nil, d.records, checkNone)...)
}

func TestWrappedIsAFile(t *testing.T) {
	want := machineCode(300)
	data := append([]byte{storeReset, byte((len(want) - 1) >> 8), byte(len(want) - 1)}, want...)
	for _, jobs := range []int{1, 3} {
		out, err := readAll(wrapped([]byte{0, lzma2ID, 1, 0}, append(data, endChunk)), fuzzMax, jobs)
		if err != nil || !bytes.Equal(out, want) {
			t.Fatalf("%d jobs: %d bytes, %v", jobs, len(out), err)
		}
	}
}

// FuzzBlock is FuzzXZ behind the checksums.
func FuzzBlock(f *testing.F) {
	for _, chain := range []string{"--lzma2", "--x86 --lzma2", "--delta=dist=3 --arm64 --lzma2=lc=0,lp=2", "--ia64 --lzma2=dict=4KiB"} {
		src := run(f, machineCode(300), "xz", append(strings.Fields(chain), "--check=none", "-c")...)
		head := (int(src[headerSize]) + 1) * 4
		f.Add(src[headerSize+1:headerSize+head-4], src[headerSize+head:len(src)-footerSize])
	}
	f.Fuzz(func(t *testing.T, chain, data []byte) { agree(t, wrapped(chain, data)) })
}

// FuzzXZ: the ways to read one file agree, and where another decoder reads it
// too, with that one.
func FuzzXZ(f *testing.F) {
	f.Add(small(f))
	f.Add(run(f, machineCode(300), "xz", "--check=crc32", "-c"))
	f.Add(run(f, machineCode(300), "xz", "--check=sha256", "--delta=dist=3", "--lzma2", "-c"))
	f.Fuzz(agree)
}

func agree(t *testing.T, src []byte) {
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
}

func FuzzAlone(f *testing.F) {
	f.Add(run(f, machineCode(300), "lzma", "-c"))
	f.Add(run(f, machineCode(3000), "xz", "--format=lzma", "--lzma1=lc=1,lp=2,pb=0,dict=4KiB", "-c"))
	f.Fuzz(func(t *testing.T, src []byte) {
		var d Decoder
		one, n, err1 := d.DecodeAlone(nil, src, fuzzMax, 1<<20)
		two, err2 := io.ReadAll(NewAloneReader(bytes.NewReader(src), Options{MaxDict: 1 << 20, Budget: limits.NewBudget("bytes", fuzzMax)}))
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
