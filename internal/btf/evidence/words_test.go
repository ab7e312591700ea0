package evidence_test

import (
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/evidence"
)

func TestWords(t *testing.T) {
	base := btftest.Kernel(btftest.Plain)
	s := module(base)
	own, conn := s.ID(btf.Func, "nf_foo_get"), base.ID(btf.Struct, "nf_conn")
	td := base.ID(btf.Typedef, "u32")
	b, r := on(t, base, s)
	w := func(kind, name string, id btf.ID) evidence.Word {
		return evidence.Word{Off: 8, ID: uint32(id), Kind: kind, Name: name, Set: -1}
	}
	for _, c := range []struct {
		word   evidence.Word
		looked int
		text   string
	}{
		{w("func", "nf_foo_get", own), 0, ""},
		{w("func", "kfree_skb", base.ID(btf.Func, "kfree_skb")), 1, ""},
		{w("struct", "nf_conn", conn), 1, ""},
		{w("typedef", "u32", td), 1, ""},
		{w("struct", "nf_conn", 0), 0, ""},
		{w("whatever", "nf_conn", 3), 0, ""},
		{w("func", "nf_foo_put", own), 0, ".BTF_ids+0x8: func nf_foo_put is ["},
		{w("struct", "nf_conn", conn+1), 1, "struct nf_conn is ["},
		{w("struct", "u32", td), 1, "struct u32 is ["},
		{w("func", "nf_foo_get", 1<<31), 0, "beyond the last id"},
	} {
		res := b.Judge(r, evidence.Module{Words: []evidence.Word{c.word}})
		got := res.Checks[evidence.IDs]
		if got.Looked != c.looked || (got.Hits > 0) != (c.text != "") {
			t.Errorf("%+v: %+v", c.word, got)
			continue
		}
		if c.text != "" && (!strings.Contains(got.First.Text, c.text) || got.First.Off != 8 || res.Conclusion != evidence.Contradicted) {
			t.Errorf("%+v: %+v", c.word, got.First)
		}
		if named := slices.Contains(res.Names(), "ids"); named != (c.looked > 0 && c.text == "") {
			t.Errorf("%+v: names %v", c.word, res.Names())
		}
	}
}

// The build sorts the ids of a set and leaves the symbols where they were.
func TestWordsOfSets(t *testing.T) {
	base := btftest.Kernel(btftest.Plain)
	s := module(base)
	get := s.ID(btf.Func, "nf_foo_get")
	put := s.Func("nf_foo_put", s.Proto(base.ID(btf.Int, "char")))
	b, r := on(t, base, s)
	word := func(name string, id btf.ID, set int) evidence.Word {
		return evidence.Word{ID: uint32(id), Kind: "func", Name: name, Set: set}
	}
	for _, c := range []struct {
		name  string
		words []evidence.Word
		hits  int
	}{
		{"in order", []evidence.Word{word("nf_foo_get", get, 0), word("nf_foo_put", put, 0)}, 0},
		{"sorted", []evidence.Word{word("nf_foo_put", get, 0), word("nf_foo_get", put, 0)}, 0},
		{"across sets", []evidence.Word{word("nf_foo_put", get, 0), word("nf_foo_get", put, 1)}, 2},
		{"a stranger", []evidence.Word{word("nf_foo_put", get, 0), word("nf_foo_get", get+1, 0)}, 1},
		{"alone", []evidence.Word{word("nf_foo_put", get, -1), word("nf_foo_get", put, -1)}, 2},
	} {
		res := b.Judge(r, evidence.Module{Words: c.words})
		if got := res.Checks[evidence.IDs]; got.Hits != c.hits {
			t.Errorf("%s: %+v", c.name, got)
		}
	}
}

// versioned is a fake kernel with struct modversion_info and a module with an
// array of it, as modpost writes into NAME.mod.c.
func versioned(v btftest.Variant, n uint32) (base, split *btftest.Builder) {
	base = btftest.Kernel(v)
	name := base.Array(base.ID(btf.Int, "char"), base.ID(btf.Int, "unsigned int"), 56)
	info := base.Struct("modversion_info", 64, btftest.M("crc", base.ID(btf.Int, "long unsigned int"), 0), btftest.M("name", name, 8))
	base.Struct("module_sect_attr", 64) // what a shift by one would hit
	split = base.Split()
	split.Array(split.Const(info), base.ID(btf.Int, "unsigned int"), n)
	return base, split
}

