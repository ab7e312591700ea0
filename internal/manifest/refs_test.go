package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
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
		Modules: []ModuleRefs{{Path: "kernel/net/llc/llc.ko", Refs: r, UnsureIDs: true}}}
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
		`"ident_names":"1 1794319","variable_names":"2 1794318","section_names":"3 1794317","tag_names":"4 1794316","any_names":"5 1794315"}`
	if !bytes.Contains(first, []byte(want)) {
		t.Errorf("wrote %s\nwant %s", first, want)
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

func TestMarshalRefsFaults(t *testing.T) {
	for want, spoil := range map[string]func(x *Refs){
		"no release":        func(x *Refs) { x.Release = "" },
		"no manifest":       func(x *Refs) { x.Manifest = [32]byte{} },
		"twice":             func(x *Refs) { x.Modules = append(x.Modules, x.Modules[0]) },
		"not clean":         func(x *Refs) { x.Modules[0].Path = "/a.ko" },
		"ids that do not":   func(x *Refs) { x.Modules[0].Types[0] = 0 },
		"embeds what":       func(x *Refs) { x.Modules[0].Embedded[0] = 6 },
		"string offsets th": func(x *Refs) { x.Modules[0].Names[2][0] = 1794320 },
	} {
		x := sampleRefs(t)
		spoil(x)
		if text, err := MarshalRefs(x); text != nil || where.KindOf(err) != where.Internal || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func refsDoc(module string) []byte {
	return sealed(RefsSchema, fmt.Sprintf("\"manifest\": %q,\n\"release\": \"r\",\n\"modules\": [\n{\"path\":\"a.ko\"%s}\n]\n}\n", strings.Repeat("1", 64), module))
}

func TestReadRefsFaults(t *testing.T) {
	if x, err := ReadRefs(refsDoc(`,"later":[1],"types":"4294967295"`)); err != nil || x.Modules[0].Types[0] != 1<<32-1 {
		t.Fatal(err)
	}
	tests := []struct {
		text []byte
		kind where.Kind
		want string
	}{
		{nil, where.Malformed, "truncated"},
		{text(t, sample()), where.Malformed, "is not that of a record of references"},
		{sealed("kpkg-btf/refs/2.0", "\"release\": \"r\"\n}\n"), where.Unsupported, "record of references of version 2.0"},
		{sealed("kpkg-btf/refs/1.1", "\"must_understand\": [\"modules.x\"],\n\"modules\": [{\"path\":\"a\",\"x\":1}]\n}\n"), where.Unsupported, `"modules.x" must be understood`},
		{bytes.Replace(refsDoc(""), []byte(`"r"`), []byte(`"s"`), 1), where.Malformed, "digest does not match"},
		{sealed(RefsSchema, "\"release\": \"r\"\n}\n"), where.Malformed, "no manifest that it belongs to"},
		{refsDoc(`,"types":""`), where.Malformed, "numbers from 1"},
		{refsDoc(`,"types":"1 0"`), where.Malformed, "numbers from 1"},
		{refsDoc(`,"types":"01"`), where.Malformed, "numbers from 1"},
		{refsDoc(`,"types":"+1"`), where.Malformed, "numbers from 1"},
		{refsDoc(`,"types":"-1"`), where.Malformed, "numbers from 1"},
		{refsDoc(`,"types":"1  1"`), where.Malformed, "numbers from 1"},
		{refsDoc(`,"types":"1 1 "`), where.Malformed, "numbers from 1"},
		{refsDoc(`,"types":"4294967295 1"`), where.Malformed, "numbers from 1"},
		{refsDoc(`,"types":"4294967296"`), where.Malformed, "numbers from 1"},
		{refsDoc(`,"types":[1]`), where.Malformed, "want a string of numbers"},
		{refsDoc(`,"ids_b64":"1"`), where.Malformed, "is not text"},
		{refsDoc(`,"types":"3","embedded":"3"`), where.Malformed, "ids that do not ascend"},
		{refsDoc(`,"types":"3","types":"3"`), where.Malformed, "twice"},
		{refsDoc("},\n{\"path\":\"a.ko\""), where.Malformed, "twice"},
	}
	for _, tt := range tests {
		x, err := ReadRefs(tt.text)
		if x != nil || where.KindOf(err) != tt.kind || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%.200s: %v; want %q", tt.text, err, tt.want)
		}
	}
}

// References that are cut or changed anywhere are refused.
func TestReadRefsDamaged(t *testing.T) {
	whole := refsText(t, sampleRefs(t))
	tool := bytes.Index(whole, []byte("kpkg-btf 0.1.0"))
	for i := range whole {
		if x, err := ReadRefs(whole[:i]); x != nil || err == nil {
			t.Fatalf("cut at %d: %v, %v", i, x, err)
		}
		b := bytes.Clone(whole)
		b[i] ^= 1
		if x, err := ReadRefs(b); x != nil && (i < tool || i >= tool+len("kpkg-btf 0.1.0")) || x == nil && err == nil {
			t.Fatalf("byte %d goes unseen", i)
		}
	}
}

// What is read is no larger than its text allows, whatever it looks like.
func TestReadRefsAllocatesByText(t *testing.T) {
	blanks := refsDoc(`,"types":"` + strings.Repeat(" ", 1<<20) + `"`)
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
	f.Add(refsDoc(`,"later":[1],"types":"4294967295","embedded":"3 2"`))
	f.Fuzz(func(t *testing.T, data []byte) {
		checkRefs(t, data)
		if _, rest, ok := bytes.Cut(data, []byte("\"digest\": \"")); ok {
			if _, body, ok := bytes.Cut(rest, []byte("\",\n")); ok {
				checkRefs(t, sealed(RefsSchema, string(body)))
			}
		}
	})
}

func checkRefs(t *testing.T, data []byte) {
	x, err := ReadRefs(data)
	if (x == nil) == (err == nil) {
		t.Fatalf("references %v and error %v", x, err)
	}
	if err != nil {
		var e *where.Error
		if !errors.As(err, &e) || e.Off < 0 || e.Off > int64(len(data)) {
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
