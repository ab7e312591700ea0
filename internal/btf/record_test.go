package btf_test

import (
	"fmt"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

// every returns one blob with each kind once, all references and names distinct.
func every(big bool) *btftest.Builder {
	b := btftest.Base()
	b.Big = big
	b.Int("i", 4, btftest.Signed)
	b.Ptr(2)
	b.Array(3, 4, 5)
	b.Struct("s", 16, btftest.M("m", 5, 0), btftest.M("n", 6, 8))
	b.Union("u", 16, btftest.BF("o", 7, 0, 3), btftest.M("p", 8, 0))
	b.Enum("e", 4, btftest.E{Name: "e0", Value: -2}, btftest.E{Name: "e1", Value: 1})
	b.Fwd("f", true)
	b.Typedef("t", 9)
	b.Volatile(10)
	b.Const(11)
	b.Restrict(12)
	b.Func("fn", 13)
	b.Proto(14, btftest.P("a", 15), btftest.P("b", 16))
	b.Var("v", 17)
	b.Datasec("d", 32, btftest.Entry{Var: 18, Off: 0, Size: 8}, btftest.Entry{Var: 19, Off: 8, Size: 16})
	b.Float("fl", 8)
	b.DeclTag("dt", 20, -1)
	b.TypeTag("tt", 21)
	b.Enum64("e64", 8, btftest.E{Name: "e64_0", Value: 1 << 40}, btftest.E{Name: "e64_1", Value: -3})
	return b
}

// The one table: what each kind refers to and what it names.
func TestRefsAndNames(t *testing.T) {
	want := []string{
		"INT refs names i",
		"PTR refs 2 names ",
		"ARRAY refs 3 4 names ",
		"STRUCT refs 5 6 names s m n",
		"UNION refs 7 8 names u o p",
		"ENUM refs names e e0 e1",
		"FWD refs names f",
		"TYPEDEF refs 9 names t",
		"VOLATILE refs 10 names ",
		"CONST refs 11 names ",
		"RESTRICT refs 12 names ",
		"FUNC refs 13 names fn",
		"FUNC_PROTO refs 14 15 16 names  a b",
		"VAR refs 17 names v",
		"DATASEC refs 18 19 names d",
		"FLOAT refs names fl",
		"DECL_TAG refs 20 names dt",
		"TYPE_TAG refs 21 names tt",
		"ENUM64 refs names e64 e64_0 e64_1",
	}
	for _, big := range []bool{false, true} {
		r := every(big).Parse()
		i := 0
		for rec := range r.Types {
			var b strings.Builder
			fmt.Fprintf(&b, "%v refs", rec.Kind)
			for pos, id := range rec.Refs {
				fmt.Fprintf(&b, " %d", id)
				checkWord(t, r, pos, uint32(id))
			}
			b.WriteString(" names")
			for pos, off := range rec.Names {
				b.WriteString(" " + r.Name(off))
				checkWord(t, r, pos, uint32(off))
			}
			if b.String() != want[i] {
				t.Errorf("%s\nwant %s", b.String(), want[i])
			}
			i++
		}
		if i != len(want) || i != int(btf.MaxKind) {
			t.Errorf("%d kinds, want %d", i, len(want))
		}
	}
}

// checkWord proves that a yielded position holds the yielded value.
func checkWord(t *testing.T, r *btf.Raw, pos, want uint32) {
	t.Helper()
	b := r.Bytes()[pos:]
	got := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16 | uint32(b[3])<<24
	if r.BigEndian() {
		got = uint32(b[3]) | uint32(b[2])<<8 | uint32(b[1])<<16 | uint32(b[0])<<24
	}
	if got != want {
		t.Errorf("word at %d is %d, want %d", pos, got, want)
	}
}

func TestRefsStop(t *testing.T) {
	r := every(false).Parse()
	for rec := range r.Types {
		n := 0
		for range rec.Refs {
			n++
			break
		}
		for range rec.Names {
			n++
			break
		}
		if n > 2 {
			t.Errorf("%v: went on after break", rec.Kind)
		}
	}
	for range r.Types {
		break
	}
}

func TestViews(t *testing.T) {
	for _, big := range []bool{false, true} {
		b := every(big)
		r := b.Parse()
		rec := func(k btf.Kind, name string) btf.Record {
			x, ok := r.Record(b.ID(k, name))
			if !ok {
				t.Fatalf("no %v %s", k, name)
			}
			return x
		}
		u := rec(btf.Union, "u")
		if m := u.Member(0); !u.KFlag || m.BitSize != 3 || m.BitOff != 0 || m.Type != 7 {
			t.Errorf("bitfield %+v", m)
		}
		s := rec(btf.Struct, "s")
		if m := s.Member(1); m.BitOff != 64 || m.BitSize != 0 || r.Name(m.Name) != "n" {
			t.Errorf("member %+v", m)
		}
		e := rec(btf.Enum, "e")
		if _, v := e.Enumerator(0); int64(v) != -2 {
			t.Errorf("enumerator %d", int64(v))
		}
		e64 := rec(btf.Enum64, "e64")
		if _, v := e64.Enumerator(0); v != 1<<40 {
			t.Errorf("enumerator %#x", v)
		}
		if _, v := e64.Enumerator(1); int64(v) != -3 {
			t.Errorf("enumerator %d", int64(v))
		}
		i := rec(btf.Int, "i")
		if enc, off, bits := i.Int(); enc != btftest.Signed || off != 0 || bits != 32 {
			t.Errorf("int %d %d %d", enc, off, bits)
		}
		a, _ := r.Record(3)
		if elem, index, n := a.Array(); elem != 3 || index != 4 || n != 5 {
			t.Errorf("array %d %d %d", elem, index, n)
		}
		d := rec(btf.Datasec, "d")
		if v, off, size := d.Secinfo(1); v != 19 || off != 8 || size != 16 {
			t.Errorf("secinfo %d %d %d", v, off, size)
		}
		if u.Info() != 1<<31|uint32(btf.Union)<<24|2 {
			t.Errorf("info %#x", u.Info())
		}
	}
}

// Records laid end to end are the type section, byte for byte.
func TestRecordBytes(t *testing.T) {
	r := every(true).Parse()
	var all []byte
	for rec := range r.Types {
		all = append(all, r.RecordBytes(&rec)...)
	}
	h := r.Header()
	if want := r.Bytes()[h.Len+h.TypeOff:][:h.TypeLen]; string(all) != string(want) {
		t.Errorf("%d bytes of records, %d of section", len(all), len(want))
	}
}

func TestWalkDoesNotAllocate(t *testing.T) {
	r := btftest.Kernel(btftest.Plain).Parse()
	sum := uint64(0)
	n := testing.AllocsPerRun(20, func() {
		for rec := range r.Types {
			for pos, id := range rec.Refs {
				sum += uint64(pos) + uint64(id)
			}
			for _, off := range rec.Names {
				s, _ := r.Str(off)
				sum += uint64(len(s))
			}
			x, _ := r.Record(rec.ID)
			sum += uint64(x.Vlen)
		}
	})
	if n != 0 || sum == 0 {
		t.Errorf("%v allocations a walk, sum %d", n, sum)
	}
}

func TestKindWords(t *testing.T) {
	if s := btf.Kind(77).String(); s != "KIND(77)" || btf.Kind(77).Shape() != nil {
		t.Errorf("%q, %v", s, btf.Kind(77).Shape())
	}
	for k := btf.Int; k <= btf.MaxKind; k++ {
		s := k.Shape()
		if s == nil || s.Name == "" || s.HeadRef && s.HeadSize {
			t.Errorf("%d: %+v", k, s)
		}
		mod := k == btf.Typedef || k == btf.Const || k == btf.Volatile || k == btf.Restrict || k == btf.TypeTag
		if k.Modifier() != mod || k.Composite() != (k == btf.Struct || k == btf.Union) {
			t.Errorf("%v: modifier %v, composite %v", k, k.Modifier(), k.Composite())
		}
	}
}
