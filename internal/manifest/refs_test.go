package manifest

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/document/documenttest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// sampleRefs belongs to sample and uses every field.
func sampleRefs(t testing.TB) *Refs {
	t.Helper()
	digest, err := sample().Digest()
	if err != nil {
		t.Fatal(err)
	}
	r := meaning.Refs{OwnTypes: true, OwnNames: true, Types: []btf.ID{1, 7, 8, 100799}, Embedded: []btf.ID{7}, IDs: []btf.ID{3, 9}}
	for i := range r.Names {
		r.Names[i] = []btf.StrOff{btf.StrOff(i + 1), 1794320}
	}
	return &Refs{Tool: "kpkg-btf 0.1.0", Manifest: digest, Release: "6.1.0-55-amd64", Arch: model.X8664,
		Modules: []ModuleRefs{{Path: "kernel/net/llc/llc.ko", Refs: r, UnsureIDs: true, Kfuncs: []string{"bpf_a"}}},
		Distilled: []DistilledRefs{{Path: "kernel/net/802/stp.ko", Outlines: []btf.ID{2, 5, 100799}, Embedded: []btf.ID{1, 3}, Inline: []btf.ID{3},
			IDs: []btf.ID{2}, UnsureIDs: true, Lists: []ListWord{{Name: "nf_conn", ID: 5}, {Name: "nf_conn", ID: 70}}, Kfuncs: []string{"bpf_a", "bpf_b"}}}}
}

