// Package modsigtest signs modules for tests the way the kernel's
// scripts/sign-file does, with keys made on the spot.
package modsigtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"time"
)

// Key is a signing key with its certificate.
type Key struct {
	Cert   []byte // DER
	Signer crypto.Signer

	parsed *x509.Certificate
}

// steady signs without randomness (RFC 6979 for ECDSA), so that fixtures are
// the same in every run.
type steady struct{ *ecdsa.PrivateKey }

func (s steady) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.PrivateKey.Sign(nil, digest, opts)
}

// NewKey returns an ECDSA P-256 key: the same for the same name in every run.
// The name is the common name of the certificate.
func NewKey(name string) *Key { return NewECDSA(name, elliptic.P256()) }

// NewECDSA is NewKey with another curve.
func NewECDSA(name string, curve elliptic.Curve) *Key {
	h := crypto.SHA256.New()
	h.Write([]byte(name))
	d := h.Sum(nil)
	d[0] &= 0x7f // below the order of every curve
	size := (curve.Params().BitSize + 7) / 8
	priv, err := ecdsa.ParseRawPrivateKey(curve, append(make([]byte, size-len(d)), d...))
	if err != nil {
		panic(err)
	}
	return selfSigned(name, steady{priv}, new(big.Int).SetBytes(d[:20]))
}

// NewRSA returns a new RSA key.
func NewRSA(name string, bits int) *Key {
	priv, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		panic(err)
	}
	return selfSigned(name, priv, big.NewInt(0x1234_5678_9abc))
}

func selfSigned(name string, signer crypto.Signer, serial *big.Int) *Key {
	t := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		SubjectKeyId: []byte(name + " key id"),
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, signer.Public(), signer)
	if err != nil {
		panic(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &Key{Cert: der, Signer: signer, parsed: parsed}
}
