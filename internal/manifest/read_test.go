package manifest

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

// sealed puts a document together: the given schema and body with a digest
// that is right. body begins after the line of the digest.
func sealed(schema, body string) []byte {
	sum := bodyDigest(schema, []byte(body))
	return fmt.Appendf(nil, "{\n\"schema\": %q,\n\"tool\": \"t\",\n\"digest\": \"sha256:%s\",\n%s",
		schema, hex.EncodeToString(sum[:]), body)
}

const smallest = "\"release\": \"r\",\n\"scope\": \"full\"\n}\n"

func TestReadSmallest(t *testing.T) {
	m, err := Read(sealed(Schema, smallest))
	if err != nil || m.Release != "r" || m.Scope != Full || m.Tool != "t" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestReadVersions(t *testing.T) {
	later := "\"must_understand\": [\"modules.refs\",\"later\"],\n\"future\": {\"a\":[1,{\"b\":null}],\"c\":true},\n" + smallest
	if _, err := Read(sealed("kpkg-btf/manifest/1.7", later)); err != nil {
		t.Errorf("a later minor version: %v", err)
	}
	tests := []struct{ schema, body, want string }{
		{"kpkg-btf/manifest/2.0", smallest, "manifest of version 2.0"},
		{"kpkg-btf/manifest/1.1", "\"must_understand\": [\"future\"],\n\"future\": 1,\n" + smallest, `field "future" must be understood`},
		{"kpkg-btf/manifest/1.1", "\"must_understand\": [\"image.x\"],\n\"image\": {\"x\":1},\n" + smallest, `field "image.x" must be understood`},
	}
	for _, tt := range tests {
		_, err := Read(sealed(tt.schema, tt.body))
		if where.KindOf(err) != where.Unsupported || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.want, err)
		}
	}
}

