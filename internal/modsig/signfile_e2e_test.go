//go:build e2e

package modsig_test

import (
	"bytes"
	"os/exec"
	"path/filepath"
	"testing"

	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/realtest"
)

// TestAsSignFile: a module signed here is byte for byte the one that the
// kernel's own scripts/sign-file, as Debian ships it, makes with that key.
// An ECDSA signature is random: there its own value is put in.
func TestAsSignFile(t *testing.T) {
	specs, err := realtest.Newest(t.Context(), "bookworm-security", "^linux-kbuild-6\\.1$", 1)
	if err != nil || len(specs) != 1 {
		t.Fatalf("%d packages, %v", len(specs), err)
	}
	tree := t.TempDir()
	realtest.Extract(t, realtest.Deb(t, specs[0]), tree)
	signFile := filepath.Join(tree, "usr/lib/linux-kbuild-6.1/scripts/sign-file")
	for _, gen := range [][]string{
		{"genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:4096", "-out", "key.pem"},
		{"ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", "key.pem"},
	} {
		dir := t.TempDir()
		openssl(t, dir, gen...)
		openssl(t, dir, "req", "-new", "-x509", "-batch", "-key", "key.pem", "-subj", "/CN=Build key", "-out", "cert.pem")
		key, cert := readKey(t, dir), readCert(t, dir)
		write(t, filepath.Join(dir, "m.ko"), module)
		for _, hash := range modsig.SignHashes {
			cmd := exec.Command(signFile, hash, "key.pem", "cert.pem", "m.ko", "signed.ko")
			cmd.Dir = dir
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("sign-file: %v\n%s", err, out)
			}
			want := read(t, filepath.Join(dir, "signed.ko"))
			value, err := key.Sign(hash, modsig.DigestOf(hash, module))
			if err != nil {
				t.Fatal(err)
			}
			if cert.Algorithm == "ecdsa" {
				value = parse(t, want).Value
			}
			cms, err := modsig.Message(cert, hash, value)
			if err != nil {
				t.Fatal(err)
			}
			if got := modsig.Append(module, cms); !bytes.Equal(got, want) {
				t.Errorf("%s %s: %d bytes that differ from sign-file's %d", cert.Algorithm, hash, len(got), len(want))
			}
		}
	}
}
