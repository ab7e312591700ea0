package modfile_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/btftest"
	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/elfx"
	"kpkg-btf/internal/elfx/elftest"
	"kpkg-btf/internal/kmod/kmodtest"
	"kpkg-btf/internal/modsig/modsigtest"
	"kpkg-btf/internal/repair/modfile"
	"kpkg-btf/internal/where"
)

func refused(t *testing.T, what string, r *modfile.Result, err error, kind where.Kind, want string) {
	t.Helper()
	if r != nil || where.KindOf(err) != kind || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: %v, %v; want %s %q", what, r != nil, err, kind, want)
	}
}

func TestRefusals(t *testing.T) {
	k := newKernel(false)
	in := k.module().Bytes()
	signed := modsigtest.NewKey("key").Sign(in)
	r, err := modfile.Strip(signed, modfile.StripOptions{})
	refused(t, "signed", r, err, where.Internal, "signature was not split off")
	r, err = modfile.Strip([]byte("no module"), modfile.StripOptions{})
	refused(t, "text", r, err, where.Malformed, "not a kernel module")

	m := k.module()
	m.StripIDs = true
	r, err = modfile.Strip(m.Bytes(), modfile.StripOptions{})
	refused(t, "ids without symbols", r, err, where.Unsupported, ".BTF_ids+0x0: no symbol tells what the id")
	if where.HintOf(err) == "" {
		t.Error("no hint")
	}
	var d modfile.Distiller
	r, err = d.Distill(m.Bytes(), modfile.DistillOptions{Base: k.raw})
	refused(t, "ids without symbols", r, err, where.Unsupported, "no symbol tells")

	// A set that holds a type of the base which the split does not reach.
	m = k.module()
	m.IDs = []kmodtest.IDList{{Set: "s", Set8: true, Words: []kmodtest.ID{{Kind: "func", Name: "f", ID: uint32(k.init)}}}}
	r, err = d.Distill(m.Bytes(), modfile.DistillOptions{Base: k.raw})
	refused(t, "set of the base", r, err, where.Unsupported, "set s holds id")

	// BTF that names nothing of its base.
	m = k.module()
	s := btftest.Base()
	s.Int("int", 4, 1)
	bare := s.Split()
	bare.Ptr(0)
	m.BTF, m.IDs = bare.Bytes(), nil
	r, err = d.Distill(m.Bytes(), modfile.DistillOptions{Base: s.Parse()})
	refused(t, "empty base", r, err, where.Unsupported, "would be empty")
	if !errors.Is(err, distill.ErrEmpty) {
		t.Error("not ErrEmpty")
	}

	// A layout that no writer leaves: stripping refuses, neutralizing does not.
	odd := slices.Clone(in)
	f, err := elfx.Parse(odd)
	if err != nil {
		t.Fatal(err)
	}
	text := f.Section(".text")
	odd[gapAfter(t, f)] = 0xcc
	r, err = modfile.Strip(odd, modfile.StripOptions{})
	refused(t, "gap", r, err, where.Unsupported, "a byte of 0xcc between sections")
	if !strings.Contains(where.HintOf(err), "neutralizing") {
		t.Errorf("hint %q", where.HintOf(err))
	}
	n, err := modfile.Strip(odd, modfile.StripOptions{Neutralize: true})
	if err != nil || !n.Changed || text == nil {
		t.Errorf("neutralized: %v", err)
	}

	// .BTF that is loaded is no module's.
	m = k.module()
	m.BTF = nil
	m.Sections = []elftest.Section{{Name: ".BTF", Flags: elfx.SHFAlloc, Data: k.split}}
	r, err = modfile.Strip(m.Bytes(), modfile.StripOptions{Neutralize: true})
	refused(t, "loaded", r, err, where.Unsupported, "SHF_ALLOC")
	r, err = modfile.Strip(m.Bytes(), modfile.StripOptions{})
	refused(t, "loaded", r, err, where.Unsupported, "SHF_ALLOC")
}

// gapAfter finds a byte between two sections.
func gapAfter(t *testing.T, f *elfx.File) int {
	t.Helper()
	for i := 1; i+1 < len(f.Sections); i++ {
		a, b := &f.Sections[i], &f.Sections[i+1]
		if a.HasData() && a.Off+a.Size < b.Off {
			return int(a.Off + a.Size)
		}
	}
	t.Fatal("no gap")
	return 0
}

