package modsig_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/where"
)

// openssl runs the program in a folder and gives its output.
func openssl(t *testing.T, dir string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("openssl", args...)
	cmd.Dir = dir
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, complaint.String())
	}
	return out
}

// keyForms are the ways a key file can look. Each makes key.pem and leaves
// the key unencrypted as plain.pem.
var keyForms = map[string][][]string{
	"rsa pkcs8":            {{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", "plain.pem"}, {"pkey", "-in", "plain.pem", "-out", "key.pem"}},
	"rsa pkcs1":            {{"genrsa", "-traditional", "-out", "plain.pem", "2048"}, {"rsa", "-traditional", "-in", "plain.pem", "-out", "key.pem"}},
	"rsa pkcs1 encrypted":  {{"genrsa", "-out", "plain.pem", "2048"}, {"rsa", "-traditional", "-aes128", "-passout", "pass:sesam", "-in", "plain.pem", "-out", "key.pem"}},
	"rsa pkcs8 encrypted":  {{"genrsa", "-out", "plain.pem", "2048"}, {"pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:sesam", "-in", "plain.pem", "-out", "key.pem"}},
	"p256 sec1":            {{"ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "plain.pem"}, {"ec", "-in", "plain.pem", "-out", "key.pem"}},
	"p384 pkcs8 encrypted": {{"ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", "plain.pem"}, {"pkcs8", "-topk8", "-v2prf", "hmacWithSHA256", "-passout", "pass:sesam", "-in", "plain.pem", "-out", "key.pem"}},
	"p521 pkcs8":           {{"ecparam", "-name", "secp521r1", "-genkey", "-noout", "-out", "plain.pem"}, {"pkcs8", "-topk8", "-nocrypt", "-in", "plain.pem", "-out", "key.pem"}},
}

// TestAsOpenSSL: the message is byte for byte what sign-file's calls of
// OpenSSL make (`openssl cms` with the same flags), for every form of key and
// digest. An ECDSA signature is random: there openssl's value goes into our
// message, and openssl verifies ours.
func TestAsOpenSSL(t *testing.T) {
	for name, steps := range keyForms {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, s := range steps {
				openssl(t, dir, s...)
			}
			openssl(t, dir, "req", "-new", "-x509", "-batch", "-key", "plain.pem", "-subj", "/O=Test/CN=Build key", "-days", "3650", "-out", "cert.pem")
			write(t, filepath.Join(dir, "module"), module)
			key, cert := readKey(t, dir), readCert(t, dir)
			if !key.Fits(cert) {
				t.Fatal("the key does not fit its certificate")
			}
			for _, hash := range modsig.SignHashes {
				sameAsOpenSSL(t, dir, key, cert, hash)
			}
		})
	}
}

func sameAsOpenSSL(t *testing.T, dir string, key *modsig.PrivateKey, cert *modsig.Certificate, hash string) {
	t.Helper()
	want := openssl(t, dir, "cms", "-sign", "-binary", "-noattr", "-nocerts", "-nosmimecap", "-md", hash, "-in", "module",
		"-inkey", "plain.pem", "-signer", "cert.pem", "-outform", "DER")
	theirs, err := modsig.ParseCMS(want, 0)
	if err != nil {
		t.Fatal(err)
	}
	got, err := modsig.Message(cert, hash, theirs.Value)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%s: %v\n% x\nwant\n% x", hash, err, got, want)
	}
	value, err := key.Sign(hash, modsig.DigestOf(hash, module))
	if err != nil {
		t.Fatal(err)
	}
	if cert.Algorithm == "rsa" && !bytes.Equal(value, theirs.Value) {
		t.Errorf("%s: another RSA signature than openssl's", hash)
	}
	ours, err := modsig.Message(cert, hash, value)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "sig"), ours)
	openssl(t, dir, "cms", "-verify", "-binary", "-inform", "DER", "-in", "sig", "-content", "module", "-certfile", "cert.pem",
		"-CAfile", "cert.pem", "-purpose", "any", "-out", "/dev/null")
	content, sig, err := modsig.Parse(modsig.Append(module, ours))
	if err != nil || !bytes.Equal(content, module) || cert.Verify(sig) != modsig.Valid || sig.Hash != hash {
		t.Errorf("%s: read back %+v, %v", hash, sig, err)
	}
}

func readKey(t *testing.T, dir string) *modsig.PrivateKey {
	t.Helper()
	file := read(t, filepath.Join(dir, "key.pem"))
	if !bytes.Contains(file, []byte("ENCRYPTED")) {
		key, err := modsig.ParsePrivateKey(file, nil)
		if err != nil {
			t.Fatal(err)
		}
		return key
	}
	for passphrase, text := range map[string]string{"": "no passphrase", "wrong": "does not open"} {
		given := []byte(passphrase)
		if passphrase == "" {
			given = nil
		}
		if _, err := modsig.ParsePrivateKey(file, given); err == nil || !strings.Contains(err.Error(), text) || where.KindOf(err) != where.Usage {
			t.Errorf("passphrase %q: %v", passphrase, err)
		}
	}
	key, err := modsig.ParsePrivateKey(file, []byte("sesam"))
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func readCert(t *testing.T, dir string) *modsig.Certificate {
	t.Helper()
	list, err := modsig.ReadCertificates(read(t, filepath.Join(dir, "cert.pem")))
	if err != nil || len(list) != 1 {
		t.Fatalf("%d certificates, %v", len(list), err)
	}
	der, err := modsig.ReadCertificates(list[0].DER)
	if err != nil || len(der) != 1 || !der[0].Same(list[0]) {
		t.Fatalf("as DER: %v", err)
	}
	return list[0]
}

// Serial numbers as CAs give them: with a high bit, of 20 bytes, negative.
func TestSerialNumbers(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "module"), module)
	openssl(t, dir, "genrsa", "-out", "plain.pem", "2048")
	for _, serial := range []string{"1", "127", "128", "0xff00", "0x7fffffffffffffffffffffffffffffffffffffff", "0x8000000000000000000000000000000000000001"} {
		openssl(t, dir, "req", "-new", "-x509", "-batch", "-key", "plain.pem", "-subj", "/CN=k", "-set_serial", serial, "-out", "cert.pem")
		key, err := modsig.ParsePrivateKey(read(t, filepath.Join(dir, "plain.pem")), nil)
		if err != nil {
			t.Fatal(err)
		}
		sameAsOpenSSL(t, dir, key, readCert(t, dir), "sha256")
	}
}

func TestKeysThatAreNone(t *testing.T) {
	dir := t.TempDir()
	openssl(t, dir, "genpkey", "-algorithm", "ED25519", "-out", "ed.pem")
	ed := read(t, filepath.Join(dir, "ed.pem"))
	for name, c := range map[string]struct {
		file []byte
		text string
		kind where.Kind
	}{
		"ed25519": {ed, "neither RSA nor ECDSA", where.Unsupported},
		"empty":   {nil, "no private key", where.Usage},
		"cut":     {ed[:len(ed)-30], "no private key", where.Usage},
		"garbage": {[]byte("-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n"), "private key: ", where.Usage},
	} {
		_, err := modsig.ParsePrivateKey(c.file, nil)
		if err == nil || !strings.Contains(err.Error(), c.text) || where.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := modsig.ReadCertificates([]byte("nothing")); where.KindOf(err) != where.Usage {
		t.Errorf("no certificate: %v", err)
	}
	if _, err := modsig.Message(certificate(t, rsaKey), "md5", nil); where.KindOf(err) != where.Unsupported {
		t.Errorf("md5: %v", err)
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}
