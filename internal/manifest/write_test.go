package manifest

import (
	"bytes"
	"flag"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

var update = flag.Bool("update", false, "rewrite the golden file")

func text(t testing.TB, m *Manifest) []byte {
	t.Helper()
	b, err := Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestGolden(t *testing.T) {
	const name = "testdata/small.json"
	got := text(t, sample())
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("the canonical text changed (a new schema?):\n%s", got)
	}
	for _, name := range []string{name, "testdata/small-2.0.json"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Read(text); err != nil {
			t.Errorf("%s must stay readable: %v", name, err)
		}
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	want := text(t, sample())
	for seed := range uint64(20) {
		m, rnd := sample(), rand.New(rand.NewPCG(seed, 2))
		shuffle(rnd, m.Packages)
		shuffle(rnd, m.Abilities)
		shuffle(rnd, m.Config)
		shuffle(rnd, m.Modules)
		shuffle(rnd, m.BuiltIn)
		shuffle(rnd, m.Exports.Symbols)
		if !bytes.Equal(text(t, m), want) {
			t.Fatalf("order %d gives another text", seed)
		}
	}
}

func shuffle[T any](rnd *rand.Rand, s []T) {
	rnd.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

func TestMarshalDoesNotChangeItsArgument(t *testing.T) {
	m := sample()
	text(t, m)
	if !reflect.DeepEqual(m, sample()) {
		t.Error("changed")
	}
}

func TestRoundTrip(t *testing.T) {
	first := text(t, sample())
	m, err := Read(first)
	if err != nil {
		t.Fatal(err)
	}
	if again := text(t, m); !bytes.Equal(first, again) {
		t.Errorf("wrote\n%s\nread and wrote\n%s", first, again)
	}
	if d, err := sample().Digest(); err != nil || d != m.digest {
		t.Errorf("digest %x as made, %x as read, %v", d, m.digest, err)
	}
	want := sample()
	want.Packages = mergePackages(want.Packages)
	for _, p := range want.Packages {
		slices.Sort(p.Gives)
	}
	slices.SortFunc(want.Modules, func(a, b Module) int { return strings.Compare(a.Path, b.Path) })
	for i := range want.Modules {
		if g, w := &m.Modules[i], &want.Modules[i]; g.Path != w.Path || g.Vermagic != w.Vermagic || !reflect.DeepEqual(g.Signer, w.Signer) || g.SHA256 != w.SHA256 {
			t.Errorf("read %+v, want %+v", g, w)
		}
	}
	if !reflect.DeepEqual(m.Certs, want.Certs) || !reflect.DeepEqual(m.Base, want.Base) || len(m.Exports.Symbols) != 4 || m.Exports.Symbols[3].Namespace != "USB_STORAGE" {
		t.Errorf("read %+v", m)
	}
	var w bytes.Buffer
	if err := Write(&w, m); err != nil || !bytes.Equal(w.Bytes(), first) {
		t.Errorf("Write gives another text than Marshal, %v", err)
	}
}

func TestTextIsSafeToShow(t *testing.T) {
	for i, b := range text(t, sample()) {
		if b < 0x20 && b != '\n' && b != '\t' || b == 0x7f {
			t.Fatalf("byte 0x%02x at %d", b, i)
		}
	}
	if strings.ContainsRune(string(text(t, sample())), '\u202e') {
		t.Error("a bidirectional mark is written as it is")
	}
}

func TestContentDigest(t *testing.T) {
	digest := func(change func(*Manifest)) [32]byte {
		m := sample()
		change(m)
		d, err := m.ContentDigest()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	want := digest(func(*Manifest) {})
	if digest(func(m *Manifest) { m.Packages = nil; m.Tool = "other 2" }) != want {
		t.Error("packages or tool are in the digest")
	}
	for name, change := range map[string]func(*Manifest){
		"release":  func(m *Manifest) { m.Release += "x" },
		"base":     func(m *Manifest) { m.Base.Size++ },
		"module":   func(m *Manifest) { m.Modules[1].IDs.Words++ },
		"signer":   func(m *Manifest) { m.Modules[0].Signer = &Signer{KeyID: "1"} },
		"vermagic": func(m *Manifest) { m.Modules[3].Vermagic = "x" },
		"symbol":   func(m *Manifest) { m.Exports.Symbols[0].CRC-- },
		"builtin":  func(m *Manifest) { m.BuiltIn = nil },
	} {
		if digest(change) == want {
			t.Errorf("%s is not in the digest", name)
		}
	}
}

// The digest of the document covers packages but not the tool.
func TestDocumentDigest(t *testing.T) {
	line := func(m *Manifest) string { return strings.Split(string(text(t, m)), "\n")[3] }
	want := line(sample())
	m := sample()
	m.Tool = "kpkg-btf 9.9"
	if line(m) != want {
		t.Error("the tool is in the digest")
	}
	m.Packages[0].Version += "x"
	if line(m) == want {
		t.Error("the packages are not in the digest")
	}
}

func TestMarshalRefuses(t *testing.T) {
	for name, change := range map[string]func(*Manifest){
		"no release":             func(m *Manifest) { m.Release = "" },
		"scope: \"all\"":         func(m *Manifest) { m.Scope = "all" },
		"twice":                  func(m *Manifest) { m.Modules = append(m.Modules, m.Modules[0]) },
		"not clean":              func(m *Manifest) { m.Modules[0].Path = "/lib/x.ko" },
		"no checksum":            func(m *Manifest) { m.Modules[0].SHA256 = [32]byte{} },
		"out of range":           func(m *Manifest) { m.Modules[0].Size = -1 },
		"none of its words":      func(m *Manifest) { m.Modules[0].BTF.Kind = "" },
		"kind split":             func(m *Manifest) { m.Modules[0].BTF.BaseSize = 1 },
		"kind none":              func(m *Manifest) { m.Modules[3].BTF.Size = 1 },
		"kind distilled":         func(m *Manifest) { m.Modules[1].BTF.BaseSHA256 = [32]byte{} },
		"empty signer":           func(m *Manifest) { m.Modules[0].Signer = &Signer{} },
		"symbols: \"x\" is none": func(m *Manifest) { m.Exports.Symbols[0].Export = "x" },
		"no owner":               func(m *Manifest) { m.Exports.Symbols[0].Owner = "" },
		"without a source":       func(m *Manifest) { m.Exports.Source = "" },
		"unknown answer":         func(m *Manifest) { m.Abilities[0].Is = 9 },
		"base without":           func(m *Manifest) { m.Base.SHA256 = [32]byte{} },
	} {
		m := sample()
		change(m)
		b, err := Marshal(m)
		if b != nil || where.KindOf(err) != where.Internal || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := m.ContentDigest(); err == nil {
			t.Errorf("%s: has a content digest", name)
		}
	}
}

func TestSharedVermagicIsTheCommonOne(t *testing.T) {
	magic := func(vs ...string) string {
		var ms []Module
		for _, v := range vs {
			ms = append(ms, Module{Vermagic: v})
		}
		a := sharedVermagic(ms)
		slices.Reverse(ms)
		if b := sharedVermagic(ms); a != b {
			t.Errorf("%q: %q or %q by order", vs, a, b)
		}
		return a
	}
	for want, vs := range map[string][]string{"a": {"b", "a", "a"}, "b": {"c", "b"}, "": {"", "x"}, "x": {"x", "", "x"}} {
		if got := magic(vs...); got != want {
			t.Errorf("%q: %q, want %q", vs, got, want)
		}
	}
}

func sharedVermagic(list []Module) string {
	vermagic, _ := shared(list)
	return vermagic
}
