package verdict

import (
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
)

// TestRelocationByKindNameAndSize: which types of a base stand for which
// distilled ones (btf_relocate_map_distilled_base).
func TestRelocationByKindNameAndSize(t *testing.T) {
	kernel := btftest.Base()
	i := kernel.Int("int", 4, btftest.Signed)
	kernel.Struct("one", 8, btftest.M("a", i, 0))
	kernel.Struct("bits", 4, btftest.BF("a", i, 0, 3))
	kernel.Union("flags", 4, btftest.BF("a", i, 0, 3))
	kernel.Union("plain", 4, btftest.M("a", i, 0))
	kernel.Enum64("wide", 8, btftest.E{Name: "WIDE", Value: 1})
	kernel.Enum("narrow", 4, btftest.E{Name: "NARROW", Value: 1})
	kernel.Float("double", 8)
	kernel.Fwd("later", false)
	kernel.Struct("twice", 8)
	kernel.Struct("twice", 8)
	kernel.Struct("sizes", 8)
	kernel.Struct("sizes", 16)
	kernel.Typedef("alias", i)
	kernel.Struct("both", 4)
	kernel.Union("both", 4)
	p := ForVersion(6, 12, 0)
	b, err := NewBase(&p, kernel.Bytes())
	if err != nil || !b.Own().OK {
		t.Fatal(err, b.Own())
	}
	for name, tc := range map[string]struct {
		add  func(d *btftest.Builder)
		rule string
	}{
		"struct by name":         {func(d *btftest.Builder) { d.Struct("one", 8) }, ""},
		"struct of another size": {func(d *btftest.Builder) { d.Struct("one", 4) }, ""},
		"union for a struct":     {func(d *btftest.Builder) { d.Union("one", 8) }, ""},
		"enum64 by enum":         {func(d *btftest.Builder) { d.Raw(btf.Enum, false, 0, d.Str("wide"), 8) }, ""},
		"enum64 of another size": {func(d *btftest.Builder) { d.Raw(btf.Enum, false, 0, d.Str("wide"), 4) }, "reloc.unmapped"},
		"enum64 itself":          {func(d *btftest.Builder) { d.Raw(btf.Enum64, false, 0, d.Str("wide"), 8) }, "reloc.kind"},
		"float":                  {func(d *btftest.Builder) { d.Float("double", 8) }, ""},
		"int for a float":        {func(d *btftest.Builder) { d.Int("double", 8, 0) }, "reloc.unmapped"},
		"int as a typedef":       {func(d *btftest.Builder) { d.Int("alias", 4, btftest.Signed) }, "reloc.unmapped"},
		"fwd":                    {func(d *btftest.Builder) { d.Fwd("later", false) }, ""},
		"fwd of a union":         {func(d *btftest.Builder) { d.Fwd("later", true) }, "reloc.unmapped"},
		"fwd of a struct":        {func(d *btftest.Builder) { d.Fwd("one", false) }, ""},
		"fwd of bitfields":       {func(d *btftest.Builder) { d.Fwd("bits", false) }, "reloc.unmapped"},
		"fwd of union bitfields": {func(d *btftest.Builder) { d.Fwd("flags", true) }, ""},
		"fwd of a plain union":   {func(d *btftest.Builder) { d.Fwd("plain", true) }, "reloc.unmapped"},
		"two of one size":        {func(d *btftest.Builder) { d.Struct("twice", 8) }, "reloc.ambiguous"},
		"two sizes":              {func(d *btftest.Builder) { d.Struct("sizes", 16) }, ""},
		"two sizes, neither":     {func(d *btftest.Builder) { d.Struct("sizes", 12) }, "reloc.unmapped"},
		"struct and union":       {func(d *btftest.Builder) { d.Struct("both", 4) }, "reloc.ambiguous"},
		// Where a name is taken twice sizes are compared, and a FWD has none.
		"fwd with two": {func(d *btftest.Builder) { d.Fwd("both", false) }, "reloc.unmapped"},
	} {
		d := btftest.Base()
		tc.add(d)
		m := d.Split()
		m.Ptr(1)
		got := b.Module(m.Bytes(), d.Bytes())
		if got.Rule != tc.rule || got.OK != (tc.rule == "") {
			t.Errorf("%s: %s, want %q", name, got.String(), tc.rule)
		}
	}
	d := btftest.Base()
	d.Struct("twice", 8)
	d.Struct("one", 8)
	m := d.Split()
	m.Ptr(1)
	const words = "distilled base BTF type 'twice' [1], size 8 has multiple candidates of the same size (ids [11, 10]) in base BTF"
	if got := b.Module(m.Bytes(), d.Bytes()); got.Text != words || got.TypeID != 1 {
		t.Errorf("%s", got.String())
	}
}

