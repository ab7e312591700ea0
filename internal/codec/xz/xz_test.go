package xz

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os/exec"
	"strings"
	"testing"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// run pipes data through a program of the machine; `make deps` installs them.
func run(t testing.TB, data []byte, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = bytes.NewReader(data)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %v: %v: %s (run make deps)", name, args, err, errs.String())
	}
	return out.Bytes()
}

// machineCode makes bytes dense in what the branch filters convert: opcodes of
// each architecture, near displacements, runs of opcode bytes, noise.
func machineCode(n int) []byte {
	r := rand.New(rand.NewPCG(7, uint64(n)))
	var b []byte
	word := func(v uint32) { b = binary.LittleEndian.AppendUint32(b, v) }
	for len(b) < n {
		v := r.Uint32()
		switch r.IntN(14) {
		case 0:
			b = append(b, 0xe8, byte(v), byte(v>>8), byte(v>>16), byte(int8(v>>24)>>7))
		case 1:
			b = append(b, 0xe9, 0xe8, byte(v), 0, 0xff, 0xe8, 0, 0)
		case 2:
			word(0xeb000000 | v&0xffffff)
		case 3:
			b = append(b, byte(v), 0xf0|byte(v>>8)&7, byte(v>>16), 0xf8|byte(v>>24)&7)
		case 4:
			b = binary.BigEndian.AppendUint32(b, 0x48000001|v&0x3fffffc)
		case 5:
			b = binary.BigEndian.AppendUint32(b, [2]uint32{0x40000000, 0x7fc00000}[v&1]|v>>10)
		case 6:
			word(0x94000000 | v&0x3ffffff)
		case 7:
			word(0x90000000 | v&0x6000001f | v&0x7ffff<<5 | (0-v>>31)&0xe00000)
		case 8:
			bundle := make([]byte, 16)
			for i := range bundle {
				bundle[i] = byte(r.Uint32())
			}
			b = append(b, make([]byte, -len(b)&15)...)
			bundle[0] = 0x10 + byte(v&15)
			binary.LittleEndian.PutUint64(bundle[8:], uint64(v)<<20&^(7<<32)|5<<(37+46-64-3)|5<<60)
			b = append(b, bundle...)
		case 9:
			word(0xef | (v&2|v&8>>1)<<6&0x280 | v&^0xfff)
		case 10:
			rd := v >> 7 & 31
			word(v&0xfffff000 | rd<<7 | 0x17)
			word(v<<20 | rd<<15 | 0x13)
		case 11:
			word(v&0xffffc000 | 0x3117)
			word(r.Uint32())
		default:
			b = append(b, make([]byte, r.IntN(9))...)
			b = append(b, byte(v))
		}
	}
	return b[:n]
}

var paths = map[string]func(src []byte, max int64) ([]byte, error){
	"Decode": func(src []byte, max int64) ([]byte, error) {
		var d Decoder
		var out []byte
		for n := 0; n < len(src); {
			var used int
			var err error
			if out, used, err = d.Decode(out, src[n:], max-int64(len(out)), limits.MaxDict); err != nil {
				return nil, err
			}
			for n += used; n < len(src) && src[n] == 0; n++ {
			}
		}
		return out, nil
	},
	"sequential": func(src []byte, max int64) ([]byte, error) { return readAll(src, max, 1) },
	"parallel":   func(src []byte, max int64) ([]byte, error) { return readAll(src, max, 3) },
}

