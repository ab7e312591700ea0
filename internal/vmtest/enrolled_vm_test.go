//go:build vm

package vmtest

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/modsig/modsigtest"
	"kpkg-btf/internal/realtest"
	"kpkg-btf/internal/vmtest/wire"
)

// TestEnrolledKey: with Secure Boot on, a certificate that the machine's owner
// put into db is in the kernel's platform keyring, and Debian's kernels take
// modules by it (upstream's do not: there, only what was added to the machine
// keyring counts). A module as Debian signed it loads, and so does one that the
// program stripped and signed anew with the owner's key; without a signature,
// with a stale one and with that of a key that nobody enrolled it is refused.
//
// Secure Boot is on as on a real machine, so that the kernel locks itself down
// and must be trusted too: the certificate of its own signature, found in its
// image, is in db as well. (Both kernels were seen to read db without it, too.)
func TestEnrolledKey(t *testing.T) {
	for _, k := range loaders {
		t.Run(k.name, func(t *testing.T) {
			b := load(t, k.specs...)
			owner := modsigtest.NewRSA("owner of the machine", 2048)
			signers := modsig.FindCertificates(b.Kernel.Image)
			if len(signers) == 0 {
				t.Fatal("no certificate in the image's own signature")
			}
			kernel := loaderOf(t, b)
			kernel.Modversions = k.modversions
			cert, err := modsig.ParseCertificate(owner.Cert)
			if err != nil {
				t.Fatal(err)
			}
			kernel.Certs = append(kernel.Certs, cert)
			signed := whole(t, b, "tcp_bbr")
			ours := signedAnew(t, b, signed, owner)
			stale := slices.Clone(ours)
			stale[len(wire.Unsigned(ours))-1] ^= 1
			cases := []Case{
				{ID: "as it is", Module: signed},
				{ID: "stripped, signed anew with the owner's key", Module: ours},
				{ID: "and changed after that", Module: stale},
				{ID: "stripped, unsigned", Module: wire.Unsigned(ours)},
				{ID: "stripped, signed anew with a foreign key", Module: signedAnew(t, b, signed, modsigtest.NewRSA("someone else", 2048))},
			}
			for i := range cases {
				cases[i].Kind = WholeModule
			}
			res, err := Boot(t.Context(), b.Kernel, Job{
				Firmware: &Firmware{Code: ovmfCode, Vars: enrolled(t, owner.Cert, append(signers, owner.Cert)...)},
				Cmdline:  []string{"module.sig_enforce=1"}, Cases: cases,
			})
			if err != nil {
				t.Fatal(err)
			}
			t.Log(res.Speed())
			for _, words := range []string{"Secure boot enabled", "integrity: Loaded X.509 cert 'owner of the machine"} {
				if !slices.ContainsFunc(res.Log, func(l Line) bool { return strings.Contains(l.Text, words) }) {
					t.Errorf("the kernel did not say %q", words)
				}
			}
			for i := range res.Verdicts {
				v := &res.Verdicts[i]
				if loaded := asPredicted(t, kernel, cases[i].Module, v, true); loaded != (i < 2) {
					t.Errorf("loaded is %v: %v", loaded, v)
				}
			}
			if !res.SigEnforced || len(res.Verdicts) != len(cases) {
				t.Errorf("enforced: %v, %d answers", res.SigEnforced, len(res.Verdicts))
			}
		})
	}
}

// signedAnew is a module stripped and signed anew by the program itself.
func signedAnew(t *testing.T, b *Build, signed []byte, key *modsigtest.Key) []byte {
	t.Helper()
	dir := t.TempDir()
	facts, err := kimage.Parse(t.Context(), b.Kernel.Image, kimage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	put := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	module := put("tree/lib/modules/"+b.Kernel.Release+"/kernel/net/ipv4/tcp_bbr.ko", signed)
	put("tree/boot/vmlinuz-"+b.Kernel.Release, b.Kernel.Image)
	args := []string{"apply", "--action=strip", filepath.Join(dir, "tree"), "--in-place", "--allow-foreign-key",
		"--resign", put("key.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
		"--cert", put("cert.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: key.Cert}))}
	for i, der := range facts.Certs {
		args = append(args, "--trusted-cert", put(fmt.Sprintf("distribution%d.pem", i), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	}
	out, complaint, code := realtest.Run(t, args...)
	if code != 0 {
		t.Fatalf("apply: exit %d: %s%s", code, out, complaint)
	}
	data, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
