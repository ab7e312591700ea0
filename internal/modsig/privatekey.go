package modsig

import (
	"bytes"
	"crypto"
	stdecdsa "crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"strings"

	"github.com/youmark/pkcs8"

	"kpkg-btf/internal/where"
)

// PrivateKey is an RSA or ECDSA key that signs. It has no method that shows it.
type PrivateKey struct{ signer crypto.Signer }

// String keeps the key out of logs.
func (k *PrivateKey) String() string { return "private key" }

// ParsePrivateKey reads the first private key of a PEM file: PKCS #8, plain or
// encrypted (PBES2), PKCS #1, SEC 1, and these two in OpenSSL's old encrypted
// form. passphrase is nil when none was given. Errors never quote the file.
func ParsePrivateKey(file, passphrase []byte) (*PrivateKey, error) {
	for rest := file; ; {
		var b *pem.Block
		b, rest = pem.Decode(rest)
		if b == nil {
			return nil, where.New(where.Usage, "no private key in PEM form").
				WithHint("a file with -----BEGIN PRIVATE KEY-----; a key in a token signs through --sign-cmd")
		}
		if strings.HasSuffix(b.Type, "PRIVATE KEY") {
			return privateKey(b, passphrase)
		}
	}
}

func privateKey(b *pem.Block, passphrase []byte) (*PrivateKey, error) {
	old := strings.Contains(b.Headers["Proc-Type"], "ENCRYPTED")
	if (old || b.Type == "ENCRYPTED PRIVATE KEY") && passphrase == nil {
		return nil, where.New(where.Usage, "the private key is encrypted and no passphrase was given").
			WithHint("--key-passphrase-file FILE or --key-passphrase-fd N")
	}
	der := b.Bytes
	if old {
		// OpenSSL's first form of encryption is weak, but keys in it exist, and
		// reading one weakens nothing.
		//lint:ignore SA1019 deprecated because writing such keys is unwise; nothing else in the standard library reads them
		plain, err := x509.DecryptPEMBlock(b, passphrase)
		if err != nil {
			return nil, wrongPassphrase()
		}
		der = plain
	}
	key, err := decodeKey(b.Type, der, passphrase)
	if err != nil {
		return nil, err
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return &PrivateKey{k}, nil
	case *stdecdsa.PrivateKey:
		return &PrivateKey{k}, nil
	}
	return nil, where.New(where.Unsupported, "the private key is neither RSA nor ECDSA")
}

func decodeKey(form string, der, passphrase []byte) (any, error) {
	var key any
	var err error
	switch form {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(der)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(der)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(der)
	case "ENCRYPTED PRIVATE KEY":
		key, err = pkcs8.ParsePKCS8PrivateKey(der, passphrase)
		if err != nil && !strings.Contains(err.Error(), "unsupported") {
			return nil, wrongPassphrase()
		}
	default:
		return nil, where.New(where.Unsupported, "private key of form %q", form)
	}
	if err != nil {
		return nil, where.New(where.Usage, "private key: %v", err)
	}
	return key, nil
}

func wrongPassphrase() error {
	return where.New(where.Usage, "the passphrase does not open the private key")
}

// Sign returns the signature value over a digest, for Message.
func (k *PrivateKey) Sign(hash string, digest []byte) ([]byte, error) {
	h := hashOf(hash)
	if h == 0 || len(digest) != h.Size() {
		return nil, where.New(where.Internal, "a digest of %d bytes is no %s", len(digest), hash)
	}
	value, err := k.signer.Sign(rand.Reader, digest, h)
	if err != nil {
		return nil, where.New(where.Unsupported, "signing: %v", err)
	}
	return value, nil
}

// Fits reports whether the certificate is of this key.
func (k *PrivateKey) Fits(c *Certificate) bool {
	switch pub := k.signer.Public().(type) {
	case *rsa.PublicKey:
		return c.rsaN != nil && c.rsaN.Cmp(pub.N) == 0 && c.rsaE.Cmp(big.NewInt(int64(pub.E))) == 0
	case *stdecdsa.PublicKey:
		return c.ec != nil && pub.Equal(c.ec)
	}
	return false
}

// ReadCertificates reads a certificate file: one in DER, or any number in PEM.
func ReadCertificates(file []byte) ([]*Certificate, error) {
	if len(file) > 0 && file[0] == tagSequence {
		c, err := ParseCertificate(file)
		if err != nil {
			return nil, err
		}
		return []*Certificate{c}, nil
	}
	var out []*Certificate
	for rest := file; ; {
		var b *pem.Block
		b, rest = pem.Decode(rest)
		if b == nil {
			break
		}
		if b.Type != "CERTIFICATE" {
			continue
		}
		c, err := ParseCertificate(b.Bytes)
		if err != nil {
			return nil, err
		}
		out = append(out, c)
	}
	if out == nil {
		return nil, where.New(where.Usage, "no certificate in PEM or DER form")
	}
	return out, nil
}

// Same reports whether two certificates are one.
func (c *Certificate) Same(other *Certificate) bool { return bytes.Equal(c.DER, other.DER) }