func readAll(src []byte, max int64, jobs int) ([]byte, error) {
	o := Options{Jobs: jobs, MaxDict: limits.MaxDict, Budget: limits.NewBudget("bytes", max)}
	r, err := NewReader(context.Background(), bytes.NewReader(src), int64(len(src)), o)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

func TestEqualsTheRealXZ(t *testing.T) {
	code, big := machineCode(70_000), machineCode(2<<20+5)
	for _, args := range []string{
		"", "-0", "-9", "--x86 --lzma2=mode=fast", "-9e", "--check=none", "--check=crc32", "--check=crc64", "--check=sha256",
		"--x86 --lzma2", "--arm --lzma2", "--armthumb --lzma2", "--arm64 --lzma2", "--powerpc --lzma2", "--ia64 --lzma2", "--sparc --lzma2",
		"--x86=start=4096 --lzma2", "--arm64=start=65536 --lzma2", "--delta=dist=1 --lzma2", "--delta=dist=4 --lzma2", "--delta=dist=256 --lzma2",
		"--x86 --delta=dist=2 --lzma2", "--arm --x86 --delta=dist=3 --lzma2=dict=64KiB", "--x86 --lzma2=dict=128MiB --check=crc32",
		"--lzma2=lc=0,lp=0,pb=0", "--lzma2=lc=4,lp=0,pb=4", "--lzma2=lc=0,lp=4,pb=2", "--lzma2=lc=2,lp=2,pb=1", "--lzma2=dict=4KiB",
		"--block-size=16384", "--block-size=16384 -T2", "-T2 --block-size=20000 --check=sha256", "--block-size=9000 --x86 --lzma2", "--block-list=1,7,30000",
		"--lzma2=mode=fast,mf=hc3,nice=273",
	} {
		for _, data := range [][]byte{nil, {0}, code[:4], code, big} {
			if len(data) > 1<<20 && args != "-0" && args != "--block-size=16384 -T2" && args != "--x86 --lzma2=mode=fast" {
				continue // several chunks: once of each way
			}
			src := run(t, data, "xz", append(strings.Fields(args), "-c")...)
			two := append(append(append(bytes.Clone(src), make([]byte, 8)...), src...), 0, 0, 0, 0)
			for name, decode := range paths {
				if out, err := decode(src, 1<<30); err != nil || !bytes.Equal(out, data) {
					t.Fatalf("%s of xz %s over %d bytes: %d bytes, %v", name, args, len(data), len(out), err)
				}
				if out, err := decode(two, 1<<30); err != nil || !bytes.Equal(out, append(bytes.Clone(data), data...)) {
					t.Fatalf("%s of two streams of xz %s over %d bytes: %d bytes, %v", name, args, len(data), len(out), err)
				}
			}
		}
	}
}

func TestEqualsTheRealLZMA(t *testing.T) {
	for _, args := range []string{"", "-0", "--lzma1=lc=0,lp=4,pb=0", "--lzma1=lc=4,pb=4,dict=4KiB", "--lzma1=dict=1536KiB"} {
		for _, data := range [][]byte{nil, {1}, machineCode(400_000)} {
			src := run(t, data, "xz", append([]string{"--format=lzma", "-c"}, strings.Fields(args)...)...)
			known := bytes.Clone(src) // the size in the header and the end marker
			binary.LittleEndian.PutUint64(known[5:], uint64(len(data)))
			for _, src := range [][]byte{src, known} {
				if !IsAlone(src) {
					t.Errorf("lzma %s is not recognised", args)
				}
				var d Decoder
				out, n, err := d.DecodeAlone(nil, append(bytes.Clone(src), 9, 9, 9, 9), 1<<30, limits.MaxDict)
				if err != nil || n != len(src) || !bytes.Equal(out, data) {
					t.Fatalf("lzma %s over %d bytes: %d of %d bytes used, %d out, %v", args, len(data), n, len(src), len(out), err)
				}
				out, err = io.ReadAll(NewAloneReader(bytes.NewReader(src), Options{MaxDict: limits.MaxDict}))
				if err != nil || !bytes.Equal(out, data) {
					t.Fatalf("lzma %s over %d bytes as a stream: %d out, %v", args, len(data), len(out), err)
				}
			}
		}
	}
}

// small is a file with several blocks, a filter and all sizes in its headers.
func small(t testing.TB) []byte {
	return run(t, machineCode(1200), "xz", "-T2", "--block-size=500", "--check=crc32", "--x86", "--lzma2=dict=4KiB", "-c")
}

func TestTruncationIsAlwaysAnError(t *testing.T) {
	src := small(t)
	alone := run(t, machineCode(900), "lzma", "-c")
	for n := 1; n < len(src); n++ {
		for name, decode := range paths {
			if out, err := decode(src[:n], 1<<20); err == nil {
				t.Fatalf("%s of %d of %d bytes gives %d bytes and no error", name, n, len(src), len(out))
			} else if where.KindOf(err) != where.Malformed {
				t.Fatalf("%s of %d bytes: kind %v: %v", name, n, where.KindOf(err), err)
			}
		}
	}
	for n := range alone {
		var d Decoder
		if _, _, err := d.DecodeAlone(nil, alone[:n], 1<<20, limits.MaxDict); where.KindOf(err) != where.Malformed || err == nil {
			t.Fatalf("%d bytes of .lzma: %v", n, err)
		}
		if _, err := io.ReadAll(NewAloneReader(bytes.NewReader(alone[:n]), Options{MaxDict: limits.MaxDict})); err == nil {
			t.Fatalf("%d bytes of .lzma as a stream: no error", n)
		}
	}
}

func TestOneByteMutationsErr(t *testing.T) {
	want := machineCode(1200)
	src := small(t)
	for i := range src {
		for _, x := range []byte{1, 0x80, 0xff, src[i]} { // the last makes it zero
			bad := bytes.Clone(src)
			bad[i] ^= x
			for name, decode := range paths {
				if out, err := decode(bad, 1<<20); err == nil && !bytes.Equal(out, want) {
					t.Fatalf("%s with byte %d ^ 0x%x: other data and no error", name, i, x)
				}
			}
		}
	}
	alone := run(t, want, "lzma", "-c")
	for i := range alone {
		bad := bytes.Clone(alone)
		bad[i] ^= 0x55
		var d Decoder
		one, _, err1 := d.DecodeAlone(nil, bad, 1<<20, limits.MaxDict)
		two, err2 := io.ReadAll(NewAloneReader(bytes.NewReader(bad), Options{MaxDict: limits.MaxDict, Budget: limits.NewBudget("bytes", 1<<20)}))
		if err1 == nil && err2 == nil && !bytes.Equal(one, two) {
			t.Fatalf("byte %d: the two ways differ", i)
		}
	}
}

func TestErrorKinds(t *testing.T) {
	src := run(t, machineCode(100), "xz", "--check=crc32", "-c")
	block := headerSize + int(src[headerSize]+1)*4
	fixBlock := func(b []byte) { binary.LittleEndian.PutUint32(b[block-4:], crc(b[headerSize:block-4])) }
	edit := func(f func(b []byte)) []byte { b := bytes.Clone(src); f(b); return b }
	for name, c := range map[string]struct {
		src  []byte
		kind where.Kind
	}{
		"check id 2": {edit(func(b []byte) {
			b[7] = 2
			binary.LittleEndian.PutUint32(b[8:], crc(b[6:8]))
		}), where.Unsupported},
		"stream flag":     {edit(func(b []byte) { b[6] = 1; binary.LittleEndian.PutUint32(b[8:], crc(b[6:8])) }), where.Unsupported},
		"unknown filter":  {edit(func(b []byte) { b[headerSize+2] = 0x30; fixBlock(b) }), where.Unsupported},
		"filter is last":  {edit(func(b []byte) { b[headerSize+2] = 4; fixBlock(b) }), where.Unsupported},
		"dictionary 4 G":  {edit(func(b []byte) { b[headerSize+4] = 40; fixBlock(b) }), where.Limit},
		"dictionary 41":   {edit(func(b []byte) { b[headerSize+4] = 41; fixBlock(b) }), where.Malformed},
		"block flag":      {edit(func(b []byte) { b[headerSize+1] |= 4; fixBlock(b) }), where.Unsupported},
		"trailing":        {append(bytes.Clone(src), 1), where.Malformed},
		"odd padding":     {append(bytes.Clone(src), 0, 0, 0), where.Malformed},
		"garbage after 0": {append(bytes.Clone(src), 0, 0, 0, 0, 1, 2, 3, 4), where.Malformed},
		"empty":           {nil, where.Malformed},
		"data":            {edit(func(b []byte) { b[block+20] ^= 1 }), where.Malformed},
	} {
		for _, jobs := range []int{1, 3} {
			out, err := readAll(c.src, 1<<20, jobs)
			var e *where.Error
			if !errors.As(err, &e) || e.Kind != c.kind || e.Off < 0 {
				t.Errorf("%s, %d jobs: %d bytes, %v", name, jobs, len(out), err)
			}
		}
	}
}
