package modsig_test

import (
	"bytes"
	"crypto/x509"
	"math/rand/v2"
	"testing"

	"kpkg-btf/internal/modsig"
)

func TestAgainstX509(t *testing.T) {
	for name, k := range keys {
		c := certificate(t, k)
		x, err := x509.ParseCertificate(k.Cert)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(c.RawIssuer, x.RawIssuer) || !bytes.Equal(c.RawSubject, x.RawSubject) || c.Subject != x.Subject.CommonName ||
			c.Issuer != x.Issuer.CommonName || !bytes.Equal(c.Serial, x.SerialNumber.Bytes()) || !bytes.Equal(c.SKID, x.SubjectKeyId) ||
			!c.NotBefore.Equal(x.NotBefore) || !c.NotAfter.Equal(x.NotAfter) || !bytes.Equal(c.DER, k.Cert) {
			t.Errorf("%s: got %+v, want %+v", name, c, x)
		}
	}
	if c := certificate(t, rsaKey); c.Algorithm != "rsa" || c.Bits != 2048 {
		t.Errorf("got %s %d", c.Algorithm, c.Bits)
	}
	if c := certificate(t, keys["p521"]); c.Algorithm != "ecdsa" || c.Bits != 521 {
		t.Errorf("got %s %d", c.Algorithm, c.Bits)
	}
}

func TestFindCertificates(t *testing.T) {
	noise := make([]byte, 1<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	var image []byte
	var want [][]byte
	for _, name := range []string{"rsa", "p384", "rsa", "p256"} {
		image = append(append(image, noise...), 0x30, 0x82, 0x30) // a false start right before
		image = append(image, keys[name].Cert...)
		if len(want) != 2 {
			want = append(want, keys[name].Cert)
		} else if name == "p256" {
			want = append(want, keys[name].Cert)
		}
	}
	got := modsig.FindCertificates(image)
	if len(got) != 3 || !bytes.Equal(got[0], want[0]) || !bytes.Equal(got[1], want[1]) || !bytes.Equal(got[2], want[2]) {
		t.Errorf("%d certificates, want the 3 that differ", len(got))
	}
	clear(image)
	if !bytes.Equal(got[0], keys["rsa"].Cert) {
		t.Error("the result refers to the image")
	}
}

func TestNoCertificates(t *testing.T) {
	cert := rsaKey.Cert
	for n := range cert {
		if got := modsig.FindCertificates(cert[:n]); got != nil {
			t.Fatalf("found in %d of %d bytes", n, len(cert))
		}
	}
	many := bytes.Repeat([]byte{0x30, 0x82}, 1<<20)
	if got := modsig.FindCertificates(many); got != nil {
		t.Errorf("%d certificates in a pattern", len(got))
	}
}

func TestHostileCertificates(t *testing.T) {
	for _, k := range keys {
		for i := range k.Cert {
			if _, err := modsig.ParseCertificate(k.Cert[:i]); err == nil {
				t.Fatalf("cut at %d is read", i)
			}
			b := bytes.Clone(k.Cert)
			b[i] ^= 0xff
			if c, err := modsig.ParseCertificate(b); (c == nil) == (err == nil) {
				t.Fatalf("byte %d changed: %v and %v", i, c, err)
			}
		}
	}
}

// FuzzCertificate compares with crypto/x509: what that reads, this does, with
// the same names and keys.
func FuzzCertificate(f *testing.F) {
	for _, k := range keys {
		f.Add(k.Cert)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := modsig.ParseCertificate(data)
		if (c == nil) == (err == nil) {
			t.Fatal("result and error")
		}
		modsig.FindCertificates(data)
		x, xerr := x509.ParseCertificate(data)
		if err != nil || xerr != nil {
			return
		}
		if !bytes.Equal(c.RawSubject, x.RawSubject) || !bytes.Equal(c.RawIssuer, x.RawIssuer) || !c.NotAfter.Equal(x.NotAfter) {
			t.Fatalf("got %+v, want %+v", c, x)
		}
	})
}

func BenchmarkFindCertificates(b *testing.B) {
	image := make([]byte, 64<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range image {
		image[i] = byte(r.Uint32())
	}
	b.SetBytes(int64(len(image)))
	for b.Loop() {
		modsig.FindCertificates(image)
	}
}