func TestVersions(t *testing.T) {
	for _, c := range []struct {
		name          string
		built, booted btftest.Variant
		n             uint32
		entries       int
		looked, hits  int
	}{
		{"own base", btftest.Plain, btftest.Plain, 7, 7, 1, 0},
		{"no __versions", btftest.Plain, btftest.Plain, 7, 0, 0, 0},
		{"another length", btftest.Plain, btftest.Plain, 7, 8, 1, 1},
		{"another struct", btftest.Grown, btftest.Plain, 7, 7, 1, 1},
	} {
		_, split := versioned(c.built, c.n)
		base, _ := versioned(c.booted, c.n)
		b, r := on(t, base, split)
		res := b.Judge(r, evidence.Module{Versions: c.entries})
		got := res.Checks[evidence.Versions]
		if got.Looked != c.looked || got.Hits != c.hits {
			t.Errorf("%s: %+v", c.name, got)
		}
		if c.hits > 0 && (res.Conclusion != evidence.Contradicted || !strings.Contains(got.First.Text, "modversion_info")) {
			t.Errorf("%s: %+v", c.name, got.First)
		}
		if named := slices.Contains(res.Names(), "versions"); named != (c.looked > c.hits) {
			t.Errorf("%s: names %v", c.name, res.Names())
		}
	}
}

// A base that has such an array itself can have swallowed the module's.
func TestVersionsNeedTheStructAlone(t *testing.T) {
	base, _ := versioned(btftest.Plain, 1)
	base.Array(base.Const(base.ID(btf.Struct, "modversion_info")), base.ID(btf.Int, "unsigned int"), 9)
	for _, b := range []*btftest.Builder{base, btftest.Kernel(btftest.Plain)} {
		x, r := on(t, b, b.Split())
		res := x.Judge(r, evidence.Module{Versions: 9})
		if got := res.Checks[evidence.Versions]; got.Looked != 0 || res.Conclusion != evidence.Silent {
			t.Errorf("%+v", got)
		}
	}
}

func TestDistilled(t *testing.T) {
	kernel := btftest.Kernel(btftest.Plain)
	b := evidence.Index(kernel.Parse())
	for _, c := range []struct {
		name string
		add  func(d *btftest.Builder)
		text string
	}{
		{"as the producer does", func(d *btftest.Builder) {
			d.Int("int", 4, btftest.Signed)
			d.Struct("net", 40)
			d.Enum("module_state", 4)
			d.Fwd("inode", false)
			d.Fwd("nf_conn", false) // full here
		}, ""},
		{"size of a struct is relocation's business", func(d *btftest.Builder) { d.Struct("net", 48) }, ""},
		{"unknown struct", func(d *btftest.Builder) { d.Struct("nf_gone", 40) }, "STRUCT nf_gone: of the distilled base, size 40, is not in the base"},
		{"another kind", func(d *btftest.Builder) { d.Union("net", 40) }, "UNION net"},
		{"another int", func(d *btftest.Builder) { d.Int("int", 4, btftest.Unsigned) }, "INT int"},
		{"no float here", func(d *btftest.Builder) { d.Float("float", 4) }, "FLOAT float"},
		{"another enum", func(d *btftest.Builder) { d.Enum64("module_state", 8) }, "ENUM64 module_state"},
		{"a pointer", func(d *btftest.Builder) { d.Ptr(0) }, "no kind for a distilled base"},
		{"nameless", func(d *btftest.Builder) { d.Struct("", 4) }, "has no name"},
	} {
		d := btftest.Base()
		c.add(d)
		s := d.Split()
		s.Func("foo", s.Proto(0))
		raw, err := btf.ParseSplit(s.Bytes(), d.Parse())
		if err != nil {
			t.Fatal(err)
		}
		res := b.Judge(raw, evidence.Module{})
		v := res.First()
		switch {
		case c.text == "" && (v != nil || res.Conclusion != evidence.Consistent):
			t.Errorf("%s: %v %+v", c.name, res.Conclusion, v)
		case c.text != "" && (v == nil || !strings.Contains(v.Text, c.text)):
			t.Errorf("%s: %+v, want %q", c.name, v, c.text)
		}
	}
}
