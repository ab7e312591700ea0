package btf_test

import (
	"errors"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/where"
)

func TestSplitContinuesItsBase(t *testing.T) {
	for _, base := range []*btftest.Builder{btftest.Kernel(btftest.Plain), btftest.BigKernel(btftest.Plain)} {
		s := base.Split()
		net := base.ID(btf.Struct, "net")
		st := s.Struct("nf_foo", 8, btftest.M("net", s.Next()+1, 0))
		p := s.Ptr(net)
		fn := s.Func("printk", s.Proto(0, btftest.P("bar", p)))
		r := s.Parse()
		if uint32(st) != base.Parse().NumTypes() || r.FirstID() != st || r.OwnTypes() != 4 || r.NumTypes() != uint32(fn)+1 {
			t.Fatalf("ids: first %d, own %d, all %d", r.FirstID(), r.OwnTypes(), r.NumTypes())
		}
		if got := r.CType(p); got != "struct net *" {
			t.Errorf("own pointer is %q", got)
		}
		rec, ok := r.Record(fn)
		if !ok || r.Name(rec.Name) != "printk" || rec.Name >= r.FirstStr() {
			t.Errorf("FUNC %+v: the base's string is shared", rec)
		}
		rec, ok = r.Record(st)
		if name := r.Name(rec.Name); !ok || name != "nf_foo" || rec.Name < r.FirstStr() {
			t.Errorf("STRUCT %q at %d", name, rec.Name)
		}
		if _, ok := r.Record(fn + 1); ok {
			t.Error("a record beyond the last id")
		}
		if k := r.Kind(0); k != btf.Void {
			t.Errorf("id 0 is %v", k)
		}
		if r.Kind(net) != btf.Struct || r.Base().Kind(st) != btf.Void {
			t.Error("base ids are the base's, own ids are not")
		}
	}
}

func TestEmptySplit(t *testing.T) {
	base := btftest.Kernel(btftest.Plain)
	r := base.Split().Parse()
	if r.OwnTypes() != 0 || r.StrLen() != 0 || r.NumTypes() != base.Parse().NumTypes() {
		t.Fatalf("own %d, strings %d", r.OwnTypes(), r.StrLen())
	}
	for range r.Types {
		t.Fatal("a type in an empty split")
	}
}

func TestRecordErrorsSayWhere(t *testing.T) {
	const first = 24 // the header
	for _, c := range []struct {
		name  string
		words []uint32
		kind  where.Kind
		text  string
	}{
		{"kind 0", []uint32{0, 0, 0}, where.Malformed, "type [2]: kind 0"},
		{"kind 20", []uint32{0, 20 << 24, 0}, where.Unsupported, "type [2]: unknown kind 20"},
		{"half a head", []uint32{0, 2 << 24}, where.Malformed, "type [2]: 8 bytes left"},
		{"no int data", []uint32{0, 1 << 24, 4}, where.Malformed, "type [2]: INT of 16 bytes, 12 left"},
		{"a claimed count", []uint32{0, 4<<24 | 0xffffff, 4}, where.Malformed, "type [2]: STRUCT of 201326592 bytes"},
	} {
		b := btftest.Base()
		b.Ptr(0)
		b.Words(c.words...)
		_, err := btf.Parse(b.Bytes())
		var e *where.Error
		if !errors.As(err, &e) || e.Kind != c.kind || e.Off != first+12 || !strings.Contains(e.Msg, c.text) {
			t.Errorf("%s: %v (%+v)", c.name, err, e)
		}
	}
}

func TestWrongBases(t *testing.T) {
	base, big := btftest.Kernel(btftest.Plain), btftest.BigKernel(btftest.Plain)
	split := base.Split()
	if _, err := btf.ParseSplit(split.Bytes(), big.Parse()); where.KindOf(err) != where.Malformed {
		t.Errorf("little endian on big endian: %v", err)
	}
	if _, err := btf.ParseSplit(split.Bytes(), split.Parse()); where.KindOf(err) != where.Unsupported {
		t.Errorf("split on split: %v", err)
	}
}

// The wide masks read what every producer wrote; narrow ones do not read what
// only newer kernels have.
func TestMasks(t *testing.T) {
	b := btftest.Base()
	b.Raw(btf.Float, false, 0, b.Str("float"), 4)
	blob := b.Bytes()
	for _, c := range []struct {
		m    btf.Masks
		kind btf.Kind
		ok   bool
	}{{btf.Masks5_11, btf.Void, false}, {btf.Masks5_13, btf.Float, true}, {btf.Masks7_2, btf.Float, true}} {
		r, err := btf.ParseWith(blob, nil, c.m)
		if (err == nil) != c.ok {
			t.Errorf("%+v: %v", c.m, err)
		}
		if c.ok && r.Kind(1) != c.kind {
			t.Errorf("%+v: %v", c.m, r.Kind(1))
		}
	}
	wide := btftest.Base()
	var words []uint32
	for range 0x10001 {
		words = append(words, 0, 1)
	}
	wide.Raw(btf.FuncProto, false, 0x10001, 0, 0, words...)
	if r, err := btf.Parse(wide.Bytes()); err != nil || r.OwnTypes() != 1 {
		t.Errorf("65537 parameters with wide masks: %v", err)
	}
	if r, err := btf.ParseWith(wide.Bytes(), nil, btf.Masks5_13); err == nil {
		t.Errorf("65537 parameters with narrow masks: %d types", r.OwnTypes())
	}
}
