package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"kpkg-btf/internal/document"
	"kpkg-btf/internal/document/documenttest"
	"kpkg-btf/internal/where"
)

// seal writes a document that says what a Go type would not, with a digest
// that is right: the members of doc, by their json tags.
func seal(t testing.TB, schema string, doc any) []byte {
	t.Helper()
	text, _, err := document.Marshal(schema, "t", doc)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestReadSmallest(t *testing.T) {
	m, err := Read(seal(t, Schema, struct {
		Release string `json:"release"`
		Scope   string `json:"scope"`
	}{"r", "full"}))
	if err != nil || m.Release != "r" || m.Scope != Full || m.Tool != "t" || m.BuiltIn != nil || m.Exports != nil {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestReadFaults(t *testing.T) {
	whole := text(t, sample())
	tests := []struct {
		name, old, new string
		at             string // the error is where this begins in the text; "" for anywhere
		want           string
	}{
		{"no kind", `"kind":"none"`, `"kind":"some"`, `"some"`, `modules.btf.kind: "some" is a word that this version does not know`},
		{"negative", `"size":30000`, `"size":-1`, "", "modules: number out of range"},
		{"null", `"size":30000`, `"size":null`, "null", "modules.size: want an integer"},
		{"certificate", `"der_b64":"Y2VydP8="`, `"der_b64":"Y2VydO8="`, "", "certs: a certificate that is not the one of its checksum"},
		{"signer", `"signer":1`, `"signer":3`, "", "signer 3 of 2"},
		{"bad path", `"kernel/fs/ext4/ext4.ko"`, `"kernel/../x"`, "", "not clean"},
		{"order", `"kernel/fs/ext4/ext4.ko"`, `"zzz"`, `"kernel/lib/crc32.ko"`, "not in order"},
		{"twice", `["kmalloc",`, `["bhb_loop",`, `["bhb_loop","vmlinux","any"`, `exports.symbols: "bhb_loop" twice`},
		{"symbol short", `["kmalloc","vmlinux","any",19088743]`, `["kmalloc","vmlinux","any"]`, `["kmalloc"`, "3 values, crc is missing"},
		{"crc", `19088743`, `4294967296`, "4294967296", "want an integer from 0 that fits"},
		{"no source", `"source": "Module.symvers"`, `"source": ""`, "", "symbols without a source"},
		{"no release", `"release": "6.1.0-55-amd64",`, ``, "", "release is missing"},
		{"scope", `"scope": "full"`, `"scope": "half"`, `"half"`, `scope: "half" is a word`},
		{"module without sum", `"sha256":"` + hex.EncodeToString(sumOf("llc")) + `",`, "", `{"path":"kernel/net/llc`, "modules.sha256 is missing"},
	}
	for _, tt := range tests {
		edited := documenttest.Edit(t, whole, tt.old, tt.new)
		m, err := Read(edited)
		var e *where.Error
		if m != nil || !errors.As(err, &e) {
			t.Errorf("%s: %v, %v", tt.name, m, err)
			continue
		}
		if e.Kind != where.Malformed && e.Kind != where.Unsupported || !strings.Contains(e.Msg, tt.want) {
			t.Errorf("%s: %v: %v; want %q", tt.name, e.Kind, e, tt.want)
		}
		if at := bytes.Index(edited, []byte(tt.at)); tt.at != "" && e.Off != int64(at) {
			t.Errorf("%s: at %d, want %d: %v", tt.name, e.Off, at, e)
		}
	}
	if _, err := Read(documenttest.Edit(t, whole, `"signer":1`, `"later":[1],"signer":1`)); err != nil {
		t.Errorf("a member of a later version: %v", err)
	}
}

func sumOf(s string) []byte { x := sum(s); return x[:] }

// stride keeps the tests below quick: each byte of the head, then some.
func stride(i int) int {
	if i < 400 {
		return i + 1
	}
	return i + 7
}

// A manifest that is cut anywhere is refused, with a place in it.
func TestReadTruncated(t *testing.T) {
	whole := text(t, sample())
	for cut := 0; cut < len(whole); cut = stride(cut) {
		m, err := Read(whole[:cut])
		var e *where.Error
		if m != nil || !errors.As(err, &e) || e.Kind != where.Malformed || e.Off < 0 || e.Off > int64(cut) {
			t.Fatalf("cut at %d: %v, %v", cut, m, err)
		}
	}
}

// A manifest with any bit changed is refused, outside of the tool's version.
func TestReadFlipped(t *testing.T) {
	whole := text(t, sample())
	tool := bytes.Index(whole, []byte("kpkg-btf 0.1.0"))
	for i := 0; i < len(whole); i = stride(i) {
		if i >= tool && i < tool+len("kpkg-btf 0.1.0") {
			continue
		}
		b := bytes.Clone(whole)
		b[i] ^= 1
		if m, err := Read(b); m != nil || err == nil {
			t.Fatalf("byte %d (%q to %q) goes unseen", i, whole[i], b[i])
		}
	}
}

func TestReadHintsAtLineEnds(t *testing.T) {
	_, err := Read(bytes.ReplaceAll(text(t, sample()), []byte("\n"), []byte("\r\n")))
	if !strings.Contains(where.HintOf(err), "autocrlf") {
		t.Errorf("%v, hint %q", err, where.HintOf(err))
	}
}

func FuzzRead(f *testing.F) {
	f.Add(text(f, sample()))
	f.Fuzz(func(t *testing.T, data []byte) {
		check(t, data)
		check(t, documenttest.Resum(data)) // the digest would stop nearly every mutant
	})
}

func check(t *testing.T, data []byte) {
	m, err := Read(data)
	if (m == nil) == (err == nil) {
		t.Fatalf("manifest %v and error %v", m, err)
	}
	if err != nil {
		var e *where.Error
		packed := bytes.HasPrefix(data, zstdMagic) // its places are in the text within
		if !errors.As(err, &e) || !packed && (e.Off < 0 || e.Off > int64(len(data))) {
			t.Fatalf("error without a place: %v", err)
		}
		return
	}
	first, err := Marshal(m)
	if err != nil {
		t.Fatalf("what was read cannot be written: %v", err)
	}
	m2, err := Read(first)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v", err)
	}
	second, err := Marshal(m2)
	if err != nil || !bytes.Equal(first, second) {
		t.Fatalf("wrote\n%s\nthen\n%s, %v", first, second, err)
	}
}
