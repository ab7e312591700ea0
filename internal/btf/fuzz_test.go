package btf_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"pgregory.net/rapid"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

// encode writes the own records back from their views alone.
func encode(r *btf.Raw) []byte {
	var o binary.AppendByteOrder = binary.LittleEndian
	if r.BigEndian() {
		o = binary.BigEndian
	}
	var out []byte
	for t := range r.Types {
		for _, w := range []uint32{uint32(t.Name), t.Info(), t.SizeType} {
			out = o.AppendUint32(out, w)
		}
		for i := range len(t.Extra) / 4 {
			out = o.AppendUint32(out, t.Word(i))
		}
	}
	return out
}

// walk looks at everything a walker can reach.
func walk(t testing.TB, r *btf.Raw) {
	n := 0
	for rec := range r.Types {
		for pos, id := range rec.Refs {
			if int(pos)+4 > len(r.Bytes()) {
				t.Fatalf("%v: reference at %d of %d", rec.Kind, pos, len(r.Bytes()))
			}
			r.Record(id)
		}
		for pos, off := range rec.Names {
			if int(pos)+4 > len(r.Bytes()) {
				t.Fatalf("%v: name at %d of %d", rec.Kind, pos, len(r.Bytes()))
			}
			s, ok := r.Str(off)
			if !ok && r.StrStart(off) || bytes.IndexByte(s, 0) >= 0 {
				t.Fatalf("string %d: %q %v", off, s, ok)
			}
		}
		got, ok := r.Record(rec.ID)
		if !ok || !bytes.Equal(r.RecordBytes(&got), r.RecordBytes(&rec)) || got.Kind != rec.Kind || got.Name != rec.Name {
			t.Fatalf("[%d] by walk %+v, by id %+v", rec.ID, rec, got)
		}
		if n++; n < 64 {
			r.CType(rec.ID)
			r.Label(rec.ID)
			found := r.Name(rec.Name) == ""
			for same := range r.Named(r.Name(rec.Name)) {
				found = found || same.ID == rec.ID
			}
			if !found {
				t.Fatalf("[%d] is not among its namesakes", rec.ID)
			}
		}
	}
	if n != r.OwnTypes() || uint32(r.FirstID())+uint32(n) != r.NumTypes() {
		t.Fatalf("%d records, %d own types, first %d of %d", n, r.OwnTypes(), r.FirstID(), r.NumTypes())
	}
}

// FuzzParse: a result or an error, never both; a result can be walked and is
// the input when written back, unused info bits aside.
func FuzzParse(f *testing.F) {
	for _, b := range []*btftest.Builder{btftest.Kernel(btftest.Plain), btftest.BigKernel(btftest.Plain), every(false), every(true)} {
		f.Add(b.Bytes(), false)
		f.Add(module(btftest.Kernel(btftest.Plain)).Bytes(), true)
	}
	long := every(false)
	long.HdrLen, long.Layout = 40, []byte{1, 2, 3, 4}
	f.Add(long.Bytes(), false)
	kernel := btftest.Kernel(btftest.Plain).Parse()
	f.Fuzz(func(t *testing.T, blob []byte, split bool) {
		var base *btf.Raw
		if split {
			base = kernel
		}
		r, err := btf.ParseWith(blob, base, btf.DefaultMasks)
		if (r == nil) == (err == nil) {
			t.Fatalf("%v and %v", r, err)
		}
		if err != nil {
			return
		}
		walk(t, r)
		checkEncoding(t, r)
		sum, err := btf.Checksum(append(bytes.Clone(blob), 7))
		if again, err2 := btf.Checksum(blob); err != nil || err2 != nil || sum != again {
			t.Fatalf("checksum %v %v", err, err2)
		}
	})
}

func checkEncoding(t testing.TB, r *btf.Raw) {
	h := r.Header()
	got := encode(r)
	if uint32(len(got)) != h.TypeLen {
		t.Fatalf("%d bytes written back, %d read", len(got), h.TypeLen)
	}
	for rec := range r.Types {
		at := rec.Pos - h.Len - h.TypeOff
		want := r.RecordBytes(&rec)
		same := bytes.Equal(got[at:at+4], want[:4]) && bytes.Equal(got[at+8:int(at)+len(want)], want[8:])
		if !same { // the info word at 4 may have had bits that mean nothing
			t.Fatalf("[%d] written back as %x, read as %x", rec.ID, got[at:int(at)+len(want)], want)
		}
	}
}

