package policy

import (
	"encoding/pem"
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

func TestDefaultIsTheDocumentedFile(t *testing.T) {
	d := Default()
	p, err := Parse("printed", DefaultText())
	if err != nil {
		t.Fatal(err)
	}
	if d.Signatures != Enforced || d.Vanished != Bump || d.Reverse != Note || p.Digest() != d.Digest() {
		t.Errorf("default %+v", d)
	}
	if d.Source() != "embedded default" {
		t.Errorf("source %q", d.Source())
	}
}

// What a file leaves out stays as the default has it.
func TestPartialFile(t *testing.T) {
	p, err := Parse("p.yaml", []byte("schema: kpkg-btf/policy/1.0\nreverse: bump\n"))
	if err != nil || p.Reverse != Bump || p.Signatures != Enforced || p.Vanished != Bump {
		t.Errorf("%+v %v", p, err)
	}
	if q := p.WithSignatures(Ignored); q.Signatures != Ignored || p.Signatures != Enforced || !strings.Contains(q.Source(), "--signatures ignored") {
		t.Errorf("%+v", q)
	}
}

func TestRefusals(t *testing.T) {
	for name, text := range map[string]string{
		"unknown key":   "schema: kpkg-btf/policy/1.0\nnonsense: 1\n",
		"no schema":     "signatures: ignored\n",
		"other schema":  "schema: kpkg-btf/policy/2.0\n",
		"bad word":      "schema: kpkg-btf/policy/1.0\nsignatures: sometimes\n",
		"bad weight":    "schema: kpkg-btf/policy/1.0\nreverse: keep\n",
		"twice":         "schema: kpkg-btf/policy/1.0\nreverse: note\nreverse: bump\n",
		"not yaml":      "\t{",
		"wrong type":    "schema: kpkg-btf/policy/1.0\ncertificates: 5\n",
		"no PEM":        "schema: kpkg-btf/policy/1.0\ncertificates: [hello]\n",
		"a list":        "- a\n- b\n",
		"two documents": "schema: kpkg-btf/policy/1.0\nreverse: note\n---\nreverse: bump\n",
	} {
		p, err := Parse("p.yaml", []byte(text))
		if err == nil || where.KindOf(err) != where.Usage || !strings.HasPrefix(err.Error(), "p.yaml: ") {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
}

// An empty file is the default, and says so.
func TestEmpty(t *testing.T) {
	p, err := Parse("p.yaml", []byte("  \n"))
	if err != nil || p.Signatures != Enforced || !strings.Contains(p.Source(), "empty: the embedded default") {
		t.Errorf("%+v %v", p, err)
	}
}

func TestCertificates(t *testing.T) {
	cert := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1, 2, 3}}))
	p, err := Parse("p.yaml", []byte("schema: kpkg-btf/policy/1.0\ncertificates:\n  - |\n    "+strings.ReplaceAll(strings.TrimSpace(cert), "\n", "\n    ")+"\n"))
	if err != nil {
		t.Fatal(err)
	}
	der, err := p.CertificatesDER()
	if err != nil || len(der) != 1 || string(der[0]) != "\x01\x02\x03" {
		t.Errorf("%x %v", der, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(DefaultText())
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse("p.yaml", text)
		if (p == nil) == (err == nil) {
			t.Fatalf("%v and %v", p, err)
		}
	})
}