// TestTwoSections: all of a name go, and the kernel's is the first.
func TestTwoSections(t *testing.T) {
	k := newKernel(false)
	m := k.module()
	m.BTFBase = []byte{}
	m.Sections = []elftest.Section{{Name: ".BTF", Data: []byte("second")}}
	in := objcopy(t, m.Bytes())
	for _, o := range []modfile.StripOptions{{}, {Neutralize: true}} {
		r, err := modfile.Strip(in, o)
		if err != nil {
			t.Fatal(err)
		}
		if f := parse(t, r.Data); f.BTF.Len() != 0 || f.BTFBase.Len() != 0 || bytes.Contains(r.Data, []byte("second")) {
			t.Errorf("%+v: BTF %q", o, f.BTF.Bytes())
		}
	}
}

// TestWithout: what has no BTF keeps what it has, stale words excepted, and is
// not marked: its BTF was not removed here.
func TestWithout(t *testing.T) {
	k := newKernel(false)
	m := k.module()
	m.BTF = nil
	r, err := modfile.Strip(m.Bytes(), modfile.StripOptions{Base: &testBase})
	if err != nil || !r.Changed || len(r.Words) != 7 || parse(t, r.Data).Stamp != nil {
		t.Errorf("%v, %+v", err, r)
	}
	m.IDs = nil
	in := m.Bytes()
	var d modfile.Distiller
	for name, do := range map[string]func() (*modfile.Result, error){
		"strip":      func() (*modfile.Result, error) { return modfile.Strip(in, modfile.StripOptions{}) },
		"neutralize": func() (*modfile.Result, error) { return modfile.Strip(in, modfile.StripOptions{Neutralize: true}) },
		"distill":    func() (*modfile.Result, error) { return d.Distill(in, modfile.DistillOptions{Base: k.raw}) },
		"stamp":      func() (*modfile.Result, error) { return modfile.Stamp(in, testBase, stamp.Asserted) },
	} {
		r, err := do()
		if err != nil || r.Changed || &r.Data[0] != &in[0] || r.Before != r.After {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
}

// TestRestamped: what is distilled or stripped does not keep an older stamp.
func TestRestamped(t *testing.T) {
	k := newKernel(false)
	m := k.module()
	m.Stamp = stamp.Of(testBase, stamp.Asserted, m.BTF, nil).Bytes()
	in := m.Bytes()
	var d modfile.Distiller
	r, err := d.Distill(in, modfile.DistillOptions{Base: k.raw})
	if err != nil || parse(t, r.Data).Stamp != nil {
		t.Errorf("distilled: %v", err)
	}
	r, err = modfile.Strip(in, modfile.StripOptions{NoMark: true})
	if err != nil || parse(t, r.Data).Stamp != nil {
		t.Errorf("stripped without a mark: %v", err)
	}
	r, err = modfile.Strip(in, modfile.StripOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if s, err := stamp.Parse(parse(t, r.Data).Stamp); err != nil || s.Left != stamp.Stripped || *s.Base != testBase {
		t.Errorf("stripped: %v, %+v", err, s)
	}
}

// TestCompare: every change that is not permitted is seen.
func TestCompare(t *testing.T) {
	k := newKernel(false)
	in := objcopy(t, k.module().Bytes())
	r, err := modfile.Strip(in, modfile.StripOptions{})
	if err != nil {
		t.Fatal(err)
	}
	free := 0
	for at := range r.Data {
		bad := slices.Clone(r.Data)
		bad[at] ^= 0x41
		if _, err := modfile.Compare(in, bad); err != nil {
			continue
		}
		if !mayDiffer(t, r.Data, at) {
			t.Errorf("a change at 0x%x is not seen", at)
		}
		free++
	}
	if free == 0 || free > len(r.Data)/4 {
		t.Errorf("%d of %d bytes are free", free, len(r.Data))
	}
	if _, err := modfile.Compare(r.Data, in); err != nil {
		t.Errorf("the other way round: %v", err)
	}
	stranger := objcopy(t, kmodtest.Module{BTF: []byte("x")}.Bytes())
	if _, err := modfile.Compare(in, stranger); err == nil {
		t.Error("another module is the same")
	}
}

// mayDiffer says that an offset lies in a permitted section, in the unused
// part of the name table, between sections, or is a place of one of those in
// its header.
func mayDiffer(t *testing.T, data []byte, at int) bool {
	t.Helper()
	f, err := elfx.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	off := uint64(at)
	if off >= f.Shoff {
		s := &f.Sections[(off-f.Shoff)/64]
		field := (off - f.Shoff) % 64
		switch {
		case s.Index == 0:
			return true // nothing reads it
		case s.Name == ".BTF_ids" || s.Name == stamp.Section:
			return field >= 24 && field < 40 // place and size
		case s.Type == elfx.SHTNobits, s.Size == 0:
			return field >= 24 && field < 32
		}
		return field < 4 || field >= 24 && field < 32 // the name or content elsewhere is the same
	}
	for i := 1; i < len(f.Sections); i++ {
		if s := &f.Sections[i]; s.HasData() && off >= s.Off && off < s.Off+s.Size {
			return s.Name == ".BTF_ids" || s.Name == stamp.Section || s.Index == f.Shstrndx
		}
	}
	return off >= 64
}

// FuzzRepair strips, neutralizes and distils arbitrary modules: a result that
// holds up to its own promises, or an error.
func FuzzRepair(f *testing.F) {
	k := newKernel(false)
	f.Add(k.module().Bytes())
	big := newKernel(true)
	m := big.module()
	m.BigEndian, m.Machine = true, 22
	f.Add(m.Bytes())
	m = k.module()
	m.Is32, m.Machine, m.Debug = true, 40, true
	f.Add(m.Bytes())
	f.Fuzz(func(t *testing.T, data []byte) {
		before := bytes.Clone(data)
		var d modfile.Distiller
		base, _ := btf.Parse(k.base)
		for _, do := range []func() (*modfile.Result, error){
			func() (*modfile.Result, error) { return modfile.Strip(data, modfile.StripOptions{Base: &testBase}) },
			func() (*modfile.Result, error) { return modfile.Strip(data, modfile.StripOptions{Neutralize: true}) },
			func() (*modfile.Result, error) { return d.Distill(data, modfile.DistillOptions{Base: base}) },
			func() (*modfile.Result, error) { return modfile.Stamp(data, testBase, stamp.Asserted) },
		} {
			r, err := do()
			if (r == nil) == (err == nil) {
				t.Fatal("result and error", r, err)
			}
			if !bytes.Equal(before, data) {
				t.Fatal("the input was modified")
			}
			if err != nil {
				if where.KindOf(err) == where.Internal && strings.Contains(err.Error(), "verification") {
					t.Fatal(err)
				}
				continue
			}
			if r.Changed == bytes.Equal(r.Data, data) {
				t.Fatal("changed:", r.Changed)
			}
		}
	})
}

// TestProven: bytes that were proven before are taken by their digest, others
// are compared as ever.
func TestProven(t *testing.T) {
	k := newKernel(false)
	m := k.module()
	in := m.Bytes()
	first, err := modfile.Strip(in, modfile.StripOptions{Base: &testBase})
	if err != nil || !first.Changed || len(first.Sections) == 0 {
		t.Fatalf("%+v, %v", first, err)
	}
	for _, c := range []struct {
		proven   [32]byte
		sections int
	}{{first.After, 0}, {first.Before, len(first.Sections)}} {
		m, err := modfile.Again(in, first.Before, c.proven)
		if err != nil {
			t.Fatal(err)
		}
		used := make([]byte, 1<<16) // of earlier use
		for i := range used {
			used[i] = 0xee
		}
		m.Room = func(n int) []byte { return used[:n] }
		r, err := m.Strip(modfile.StripOptions{Base: &testBase})
		if &r.Data[0] != &used[0] {
			t.Error("the memory given was not used")
		}
		if err != nil || !r.Changed || r.After != first.After || !bytes.Equal(r.Data, first.Data) || len(r.Sections) != c.sections {
			t.Errorf("proven %x: %d sections, %x, %v", c.proven[:4], len(r.Sections), r.After[:4], err)
		}
	}
}