// TestNameThatIsEmpty: an INT of the kernel whose name is an empty string, and
// which has no size, stands for void in every distilled base.
func TestNameThatIsEmpty(t *testing.T) {
	p := ForVersion(6, 12, 0)
	kernel := btftest.Base()
	i := kernel.Int("int", 4, btftest.Signed)
	kernel.Raw(btf.Int, false, 0, kernel.Str("int")+3, 0, 0)
	b, err := NewBase(&p, kernel.Bytes())
	if err != nil || !b.Own().OK {
		t.Fatal(err, b.Own())
	}
	d := btftest.Base()
	d.Int("int", 4, btftest.Signed)
	m := d.Split()
	m.Ptr(i)
	const words = "base BTF id [2] maps to invalid distilled base BTF id [0]"
	if got := b.Module(m.Bytes(), d.Bytes()); got.Rule != "reloc.invalid" || got.Text != words || got.Errno != EINVAL {
		t.Errorf("%s", got.String())
	}
}

// TestWhatTheKernelWouldRunOver: ids that lead nowhere and arrays of
// themselves are no refusal but a fault in the kernel.
func TestWhatTheKernelWouldRunOver(t *testing.T) {
	p := ForVersion(6, 12, 0)
	kernel := btftest.Base()
	kernel.Int("int", 4, btftest.Signed)
	b, err := NewBase(&p, kernel.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for rule, fill := range map[string]func(m *btftest.Builder){
		"reloc.id":       func(m *btftest.Builder) { m.Ptr(0xffff) },
		"reloc.embedded": func(m *btftest.Builder) { m.Struct("s", 8, btftest.M("a", 0xffff, 0)) },
	} {
		d := btftest.Base()
		d.Int("int", 4, btftest.Signed)
		m := d.Split()
		fill(m)
		if got := b.Module(m.Bytes(), d.Bytes()); !got.Undefined || got.OK || got.Rule != rule {
			t.Errorf("%s, want %s", got.String(), rule)
		}
	}
	d := btftest.Base()
	d.Int("int", 4, btftest.Signed)
	m := d.Split()
	m.Struct("s", 8, btftest.M("a", m.Array(m.Next(), 1, 1), 0))
	if got := b.Module(m.Bytes(), d.Bytes()); !got.Undefined || got.Rule != "reloc.embedded" {
		t.Errorf("an array of itself: %s", got.String())
	}
}

// TestRelocated: the bytes that the kernel leaves are split BTF on its own
// base, in both byte orders, and mean what the module's meant.
func TestRelocated(t *testing.T) {
	for name, on := range map[string]func() *btftest.Builder{"little": btftest.Base, "big": btftest.BigBase} {
		p := ForVersion(6, 12, 0)
		kernel := on()
		kernel.Struct("first", 8)
		i := kernel.Int("int", 4, btftest.Signed)
		kernel.Struct("device", 64, btftest.M("a", i, 0))
		b, err := NewBase(&p, kernel.Bytes())
		if err != nil || !b.Own().OK {
			t.Fatal(name, err, b.Own())
		}
		d := on()
		di, dev := d.Int("int", 4, btftest.Signed), d.Struct("device", 64)
		m := d.Split()
		m.Struct("mine", 72, btftest.M("dev", dev, 0), btftest.M("n", di, 64))
		m.Func("mine_init", m.Proto(di, btftest.P("device", m.Ptr(dev))))
		split, dist := m.Bytes(), d.Bytes()
		before := append([]byte(nil), split...)
		got, r := b.Relocated(split, dist)
		if !r.OK || len(got) != len(split) || string(before) != string(split) {
			t.Fatalf("%s: %s, %d bytes of %d, the input changed: %v", name, r.String(), len(got), len(split), string(before) != string(split))
		}
		raw, err := btf.ParseSplit(got, kernel.Parse())
		if err != nil {
			t.Fatal(name, err)
		}
		mine, _ := raw.Find(btf.Struct, "mine")
		fn, ok := raw.Find(btf.Func, "mine_init")
		if !ok || mine.ID != raw.FirstID() || raw.CType(fn.Ref()) != "int (struct device *)" {
			t.Errorf("%s: [%d] mine, mine_init is %s", name, mine.ID, raw.CType(fn.Ref()))
		}
		if plain, r := b.Relocated(split, nil); string(plain) != string(split) || r.OK != b.Module(split, nil).OK {
			t.Errorf("%s: without .BTF.base the bytes are the module's: %s", name, r.String())
		}
	}
}
