package signing_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/modsig/modsigtest"
	"kpkg-btf/internal/repair/signing"
	"kpkg-btf/internal/where"
)

var module = bytes.Repeat([]byte("\x7fELF and so on "), 50)

func certificate(t *testing.T, k *modsigtest.Key) *modsig.Certificate {
	t.Helper()
	c, err := modsig.ParseCertificate(k.Cert)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func signature(t *testing.T, data []byte) *modsig.Signature {
	t.Helper()
	_, sig, err := modsig.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return sig
}

// nobody is a Signer for rules that are only asked.
type nobody struct{}

func (nobody) Sign(context.Context, string, []byte) ([]byte, error) { return []byte{0}, nil }

func TestFate(t *testing.T) {
	ours, theirs := modsigtest.NewKey("ours"), modsigtest.NewKey("theirs")
	good, other := signature(t, ours.Sign(module)), signature(t, theirs.Sign(module))
	forged := ours.Sign(module)
	forged[20] ^= 1
	bad := signature(t, forged)
	cert := certificate(t, ours)
	resign := signing.Rules{Signer: nobody{}, Certificate: cert, Trusted: []*modsig.Certificate{cert}}
	lax := resign
	lax.AllowUnsigned = true
	for name, c := range map[string]struct {
		rules signing.Rules
		sig   *modsig.Signature
		want  signing.Fate
		hint  string // of the refusal
	}{
		"signed, nothing said":   {signing.Rules{}, good, "", "--drop-signature"},
		"unsigned, nothing said": {signing.Rules{}, nil, signing.Unsigned, ""},
		"signed, dropped":        {signing.Rules{Drop: true}, good, signing.Dropped, ""},
		"unsigned, dropped":      {signing.Rules{Drop: true}, nil, signing.Unsigned, ""},
		"trusted":                {resign, good, signing.Resigned, ""},
		"unsigned":               {resign, nil, "", "--allow-unsigned-input"},
		"a stranger's":           {resign, other, "", "--trusted-cert"},
		"unsigned, allowed":      {lax, nil, signing.Resigned, ""},
		"a stranger's, allowed":  {lax, other, signing.Resigned, ""},
	} {
		got, err := c.rules.Fate(c.sig)
		if c.hint == "" && (err != nil || got != c.want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
		if c.hint != "" && (where.KindOf(err) != where.Usage || !strings.Contains(where.HintOf(err), c.hint)) {
			t.Errorf("%s: %v, hint %q", name, err, where.HintOf(err))
		}
	}
	for _, rules := range []signing.Rules{resign, lax} {
		if _, err := rules.Fate(bad); where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), "changed after signing") {
			t.Errorf("changed after signing: %v", err)
		}
	}
}

