package rpmhdr

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/where"
)

func sample() []byte {
	return packtest.Header(63, []packtest.Tag{
		{Tag: 1000, Value: "kernel"}, {Tag: 1003, Value: []uint32{2}}, {Tag: 1028, Value: []uint32{1, 2, 3}},
		{Tag: 1030, Value: []uint16{0o100644, 0xffff}}, {Tag: 5008, Value: []uint64{1 << 40}}, {Tag: 1117, Value: []string{"a", "", "b"}},
		{Tag: 5000, Value: []byte{9}},
	}, []packtest.Tag{{Tag: 6000, Value: "dribble"}, {Tag: 1000, Value: "hidden"}})
}

func TestValues(t *testing.T) {
	raw := sample()
	h, err := Parse(raw, RegionImmutable)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(h.Serialize(), raw) || !bytes.Equal(h.Raw(), raw) {
		t.Error("does not re-serialise to the same bytes")
	}
	var got []any
	add := func(v any, err error) { got = append(got, v, err) }
	add(h.Text(Name))
	add(h.Text(Epoch))
	add(h.Texts(BaseNames))
	add(h.Texts(Arch))
	add(h.Ints(FileSizes))
	add(h.Ints(FileModes))
	add(h.Ints(LongFileSizes))
	add(h.Text(6000))
	n, ok, err := h.Int(Epoch)
	got = append(got, n, ok, err)
	_, ok, err = h.Int(FileSizes)
	got = append(got, ok, err, h.Covered, len(h.Entries), h.Has(5000), h.Data(5000), h.Data(4999))
	want := "[kernel <nil>  rpm header tag 1003 has type 4, not a string [a  b] <nil> [] <nil> [1 2 3] <nil> [33188 65535] <nil>" +
		" [1099511627776] <nil> dribble <nil> 2 true <nil> false rpm header tag 1028 has 3 values, not one 8 10 true [9] []]"
	if fmt.Sprint(got) != want {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestMutated changes every byte of a header: an error or a header that
// re-serialises, never a panic; and cuts it everywhere.
func TestMutated(t *testing.T) {
	raw := sample()
	for i := range raw {
		for _, b := range []byte{0, 1, 0x7f, 0x80, 0xff} {
			bad := append([]byte(nil), raw...)
			bad[i] = b
			readEverything(t, bad)
		}
		if _, err := Parse(raw[:i], RegionImmutable); where.KindOf(err) != where.Malformed || err == nil {
			t.Fatalf("cut to %d bytes: %v", i, err)
		}
	}
}

// readEverything parses and reads all tags every way.
func readEverything(t *testing.T, in []byte) {
	h, err := Parse(in, RegionImmutable)
	if err != nil {
		if k := where.KindOf(err); k != where.Malformed {
			t.Fatalf("kind %v: %v", k, err)
		}
		return
	}
	if !bytes.Equal(h.Serialize(), in) {
		t.Fatal("does not re-serialise to the same bytes")
	}
	for _, e := range h.Entries {
		_, _ = h.Text(e.Tag)
		_, _, _ = h.Int(e.Tag)
		texts, terr := h.Texts(e.Tag)
		ints, ierr := h.Ints(e.Tag)
		f, _ := h.Find(e.Tag)
		if terr == nil && uint32(len(texts)) != f.Count || ierr == nil && uint32(len(ints)) != f.Count {
			t.Fatalf("tag %d: %d strings, %d integers of %d", e.Tag, len(texts), len(ints), f.Count)
		}
	}
}

func TestPackageBounds(t *testing.T) {
	whole := (&packtest.Rpm{Files: []packtest.File{{Path: "/a", Mode: 0o100644, Data: "x"}}}).Build()
	p, err := Read(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(p.Bytes(), whole[:p.Payload]) || p.IsSource() {
		t.Error("lead and headers do not re-serialise")
	}
	for _, tt := range []struct {
		at   int
		b    byte
		kind where.Kind
	}{{0, 0, where.Malformed}, {4, 2, where.Unsupported}, {79, 1, where.Unsupported}, {96, 0, where.Malformed}} {
		bad := append([]byte(nil), whole...)
		bad[tt.at] = tt.b
		if _, err := Read(bytes.NewReader(bad), int64(len(bad))); where.KindOf(err) != tt.kind || err == nil {
			t.Errorf("byte %d: %v", tt.at, err)
		}
	}
	if _, err := Read(bytes.NewReader(whole[:200]), int64(len(whole))); where.KindOf(err) != where.IO {
		t.Errorf("a file that shrank: %v", err)
	}
	// a header of 256 MiB that the file has not got takes no memory
	bad := append([]byte(nil), whole[:96]...)
	bad = append(bad, 0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 1, 3, 0, 0, 0)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = Read(bytes.NewReader(bad), int64(len(bad)))
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; err == nil || n > 64<<10 {
		t.Errorf("%v after %d bytes allocated", err, n)
	}
}

// FuzzHeader: a header or an error; a header re-serialises byte for byte.
func FuzzHeader(f *testing.F) {
	f.Add(sample())
	f.Add(packtest.Header(63, nil, nil))
	f.Fuzz(func(t *testing.T, in []byte) { readEverything(t, in) })
}

// FuzzPackage feeds lead and both headers.
func FuzzPackage(f *testing.F) {
	f.Add((&packtest.Rpm{Files: []packtest.File{{Path: "/a", Mode: 0o100644, Data: "x"}}, SetSig: []packtest.Tag{{Tag: 273}}}).Build())
	f.Fuzz(func(t *testing.T, in []byte) {
		p, err := Read(bytes.NewReader(in), int64(len(in)))
		if err == nil && !bytes.Equal(p.Bytes(), in[:p.Payload]) {
			t.Fatal("does not re-serialise to the same bytes")
		}
	})
}
