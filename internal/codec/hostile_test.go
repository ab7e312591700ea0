package codec

import (
	"bytes"
	"context"
	"errors"
	"io"
	"runtime"
	"testing"
	"time"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

func stream(ctx context.Context, f Format, src []byte, o Options) ([]byte, error) {
	r, err := NewReader(ctx, f, bytes.NewReader(src), int64(len(src)), o)
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(r)
	return out, errors.Join(err, r.Close())
}

func isData(err error) bool {
	k := where.KindOf(err)
	return err != nil && (k == where.Malformed || k == where.Limit || k == where.Unsupported)
}

func TestPrefixStopsAtTheEndOfTheStream(t *testing.T) {
	want := sample(20_000)
	for _, e := range encoders[:len(encoders)-1] {
		src := tool(t, want, e.args[0], e.args[1:]...)
		for _, tail := range [][]byte{{0x20, 0x4e, 0, 0}, {0xaa}, bytes.Repeat([]byte{0xee}, 100)} {
			var d Decoder
			out, n, err := d.DecodePrefix(make([]byte, 0, 100), e.f, append(bytes.Clone(src), tail...), 1<<20)
			if err != nil || n != len(src) || !bytes.Equal(out, want) {
				t.Errorf("%s and %d bytes: %d of %d bytes used, %d out, %v", e.name, len(tail), n, len(src), len(out), err)
			}
			if _, err := d.Decode(nil, e.f, append(bytes.Clone(src), tail...), 1<<20); where.KindOf(err) != where.Malformed || err == nil {
				t.Errorf("%s and %d bytes: Decode: %v", e.name, len(tail), err)
			}
			if _, err := stream(t.Context(), e.f, append(bytes.Clone(src), tail...), Options{}); !isData(err) {
				t.Errorf("%s and %d bytes: NewReader: %v", e.name, len(tail), err)
			}
		}
	}
}

func TestPaddingOfTheFormat(t *testing.T) {
	want := sample(5000)
	for _, c := range []struct {
		f    Format
		zero int
		ok   bool
	}{{Gzip, 1, true}, {Gzip, 513, true}, {XZ, 4, true}, {XZ, 3, false}, {Zstd, 4, false}, {LZMA, 4, false}, {Bzip2, 4, false}, {LZO, 4, false}, {LZ4, 4, false}} {
		for _, e := range encoders {
			if e.f != c.f {
				continue
			}
			src := append(tool(t, want, e.args[0], e.args[1:]...), make([]byte, c.zero)...)
			var d Decoder
			_, err1 := d.Decode(nil, e.f, src, 1<<20)
			_, err2 := stream(t.Context(), e.f, src, Options{Jobs: 2})
			if (err1 == nil) != c.ok || (err2 == nil) != c.ok {
				t.Errorf("%s and %d zeros: %v; %v", e.name, c.zero, err1, err2)
			}
		}
	}
}

func TestTruncatedAndMutated(t *testing.T) {
	want := sample(700)
	for _, e := range encoders[:len(encoders)-1] {
		src := tool(t, want, e.args[0], e.args[1:]...)
		var d Decoder
		for n := range src {
			if n == 4 && e.f == LZ4Legacy {
				continue // a frame without blocks is an empty file
			}
			if _, err := d.Decode(nil, e.f, src[:n], 1<<20); !isData(err) {
				t.Fatalf("%s, %d of %d bytes: Decode: %v", e.name, n, len(src), err)
			}
			if _, err := stream(t.Context(), e.f, src[:n], Options{}); !isData(err) {
				t.Fatalf("%s, %d of %d bytes: NewReader: %v", e.name, n, len(src), err)
			}
		}
		for i := range src {
			bad := bytes.Clone(src)
			bad[i] ^= 0x81
			if out, err := d.Decode(nil, e.f, bad, 1<<20); err != nil && (out != nil || !isData(err)) {
				t.Fatalf("%s, byte %d: Decode: %d bytes and %v", e.name, i, len(out), err)
			}
			if _, err := stream(t.Context(), e.f, bad, Options{}); err != nil && !isData(err) {
				t.Fatalf("%s, byte %d: NewReader: %v", e.name, i, err)
			}
		}
	}
}

func TestLimits(t *testing.T) {
	want := make([]byte, 3<<20)
	for _, e := range encoders {
		src := tool(t, want, e.args[0], e.args[1:]...)
		var d Decoder
		if _, err := d.Decode(nil, e.f, src, 1<<20); where.KindOf(err) != where.Limit {
			t.Errorf("%s: Decode: %v", e.name, err)
		}
		for _, jobs := range []int{1, 2} {
			b := limits.NewBudget("bytes", 1<<20)
			if _, err := stream(t.Context(), e.f, src, Options{Jobs: jobs, Budget: b}); where.KindOf(err) != where.Limit {
				t.Errorf("%s, %d jobs: NewReader: %v", e.name, jobs, err)
			}
		}
	}
	bomb := tool(t, make([]byte, 200<<20), "xz", "-0", "-T2", "-c")
	if _, err := stream(t.Context(), XZ, tool(t, bomb, "cat"), Options{Jobs: 2}); where.KindOf(err) != where.Limit {
		t.Errorf("200 MiB of zeros in %d bytes: %v", len(bomb), err)
	}
	zst := tool(t, make([]byte, 1<<20), "zstd", "--ultra", "--long=31", "-c")
	if _, err := stream(t.Context(), Zstd, zst, Options{}); where.KindOf(err) != where.Limit {
		t.Errorf("zstd with a window of 2 GiB: %v", err)
	}
}

func TestCancelAndCloseLeaveNothing(t *testing.T) {
	data := sample(4 << 20)
	before := runtime.NumGoroutine()
	for _, args := range [][]string{{"xz", "-0", "-T2", "--block-size=300000", "-c"}, {"xz", "-0", "-c"}, {"gzip", "-1c"}} {
		src := tool(t, data, args[0], args[1:]...)
		for _, way := range []string{"close", "cancel"} {
			ctx, cancel := context.WithCancel(context.Background())
			r, err := NewReader(ctx, Detect(src), bytes.NewReader(src), int64(len(src)), Options{Jobs: 2})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(r, make([]byte, 1000)); err != nil {
				t.Fatal(err)
			}
			if way == "cancel" {
				cancel()
				if _, err := io.ReadAll(r); !errors.Is(err, context.Canceled) {
					t.Errorf("%v after cancel: %v", args, err)
				}
			}
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if _, err := r.Read(make([]byte, 1)); err == nil || err == io.EOF {
				t.Errorf("%v: read after close: %v", args, err)
			}
			cancel()
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Errorf("%d goroutines before, %d after", before, runtime.NumGoroutine())
}

func TestManyModulesCostNoSetUp(t *testing.T) {
	src := tool(t, sample(50_000), "xz", "--check=crc32", "--lzma2=dict=1MiB", "-c")
	var d Decoder
	dst, err := d.Decode(nil, XZ, src, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(20, func() {
		if dst, err = d.Decode(dst, XZ, src, 1<<20); err != nil {
			t.Fatal(err)
		}
	})
	if n > 1 {
		t.Errorf("%v allocations for each module", n)
	}
}

// A frame that claims 100 MiB in a few bytes gets no such memory, and one that
// fits into dst no window of the size that its header names.
func TestZstdClaimsTakeNoMemory(t *testing.T) {
	claim := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x80, 0x20, 0, 0, 0x40, 6, 1, 0, 0} // 100 MiB in a window of 16 KiB, one empty block
	want := sample(50_000)
	piped := tool(t, want, "zstd", "--ultra", "-22", "--long=27", "-c")
	var d Decoder
	dst := make([]byte, 0, 1<<20)
	if _, err := d.Decode(dst, Zstd, piped, 1<<20); err != nil { // the tables
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if out, err := d.Decode(nil, Zstd, claim, 1<<30); !isData(err) {
		t.Errorf("a false claim: %d bytes, %v", len(out), err)
	}
	out, err := d.Decode(dst, Zstd, piped, 1<<20)
	if err != nil || !bytes.Equal(out, want) || &out[0] != &dst[:1][0] {
		t.Errorf("%d bytes, %v", len(out), err)
	}
	if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 8<<20 {
		t.Errorf("%d bytes allocated", after.TotalAlloc-before.TotalAlloc)
	}
	if out, err = d.Decode(nil, Zstd, tool(t, make([]byte, 40<<20), "zstd", "-c"), 1<<30); err != nil || len(out) != 40<<20 {
		t.Errorf("40 MiB of zeros: %d bytes, %v", len(out), err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, e := range encoders[:len(encoders)-1] {
		f.Add(tool(f, sample(300), e.args[0], e.args[1:]...))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		format := Detect(src)
		var d Decoder
		out, n, err := d.DecodePrefix(nil, format, src, 1<<20)
		if err != nil && out != nil || n > len(src) || err != nil && !isData(err) {
			t.Fatalf("%v: %d bytes of %d used, %d out, %v", format, n, len(src), len(out), err)
		}
		whole, err := d.Decode(nil, format, src, 1<<20)
		got, err2 := stream(t.Context(), format, src, Options{Budget: limits.NewBudget("bytes", 1<<20)})
		if err == nil && err2 == nil && !bytes.Equal(whole, got) {
			t.Fatalf("%v: Decode gives %d bytes, NewReader %d", format, len(whole), len(got))
		}
		if err2 != nil && !isData(err2) {
			t.Fatalf("%v: %v", format, err2)
		}
	})
}