func TestValidate(t *testing.T) {
	cert := certificate(t, modsigtest.NewKey("ours"))
	for text, r := range map[string]signing.Rules{
		"both to drop":        {Drop: true, Signer: nobody{}, Certificate: cert},
		"certificate of":      {Signer: nobody{}, AllowUnsigned: true},
		"which modules":       {Signer: nobody{}, Certificate: cert},
		`digest "sha1"`:       {Hash: "sha1"},
		"a key of kind mldsa": {Signer: nobody{}, AllowUnsigned: true, Certificate: &modsig.Certificate{Algorithm: "mldsa65"}},
	} {
		if err := r.Validate(); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// files writes a key pair as openssl makes one and gives the folder.
func files(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, args := range [][]string{
		{"genrsa", "-out", "plain.pem", "2048"},
		{"pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:sesam", "-in", "plain.pem", "-out", "key.pem"},
		{"req", "-new", "-x509", "-batch", "-key", "plain.pem", "-subj", "/CN=ours", "-out", "cert.pem"},
	} {
		cmd := exec.Command("openssl", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %v: %v\n%s", args, err, out)
		}
	}
	script := "#!/bin/sh\nexec openssl pkeyutl -sign -inkey '" + dir + "/plain.pem' -pkeyopt \"digest:$1\"\n"
	for name, text := range map[string]string{"pass": "sesam\nsecond line\n", "sign.sh": script} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// TestThreeWays: key file, program and exchange make the same module.
func TestThreeWays(t *testing.T) {
	dir := files(t)
	certs, err := signing.LoadCertificates(filepath.Join(dir, "cert.pem"))
	if err != nil || len(certs) != 1 {
		t.Fatal(err)
	}
	pass, err := signing.Passphrase(filepath.Join(dir, "pass"), 0)
	if err != nil || string(pass) != "sesam" {
		t.Fatalf("%q, %v", pass, err)
	}
	key, err := signing.LoadKey(filepath.Join(dir, "key.pem"), pass)
	if err != nil || !key.Fits(certs[0]) {
		t.Fatal(err)
	}
	if !bytes.Equal(pass, make([]byte, len(pass))) {
		t.Error("the passphrase stays in memory")
	}
	program, err := signing.FindCommand(filepath.Join(dir, "sign.sh"))
	if err != nil {
		t.Fatal(err)
	}
	for _, hash := range modsig.SignHashes {
		imported := exchange(t, key, hash)
		var first []byte
		for _, s := range []signing.Signer{key, program, imported} {
			r := signing.Rules{Signer: s, Certificate: certs[0], Hash: hash}
			got, err := r.Sign(t.Context(), module, nil)
			if err != nil {
				t.Fatalf("%s by %T: %v", hash, s, err)
			}
			if first == nil {
				first = got
			}
			if !bytes.Equal(got, first) || signature(t, got).Hash != hash {
				t.Errorf("%s by %T: another module", hash, s)
			}
		}
	}
}

// exchange is a signing service: it reads the requests and answers them.
func exchange(t *testing.T, key *signing.Key, hash string) *signing.Imported {
	t.Helper()
	digest := modsig.DigestOf(hash, module)
	var out bytes.Buffer
	list := []signing.Request{
		{Module: "z.ko", Input: "a", Hash: hash, Digest: "00"},
		{Module: "m<1>.ko", Input: "a", Hash: hash, Digest: hex.EncodeToString(digest)},
	}
	if err := signing.WriteRequests(&out, "test", list); err != nil {
		t.Fatal(err)
	}
	want := `{
"schema": "kpkg-btf/sign/1.0",
"tool": "test",
"requests": [
	{"module":"m<1>.ko","input":"a","before":"","hash":"` + hash + `","digest":"` + hex.EncodeToString(digest) + `"},
	{"module":"z.ko","input":"a","before":"","hash":"` + hash + `","digest":"00"}
]
}
`
	if out.String() != want {
		t.Errorf("%s\nwant\n%s", out.String(), want)
	}
	var doc map[string]any
	if err := json.Unmarshal(out.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if _, err := signing.ReadSignatures(out.Bytes()); err == nil || !strings.Contains(err.Error(), "no signature") {
		t.Errorf("nothing filled in: %v", err)
	}
	value, err := key.Sign(t.Context(), hash, digest)
	if err != nil {
		t.Fatal(err)
	}
	doc["requests"].([]any)[0].(map[string]any)["signature_b64"] = base64.StdEncoding.EncodeToString(value)
	back, _ := json.Marshal(doc)
	im, err := signing.ReadSignatures(back)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := im.Sign(t.Context(), hash, []byte("another")); where.KindOf(err) != where.Usage || !strings.Contains(err.Error(), "was imported") {
		t.Errorf("a digest that was not asked for: %v", err)
	}
	return im
}

func TestBadExchange(t *testing.T) {
	request := func(signature string) string {
		return `{"requests":[{"module":"a","input":"b","before":"","hash":"sha256","digest":"00","signature_b64":"` + signature + `"}],"schema":"kpkg-btf/sign/1.0"}`
	}
	for text, file := range map[string]string{
		"truncated":                  `{"schema":`,
		"this program reads 1.x":     `{"schema":"kpkg-btf/sign/2.0"}`,
		"data after":                 request("AA==") + " {}",
		"illegal base64":             request("?"),
		`"x" must be understood`:     `{"x":1,"schema":"kpkg-btf/sign/1.7","must_understand":["x"],"requests":[]}`,
		`"y" must be understood`:     `{"schema":"kpkg-btf/sign/1.7","must_understand":["y"],"y":1,"requests":[]}`,
		"no signature in it":         request(""),
		"requests is missing":        `{"schema":"kpkg-btf/sign/1.0"}`,
		"requests.module is missing": `{"schema":"kpkg-btf/sign/1.0","requests":[{}]}`,
		"schema: want a string":      `{"schema":7}`,
		"no schema":                  `{"requests":[]}`,
		`member "schema" twice`:      `{"schema":"kpkg-btf/sign/1.0","schema":"kpkg-btf/sign/1.0"}`,
	} {
		if _, err := signing.ReadSignatures([]byte(file)); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// A key that is not the certificate's, and programs that fail, hang, lie.
func TestWhatIsNotASignature(t *testing.T) {
	dir := files(t)
	certs, err := signing.LoadCertificates(filepath.Join(dir, "cert.pem"))
	if err != nil {
		t.Fatal(err)
	}
	other := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: modsigtest.NewRSA("other", 2048).Cert})
	if err := os.WriteFile(filepath.Join(dir, "other.pem"), other, 0o600); err != nil {
		t.Fatal(err)
	}
	foreign, err := signing.LoadCertificates(filepath.Join(dir, "other.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		script, text string
		cert         *modsig.Certificate
	}{
		{"exec sleep 100", "no answer in", certs[0]},
		{"echo the token is locked >&2; exit 3", "exit status 3: the token is locked", certs[0]},
		{"true", "wrote no signature", certs[0]},
		{"head -c 256 /dev/zero", "does not verify", certs[0]},
		{"cat /dev/zero", "", certs[0]},
		{`exec openssl pkeyutl -sign -inkey '` + dir + `/plain.pem' -pkeyopt "digest:$1"`, "does not verify", foreign[0]},
	} {
		path := filepath.Join(t.TempDir(), "sign")
		if err := os.WriteFile(path, []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd, err := signing.FindCommand(path)
		if err != nil {
			t.Fatal(err)
		}
		cmd.Timeout = 2 * time.Second
		r := signing.Rules{Signer: cmd, Certificate: c.cert}
		if _, err := r.Sign(t.Context(), module, nil); where.KindOf(err) != where.IO || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%s: %v", c.script, err)
		}
	}
	if _, err := signing.FindCommand(filepath.Join(dir, "sign.sh") + " --with arguments"); where.KindOf(err) != where.Usage {
		t.Errorf("a program with arguments: %v", err)
	}
}
