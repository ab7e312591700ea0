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

func excerpt(err error) []string { return where.ExcerptOf(err) }

// Every error of a value names the line and shows it.
func TestErrorsHaveLineAndExcerpt(t *testing.T) {
	for _, c := range []struct{ text, line, msg string }{
		{"signatures: sometimes\n", "line 2 ", `signatures: "sometimes" is neither enforced nor ignored`},
		{"undescribed-exports: yes\n", "line 2 ", "undescribed-exports: "},
		{"build-base: doubtful\n", "line 2 ", "build-base: "},
		{"window:\n  dropped: maybe\n", "line 3 ", "window.dropped: "},
		{"window:\n  fell: maybe\n", "line 3 ", `unknown field "fell"`},
		{"none-expected: [module:a, b]\n", "line 2 ", `none-expected: "b": write module:b`},
		{"rules:\n- match: a\n  action: keep\n- match: \"x[\"\n  action: keep\n", "line 5 ", "rules[1].match: "},
		{"rules:\n- match: a\n", "line 3 ", "rules[0]: neither action nor severity"},
		{"rules:\n- match: a\n  action: strip\n", "line 4 ", `rules[0].action: "strip" is none of keep, bump, rebuild`},
		{"rules:\n- match: a\n  severity: loud\n", "line 4 ", "rules[0].severity"},
		{"rules:\n- action: keep\n", "line 3 ", "matches every finding"},
		{"rules:\n- kernels: module:x\n  action: keep\n", "line 3 ", "belongs into match"},
		{"rules:\n- encounters: [window, ours]\n  action: keep\n", "line 3 ", `"ours" is none of self, window, reverse, outside`},
		{"rules:\n- match: a\n  action: keep\n  surprise: 1\n", "line 5 ", `unknown field "surprise"`},
		{"waivers:\n- match: a\n", "line 3 ", "a waiver needs a reason"},
		{"waivers:\n- reason: because\n", "line 3 ", "names neither findings nor match"},
		{"waivers:\n- match: a\n  reason: r\n  expires: soon\n", "line 5 ", `"soon" is not a day`},
		{"waivers:\n- match: a\n  reason: r\n  expires: 2027-02-30\n", "line 5 ", "is not a day"},
		{"waivers:\n- {match: a, reason: r, name: n}\n- {match: b, reason: r, name: n}\n", "line 4 ", `"n" is there twice`},
		{"certificates: [hello]\n", "line 2 ", "certificates[0]: not a PEM certificate"},
	} {
		_, err := Parse("p.yaml", []byte("schema: kpkg-btf/policy/1.0\n"+c.text))
		if err == nil || !strings.HasPrefix(err.Error(), "p.yaml: "+c.line) || !strings.Contains(err.Error(), c.msg) {
			t.Errorf("%q: %v", c.text, err)
			continue
		}
		if e := excerpt(err); !strings.Contains(strings.Join(e, "\n"), ">  "+strings.TrimSpace(strings.TrimPrefix(c.line, "line "))) {
			t.Errorf("%q: excerpt %q", c.text, e)
		}
	}
}

// The effective policy is itself a policy, and means the same.
func TestEffective(t *testing.T) {
	for _, p := range []*Policy{Default(), parse(t, example), parse(t, "zero-id-lists: []\nnone-expected: module:drivers/**\n")} {
		q, err := Parse("printed", p.Effective())
		if err != nil {
			t.Fatalf("%v\n%s", err, p.Effective())
		}
		if string(q.Effective()) != string(p.Effective()) || q.EffectiveDigest() != p.EffectiveDigest() {
			t.Errorf("%s\n%s", p.Effective(), q.Effective())
		}
	}
	if empty, _ := Parse("e", nil); empty.EffectiveDigest() != Default().EffectiveDigest() {
		t.Errorf("what is initial differs from default.yaml:\n%s\n%s", empty.Effective(), Default().Effective())
	}
	if Default().WithSignatures(Ignored).EffectiveDigest() == Default().EffectiveDigest() {
		t.Error("a flag changes nothing")
	}
}

func TestSettings(t *testing.T) {
	d := Default()
	if d.Window.Dropped != DroppedKeep || !d.MayZeroIDs("net/netfilter/nf_conntrack") || d.BTFNotExpected("a") {
		t.Errorf("%+v", d)
	}
	p := parse(t, "window: {dropped: repair}\nzero-id-lists: []\nnone-expected: module:drivers/**\n")
	if p.Window.Dropped != DroppedRepair || p.MayZeroIDs("net/llc") || !p.BTFNotExpected("kernel/drivers/a.ko", "drivers/a") {
		t.Errorf("%+v", p)
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
	f.Add([]byte("schema: kpkg-btf/policy/1.0\n" + example))
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := Parse("p.yaml", text)
		if (p == nil) == (err == nil) {
			t.Fatalf("%v and %v", p, err)
		}
		if err != nil {
			if where.KindOf(err) != where.Usage {
				t.Fatalf("kind of %v", err)
			}
			return
		}
		p.Lint("2026-11-01")
		if q, err := Parse("again", p.Effective()); err != nil || q.EffectiveDigest() != p.EffectiveDigest() {
			t.Fatalf("%v\n%s", err, p.Effective())
		}
	})
}