// Whatever records a builder lays down come back as they were, in both byte
// orders, alone and on a base.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := btftest.Base()
		b.Big = rapid.Bool().Draw(t, "big")
		if rapid.Bool().Draw(t, "split") {
			b.Int("int", 4, btftest.Signed)
			b = b.Split()
		}
		type record struct {
			kind           btf.Kind
			kflag          bool
			vlen, sizeType uint32
			name           btf.StrOff
			words          []uint32
		}
		var want []record
		for range rapid.IntRange(0, 20).Draw(t, "records") {
			w := record{
				kind:     btf.Kind(rapid.IntRange(1, int(btf.MaxKind)).Draw(t, "kind")),
				kflag:    rapid.Bool().Draw(t, "kflag"),
				vlen:     rapid.Uint32Range(0, 9).Draw(t, "vlen"),
				sizeType: rapid.Uint32().Draw(t, "size/type"),
				name:     b.Str(rapid.StringMatching(`[a-z_]{0,6}`).Draw(t, "name")),
			}
			s := w.kind.Shape()
			n := (int(s.Fixed) + int(s.Elem)*int(w.vlen)) / 4
			w.words = rapid.SliceOfN(rapid.Uint32(), n, n).Draw(t, "words")
			b.Raw(w.kind, w.kflag, w.vlen, w.name, w.sizeType, w.words...)
			want = append(want, w)
		}
		r := b.Parse()
		if r.OwnTypes() != len(want) {
			t.Fatalf("%d types, want %d", r.OwnTypes(), len(want))
		}
		i := 0
		for got := range r.Types {
			w := want[i]
			if got.Kind != w.kind || got.KFlag != w.kflag || got.Vlen != w.vlen || got.Name != w.name || got.SizeType != w.sizeType {
				t.Fatalf("%d: %+v, want %+v", i, got, w)
			}
			for j, v := range w.words {
				if got.Word(j) != v {
					t.Fatalf("%d: word %d is %d, want %d", i, j, got.Word(j), v)
				}
			}
			i++
		}
	})
}

// large is a base of about the size of a distribution kernel's: 5 MB, 110 000
// types.
func large() []byte {
	b := btftest.Base()
	i := b.Int("int", 4, btftest.Signed)
	name := make([]byte, 0, 24)
	for n := range 110_000 / 4 {
		name = append(name[:0], "some_kernel_name_"...)
		for v := n; v > 0; v /= 26 {
			name = append(name, byte('a'+v%26))
		}
		s := b.Struct(string(name), 24, btftest.M("first", i, 0), btftest.M("second", i, 8), btftest.M("third", i, 16))
		p := b.Ptr(s)
		b.Func(string(name)+"_init", b.Proto(i, btftest.P("p", p), btftest.P("n", i), btftest.P("m", i)))
	}
	return b.Bytes()
}

func BenchmarkParse(b *testing.B) {
	blob := large()
	b.SetBytes(int64(len(blob)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := btf.Parse(blob); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWalk(b *testing.B) {
	r, err := btf.Parse(large())
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(r.Bytes())))
	b.ReportAllocs()
	sum := uint64(0)
	for b.Loop() {
		for t := range r.Types {
			for _, id := range t.Refs {
				sum += uint64(id)
			}
			for _, off := range t.Names {
				sum += uint64(off)
			}
		}
	}
	if sum == 0 {
		b.Fatal("nothing walked")
	}
}

func BenchmarkNamed(b *testing.B) {
	blob := large()
	b.ReportAllocs()
	for b.Loop() {
		r, err := btf.Parse(blob)
		if err != nil {
			b.Fatal(err)
		}
		if _, ok := r.Find(btf.Struct, "some_kernel_name_b"); !ok {
			b.Fatal("not found")
		}
	}
}
