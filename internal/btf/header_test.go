package btf_test

import (
	"bytes"
	"errors"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/where"
)

func TestChecksumIgnoresWhatFollows(t *testing.T) {
	blob := btftest.Kernel(btftest.Plain).Bytes()
	want, err := btf.Checksum(blob)
	if err != nil {
		t.Fatal(err)
	}
	for _, tail := range [][]byte{{0}, {0, 0, 1}, bytes.Repeat([]byte{0xff}, 4096)} {
		got, err := btf.Checksum(append(bytes.Clone(blob), tail...))
		if err != nil || got != want {
			t.Errorf("with %d bytes behind: %x, %v; want %x", len(tail), got, err, want)
		}
	}
}

// Every header length, what is beyond zero or not, layout.
func TestHeaderLengths(t *testing.T) {
	layout := []byte{1, 2, 3, 4}
	for _, c := range []struct {
		name    string
		len     uint32
		trailer []byte
		layout  []byte
		kind    where.Kind // Internal: no error
		types   int
	}{
		{name: "24", len: 24, types: 1},
		{name: "28: half the layout fields", len: 28, types: 1},
		{name: "32 without layout", len: 32, types: 1},
		{name: "32 with layout", len: 32, layout: layout, types: 1},
		{name: "40, zeros", len: 40, types: 1},
		{name: "40, layout", len: 40, layout: layout, types: 1},
		{name: "40, unknown field", len: 40, trailer: []byte{0, 0, 0, 9}, kind: where.Unsupported},
		{name: "20: no string length", len: 20, kind: where.Malformed},
		{name: "8: nothing but the length", len: 8, kind: where.Malformed},
		{name: "7", len: 7, kind: where.Malformed},
	} {
		for _, big := range []bool{false, true} {
			b := btftest.Base()
			b.Big = big
			b.Int("int", 4, btftest.Signed)
			b.HdrLen, b.Trailer, b.Layout = max(c.len, 8), c.trailer, c.layout
			blob := b.Bytes()
			if c.len < 8 {
				blob = setWord(blob, 4, c.len, big)
			}
			r, err := btf.Parse(blob)
			if c.kind != where.Internal {
				if r != nil || where.KindOf(err) != c.kind {
					t.Errorf("%s: %v, %v; want kind %v", c.name, r, err, c.kind)
				}
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
				continue
			}
			if r.OwnTypes() != c.types || r.Header().Len != c.len || len(r.Bytes()) != len(blob) || r.Header().LayoutLen != uint32(len(c.layout)) {
				t.Errorf("%s: %d types, header %+v, %d of %d bytes", c.name, r.OwnTypes(), r.Header(), len(r.Bytes()), len(blob))
			}
		}
	}
}

func setWord(b []byte, off int, v uint32, big bool) []byte {
	b = bytes.Clone(b)
	for i := range 4 {
		shift := 8 * i
		if big {
			shift = 24 - shift
		}
		b[off+i] = byte(v >> shift)
	}
	return b
}

func TestHeaderErrorsSayWhere(t *testing.T) {
	good := btftest.Kernel(btftest.Plain).Bytes()
	edit := func(off int, v byte) []byte {
		b := bytes.Clone(good)
		b[off] = v
		return b
	}
	for _, c := range []struct {
		name string
		blob []byte
		kind where.Kind
		off  int64
	}{
		{"empty", nil, where.Malformed, 0},
		{"seven bytes", good[:7], where.Malformed, 0},
		{"magic", edit(0, 0), where.Malformed, 0},
		{"version", edit(2, 2), where.Unsupported, 2},
		{"flags", edit(3, 1), where.Unsupported, 3},
		{"header longer than the blob", good[:20], where.Malformed, 4},
		{"sections beyond the end", good[:len(good)-1], where.Malformed, 8},
		{"types and strings overlap", setWord(good, 16, 8, false), where.Malformed, 8},
		{"strings without NUL", edit(len(good)-1, 'x'), where.Malformed, int64(len(good) - 1)},
	} {
		r, err := btf.Parse(c.blob)
		var e *where.Error
		if r != nil || !errors.As(err, &e) {
			t.Errorf("%s: %v, %v", c.name, r, err)
			continue
		}
		if e.Kind != c.kind || e.Off != c.off {
			t.Errorf("%s: %v, kind %v at %d; want %v at %d", c.name, err, e.Kind, e.Off, c.kind, c.off)
		}
	}
}

func TestTruncatedAnywhere(t *testing.T) {
	for _, b := range []*btftest.Builder{btftest.Kernel(btftest.Plain), btftest.BigKernel(btftest.Plain)} {
		blob := b.Bytes()
		for n := range blob {
			if r, err := btf.Parse(blob[:n:n]); r != nil || err == nil {
				t.Fatalf("cut at %d: %v, %v", n, r, err)
			}
		}
	}
}