func TestReadFaults(t *testing.T) {
	digits := strings.Repeat("1", 400)
	body := func(s string) []byte { return sealed(Schema, s+smallest) }
	mod := func(s string) []byte {
		return body("\"modules\": [\n{\"path\":\"a.ko\",\"name\":\"a\",\"sha256\":\"" + strings.Repeat("1", 64) + "\"" + s + "}\n],\n")
	}
	tests := []struct {
		name string
		text []byte
		at   string // the error is where this begins in the text; "" for anywhere
		want string
	}{
		{"empty", nil, "", "truncated"},
		{"other document", []byte(`{"a":1}`), `"a"`, "does not begin with its schema"},
		{"other kind", sealed("kpkg-btf/decision/1.0", smallest), `"kpkg-btf/d`, "is not that of a manifest"},
		{"no version", sealed("kpkg-btf/manifest/one", smallest), `"kpkg-btf/m`, "has no version"},
		{"no digest", []byte("{\"schema\": \"" + Schema + "\"}"), "{", "no digest"},
		{"late digest", []byte("{\"schema\": \"" + Schema + "\",\"release\":\"r\"}"), `"release"`, "before the digest"},
		{"short digest", []byte("{\"schema\": \"" + Schema + "\",\n\"digest\": \"sha256:00\",\n}"), `"sha256:`, "64 hexadecimal digits"},
		{"wrong digest", bytes.Replace(body(""), []byte(`"r"`), []byte(`"s"`), 1), `"sha256:`, "digest does not match"},
		{"wrong schema", bytes.Replace(body(""), []byte("1.0"), []byte("1.1"), 1), `"sha256:`, "digest does not match"},
		{"array", []byte("[]"), "[]", "want '{'"},
		{"after the end", append(body(""), "x"...), "", "data after"},
		{"not utf-8", append(body(""), 0xff), "\xff", "not UTF-8"},
		{"member twice", body("\"release\": \"x\",\n"), `"release": "r"`, `member "release" twice`},
		{"unknown twice", body("\"x\": {\"y\":1,\"y\":2},\n"), `"y":2`, `member "y" twice`},
		{"b64 twice", body("\"release_b64\": \"/w==\",\n"), `"release": "r"`, `member "release" twice`},
		{"deep", body("\"x\": " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + ",\n"), "", "nested more than"},
		{"fraction", mod(`,"size":1.5`), "1.5", "not an integer"},
		{"exponent", mod(`,"size":1e9`), "1e9", "not an integer"},
		{"negative", mod(`,"size":-1`), "-1", "not an integer"},
		{"huge", mod(`,"size":` + digits), digits, "not an integer"},
		{"over 2^53", mod(`,"size":9007199254740992`), "9007199254740992", "not an integer"},
		{"huge unknown", body("\"x\": " + digits + ",\n"), digits, "not an integer"},
		{"string for number", mod(`,"size":"1"`), `"1"`, "want an integer"},
		{"null", mod(`,"size":null`), "null", "want an integer"},
		{"number for string", mod(`,"srcversion":1`), "1}\n]", "want a string"},
		{"string for flag", mod(`,"intree":"x"`), `"x"`, "want true or false"},
		{"upper-case sum", mod(`,"btf":{"sha256":"` + strings.Repeat("A", 64) + `"}`), `"AAA`, "hexadecimal"},
		{"short sum", mod(`,"btf":{"sha256":"aa"}`), `"aa"`, "hexadecimal"},
		{"no kind", mod(``), `{"path":`, "unknown kind of btf"},
		{"not base64", mod(`,"stamp_b64":"%%"`), `"%%"`, "not base64"},
		{"base64 of text", mod(`,"stamp_b64":"YQ=="`), `"YQ=="`, "base64 of what is plain text"},
		{"base64 number", mod(`,"size_b64":1`), "", "is not text"},
		{"surrogate", mod(`,"srcversion":"\ud800"`), `"\ud800"`, "surrogate"},
		{"signer", mod(`,"btf":{"kind":"none"},"signer":3`), "3}\n]", "signer 3 of 0"},
		{"bad path", body("\"builtin\": [\"../x\"],\n"), `"../x"`, "not clean"},
		{"order", body("\"builtin\": [\"b\",\"a\"],\n"), `"a"]`, "not in order"},
		{"twice in list", body("\"builtin\": [\"b\",\"b\"],\n"), `"b"],`, "twice"},
		{"symbol short", body("\"symbols\": [[\"a\",\"b\",\"any\"]],\n"), "", "a symbol of 3 fields"},
		{"crc", body("\"symbols\": [[\"a\",\"b\",\"any\",4294967296]],\n"), "4294967296", "more than 32 bits"},
		{"symbols alone", body("\"symbols\": [],\n"), "", "symbols without a source"},
		{"late must", body("\"arch\": \"x\",\n\"must_understand\": [],\n"), `"must_`, "not right after the digest"},
		{"no release", sealed(Schema, "\"scope\": \"full\"\n}\n"), `"scope"`, "no release"},
		{"no scope", sealed(Schema, "\"release\": \"full\"\n}\n"), `"release"`, "unknown scope"},
	}
	for _, tt := range tests {
		m, err := Read(tt.text)
		var e *where.Error
		if m != nil || !errors.As(err, &e) {
			t.Errorf("%s: %v, %v", tt.name, m, err)
			continue
		}
		if e.Kind != where.Malformed && e.Kind != where.Limit || !strings.Contains(e.Msg, tt.want) {
			t.Errorf("%s: %v: %v; want %q", tt.name, e.Kind, e, tt.want)
		}
		if at := bytes.Index(tt.text, []byte(tt.at)); tt.at != "" && e.Off != int64(at) {
			t.Errorf("%s: at %d, want %d: %v", tt.name, e.Off, at, e)
		}
	}
}

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
	m := sample()
	if b, err := Marshal(m); err == nil {
		f.Add(b)
	}
	f.Add(sealed(Schema, smallest))
	f.Add(sealed("kpkg-btf/manifest/1.1", "\"must_understand\": [\"x\"],\n\"y\": [1,{\"z\":\"\\u0041\"}],\n"+smallest))
	f.Fuzz(func(t *testing.T, data []byte) {
		check(t, data)
		// The digest would stop nearly every mutant: seal it anew.
		if _, rest, ok := bytes.Cut(data, []byte("\"digest\": \"")); ok {
			if _, body, ok := bytes.Cut(rest, []byte("\",\n")); ok {
				check(t, sealed(Schema, string(body)))
			}
		}
	})
}

func check(t *testing.T, data []byte) {
	m, err := Read(data)
	if (m == nil) == (err == nil) {
		t.Fatalf("manifest %v and error %v", m, err)
	}
	if err != nil {
		var e *where.Error
		if !errors.As(err, &e) || e.Off < 0 || e.Off > int64(len(data)) {
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