func refsText(t testing.TB, x *Refs) []byte {
	t.Helper()
	b, err := MarshalRefs(x)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRefsRoundTrip(t *testing.T) {
	x := sampleRefs(t)
	x.Modules = append(x.Modules, ModuleRefs{Path: "extra/a.ko"})
	first := refsText(t, x)
	back, err := ReadRefs(first)
	if err != nil {
		t.Fatal(err)
	}
	x.Modules[0], x.Modules[1] = x.Modules[1], x.Modules[0] // sorted
	if !bytes.Equal(refsText(t, back), first) || !reflect.DeepEqual(back.Modules[1], x.Modules[1]) || back.Manifest != x.Manifest || back.Release != x.Release {
		t.Errorf("wrote %s\nread %+v", first, back)
	}
	if back.Of("kernel/net/llc/llc.ko") != &back.Modules[1] || back.Of("extra/b.ko") != nil {
		t.Error("Of")
	}
	want := `{"path":"kernel/net/llc/llc.ko","own_types":true,"own_names":true,"embedded":"7","types":"1 7 100791","ids":"3 6","unsure_ids":true,` +
		`"ident_names":"1 1794319","variable_names":"2 1794318","section_names":"3 1794317","tag_names":"4 1794316","any_names":"5 1794315","kfuncs":["bpf_a"]}`
	if plain, err := Plain(first); err != nil || !bytes.Contains(plain, []byte(want)) {
		t.Errorf("wrote %s\nwant %s", plain, want)
	}
}

func TestRefsCheck(t *testing.T) {
	if err := sampleRefs(t).Check(sample()); err != nil {
		t.Fatal(err)
	}
	other := sample()
	other.Release = "other"
	if err := sampleRefs(t).Check(other); where.KindOf(err) != where.Usage {
		t.Errorf("of another manifest: %v", err)
	}
	for want, spoil := range map[string]func(m *ModuleRefs){
		"no such module":   func(m *ModuleRefs) { m.Path = "kernel/net/802/stp.ko" },
		"id 100800":        func(m *ModuleRefs) { m.Types[3] = 100800 },
		"id 200000":        func(m *ModuleRefs) { m.IDs[1] = 200000 },
		"offset 1794321 i": func(m *ModuleRefs) { m.Names[4][1] = 1794321 },
	} {
		x := sampleRefs(t)
		spoil(&x.Modules[0])
		if err := x.Check(sample()); where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestRefsCheckDistilled(t *testing.T) {
	for want, spoil := range map[string]func(d *DistilledRefs){
		"no such module": func(d *DistilledRefs) { d.Path = "kernel/net/llc/llc.ko" },
		"id 100800":      func(d *DistilledRefs) { d.Outlines[2] = 100800 },
	} {
		x := sampleRefs(t)
		spoil(&x.Distilled[0])
		if err := x.Check(sample()); where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	for want, spoil := range map[string]func(d *DistilledRefs){
		"no outlines": func(d *DistilledRefs) { d.Outlines = nil },
		"beyond the ": func(d *DistilledRefs) { d.IDs[0] = 4 },
		" is held in": func(d *DistilledRefs) { d.Inline[0] = 2 },
	} {
		x := sampleRefs(t)
		if spoil(&x.Distilled[0]); !strings.Contains(x.Distilled[0].Fault(), want) {
			t.Errorf("%s: %q", want, x.Distilled[0].Fault())
		}
		if text, err := MarshalRefs(x); text != nil || where.KindOf(err) != where.Internal {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func TestMarshalRefsFaults(t *testing.T) {
	for want, spoil := range map[string]func(x *Refs){
		"no release":        func(x *Refs) { x.Release = "" },
		"no manifest":       func(x *Refs) { x.Manifest = [32]byte{} },
		"twice":             func(x *Refs) { x.Modules = append(x.Modules, x.Modules[0]) },
		"not clean":         func(x *Refs) { x.Modules[0].Path = "/a.ko" },
		"types: numbers th": func(x *Refs) { x.Modules[0].Types[0] = 0 },
		"embeds what":       func(x *Refs) { x.Modules[0].Embedded[0] = 6 },
		"section_names: nu": func(x *Refs) { x.Modules[0].Names[2][0] = 1794320 },
	} {
		x := sampleRefs(t)
		spoil(x)
		if text, err := MarshalRefs(x); text != nil || where.KindOf(err) != where.Internal || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

// plainRefs is the text within the frame.
func plainRefs(t testing.TB) []byte {
	t.Helper()
	plain, err := Plain(refsText(t, sampleRefs(t)))
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestReadRefsFaults(t *testing.T) {
	whole := plainRefs(t)
	if x, err := ReadRefs(documenttest.Edit(t, whole, `"types":"1 7 100791"`, `"later":[1],"types":"4294967295"`)); err != nil || x.Modules[0].Types[1] != 1<<32-1 {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		old, new string
		kind     where.Kind
		want     string
	}{
		{"refs/2.2", "refs/1.0", where.Unsupported, "refs document of version 1.0"},
		{"refs/2.2", "manifest/2.1", where.Malformed, "is not that of a refs document"},
		{`"release": "6.1.0-55-amd64",`, `"release": "",`, where.Malformed, "no release"},
		{`"types":"1 7 100791"`, `"types":""`, where.Malformed, "numbers from 1"},
		{`"types":"1 7 100791"`, `"types":"01"`, where.Malformed, "numbers from 1"},
		{`"types":"1 7 100791"`, `"types":"+1"`, where.Malformed, "numbers from 1"},
		{`"types":"1 7 100791"`, `"types":"1  1"`, where.Malformed, "numbers from 1"},
		{`"types":"1 7 100791"`, `"types":"1 1 "`, where.Malformed, "numbers from 1"},
		{`"types":"1 7 100791"`, `"types":[1]`, where.Malformed, "want a string"},
		{`"types":"1 7 100791"`, `"types":"7"`, where.Malformed, "embedded and is not"},
	} {
		x, err := ReadRefs(documenttest.Edit(t, whole, tt.old, tt.new))
		if x != nil || where.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v; want %q", tt.new, err, tt.want)
		}
	}
	if _, err := ReadRefs(bytes.Replace(whole, []byte(`"types":"1`), []byte(`"types":"2`), 1)); err == nil || !strings.Contains(err.Error(), "digest does not match") {
		t.Errorf("an edited text: %v", err)
	}
}

// References that are cut or changed anywhere are refused.
func TestReadRefsDamaged(t *testing.T) {
	whole := refsText(t, sampleRefs(t))
	for i := range whole {
		if x, err := ReadRefs(whole[:i]); x != nil || err == nil {
			t.Fatalf("cut at %d: %v, %v", i, x, err)
		}
		b := bytes.Clone(whole)
		b[i] ^= 1
		x, err := ReadRefs(b)
		if (x == nil) == (err == nil) {
			t.Fatalf("byte %d: %v, %v", i, x, err)
		}
		if x != nil && !bytes.Equal(refsText(t, x), whole) { // a bit that zstd does not use
			t.Fatalf("byte %d goes unseen", i)
		}
	}
}

// What is read is no larger than its text allows, whatever it looks like.
func TestReadRefsAllocatesByText(t *testing.T) {
	blanks := documenttest.Edit(t, plainRefs(t), `"types":"1`, `"types":"`+strings.Repeat(" ", 1<<20))
	res := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			if _, err := ReadRefs(blanks); err == nil {
				b.Fatal("blanks are no numbers")
			}
		}
	})
	if got := res.AllocedBytesPerOp(); got > int64(16*len(blanks)) {
		t.Errorf("%d bytes for a text of %d", got, len(blanks))
	}
}

func FuzzReadRefs(f *testing.F) {
	f.Add(refsText(f, sampleRefs(f)))
	f.Add(plainRefs(f))
	f.Add(zstdMagic)
	f.Fuzz(func(t *testing.T, data []byte) {
		checkRefs(t, data)
		checkRefs(t, documenttest.Resum(data)) // the digest would stop nearly every mutant
	})
}

func checkRefs(t *testing.T, data []byte) {
	x, err := ReadRefs(data)
	if (x == nil) == (err == nil) {
		t.Fatalf("references %v and error %v", x, err)
	}
	if err != nil {
		var e *where.Error
		packed := bytes.HasPrefix(data, zstdMagic) // its places are in the text within
		if !errors.As(err, &e) || !packed && (e.Off < 0 || e.Off > int64(len(data))) {
			t.Fatalf("error without a place: %v", err)
		}
		return
	}
	first := refsText(t, x)
	back, err := ReadRefs(first)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	if !bytes.Equal(refsText(t, back), first) {
		t.Fatalf("not canonical: %s", first)
	}
	back.Check(sample()) // must not panic
}
