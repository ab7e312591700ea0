package elfx_test

import (
	"bytes"
	"testing"

	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/where"
)

// TestSplice: a section gets other content, shorter or longer, and all else of
// the file is as it was.
func TestSplice(t *testing.T) {
	for _, c := range []struct {
		is32, big bool
	}{{false, false}, {true, true}} {
		in := elftest.File{Is32: c.is32, BigEndian: c.big, Type: 2, Sections: []elftest.Section{
			{Name: ".text", Data: []byte("code")}, {Name: ".BTF", Data: []byte("0123456789")}, {Name: ".data", Data: []byte("data")}}}.Bytes()
		for _, content := range []string{"", "short", "9876543210", "longer than it was before"} {
			f, err := elfx.Parse(in)
			if err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := f.Splice(&out, ".BTF", []byte(content)); err != nil {
				t.Fatal(err)
			}
			g, err := elfx.Parse(out.Bytes())
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []struct{ name, data string }{{".text", "code"}, {".BTF", content}, {".data", "data"}} {
				got, err := g.Data(g.Section(want.name))
				if err != nil || string(got) != want.data {
					t.Errorf("%+v, %q: %s is %q, %v", c, content, want.name, got, err)
				}
			}
			if same := out.Len() == len(in); same != (len(content) <= 10) {
				t.Errorf("%q: %d bytes, were %d", content, out.Len(), len(in))
			}
		}
	}
}

// TestSpliceRefuses: what is linked already, or is missing.
func TestSpliceRefuses(t *testing.T) {
	linked := elftest.File{Type: 2, Sections: []elftest.Section{{Name: ".BTF", Flags: elfx.SHFAlloc, Data: []byte("x")}}}
	object := elftest.File{Sections: []elftest.Section{{Name: ".BTF", Flags: elfx.SHFAlloc, Data: []byte("x")}}}
	for _, c := range []struct {
		file elftest.File
		name string
		kind where.Kind
	}{{linked, ".BTF", where.Unsupported}, {linked, ".none", where.Malformed}} {
		f, err := elfx.Parse(c.file.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := f.Splice(&out, c.name, nil); where.KindOf(err) != c.kind || out.Len() != 0 {
			t.Errorf("%s: %v, %d bytes", c.name, err, out.Len())
		}
	}
	f, err := elfx.Parse(object.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Splice(&bytes.Buffer{}, ".BTF", []byte("y")); err != nil {
		t.Errorf("an object: %v", err)
	}
}
