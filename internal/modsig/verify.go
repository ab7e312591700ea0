package modsig

import (
	"bytes"
	"crypto"
	stdecdsa "crypto/ecdsa"
	"math/big"

	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
	"github.com/cloudflare/circl/sign/mldsa/mldsa87"
)

// Result is the outcome of verifying one signature with one certificate.
type Result uint8

const (
	// Unsupported is cryptography this program does not do: not a verdict.
	Unsupported Result = iota
	// Valid is a signature of exactly this content by the certificate's key.
	Valid
	// WrongKey is a signature that names another signer.
	WrongKey
	// Mismatch is a signature that names this signer but does not verify: the
	// content was changed after signing, or the signature was.
	Mismatch
)

var resultNames = [...]string{"unsupported", "valid", "wrong key", "mismatch"}

func (r Result) String() string {
	if int(r) < len(resultNames) {
		return resultNames[r]
	}
	return "unknown"
}

// Match reports whether the signature names this certificate as its signer.
func (c *Certificate) Match(s *Signature) bool {
	if s.SKID != nil {
		return bytes.Equal(s.SKID, c.SKID)
	}
	return bytes.Equal(s.RawIssuer, c.RawIssuer) && bytes.Equal(s.Serial, c.Serial)
}

// Find returns the certificate of the list that the signature names, or nil.
func Find(s *Signature, certs []*Certificate) *Certificate {
	for _, c := range certs {
		if c.Match(s) {
			return c
		}
	}
	return nil
}

// Verify checks a signature against the certificate. It judges the
// cryptography alone: dates are not looked at (nor does the kernel), and
// signed attributes are followed although the kernel refuses them in modules
// unless the key is ML-DSA (crypto/asymmetric_keys/pkcs7_verify.c).
func (c *Certificate) Verify(s *Signature) Result {
	if !c.Match(s) {
		return WrongKey
	}
	h := hashOf(s.Hash)
	if h == 0 || s.Digest == nil {
		return Unsupported
	}
	digest := s.Digest
	if s.SignedAttrs != nil {
		if !bytes.Equal(s.MessageDigest, s.Digest) {
			return Mismatch
		}
		w := h.New()
		w.Write(s.SignedAttrs)
		digest = w.Sum(nil)
	}
	if s.Algorithm != c.Algorithm {
		if _, ok := verifiable[s.Algorithm]; !ok {
			return Unsupported
		}
		return Mismatch
	}
	switch {
	case c.rsaN != nil:
		return result(c.verifyRSA(h, digest, s.Value))
	case c.ec != nil:
		return result(stdecdsa.VerifyASN1(c.ec, digest, s.Value))
	case c.mldsa != nil && s.SignedAttrs != nil:
		return c.verifyMLDSA(s.SignedAttrs, s.Value)
	}
	// An ML-DSA signature without attributes covers the module itself, which
	// is no longer at hand; so are curves that are not known.
	return Unsupported
}

var verifiable = map[string]bool{"rsa": true, "ecdsa": true, "mldsa44": true, "mldsa65": true, "mldsa87": true}

func result(ok bool) Result {
	if ok {
		return Valid
	}
	return Mismatch
}

// digestInfo is what precedes the digest in PKCS #1 v1.5 (RFC 8017 §9.2):
// the DER of DigestInfo up to the digest. The identifiers are the keys of hashes.
var digestInfo = func() map[crypto.Hash][]byte {
	m := map[crypto.Hash][]byte{}
	for oid, h := range hashes {
		alg := append([]byte{tagOID, byte(len(oid))}, oid...)
		alg = append(alg, tagNull, 0)
		p := []byte{tagSequence, byte(2 + len(alg) + 2 + h.hash.Size()), tagSequence, byte(len(alg))}
		p = append(p, alg...)
		m[h.hash] = append(p, tagOctetString, byte(h.hash.Size()))
	}
	return m
}()

// verifyRSA is RSASSA-PKCS1-v1_5 (RFC 8017 §8.2.2). All operands are public,
// so the fast math/big serves; the whole encoded message is compared.
func (c *Certificate) verifyRSA(h crypto.Hash, digest, value []byte) bool {
	k := (c.Bits + 7) / 8
	prefix := digestInfo[h]
	if len(value) != k || len(prefix)+len(digest)+11 > k {
		return false
	}
	sig := new(big.Int).SetBytes(value)
	if sig.Cmp(c.rsaN) >= 0 {
		return false
	}
	got := sig.Exp(sig, c.rsaE, c.rsaN).FillBytes(make([]byte, k))
	want := make([]byte, k)
	for i := range want {
		want[i] = 0xff
	}
	want[0], want[1] = 0, 1
	tail := k - len(prefix) - len(digest)
	want[tail-1] = 0
	copy(want[tail:], prefix)
	copy(want[tail+len(prefix):], digest)
	return bytes.Equal(got, want)
}

// verifyMLDSA checks ML-DSA (FIPS 204) with an empty context over msg.
func (c *Certificate) verifyMLDSA(msg, value []byte) Result {
	switch c.Algorithm {
	case "mldsa44":
		var pk mldsa44.PublicKey
		if pk.UnmarshalBinary(c.mldsa) == nil {
			return result(mldsa44.Verify(&pk, msg, nil, value))
		}
	case "mldsa65":
		var pk mldsa65.PublicKey
		if pk.UnmarshalBinary(c.mldsa) == nil {
			return result(mldsa65.Verify(&pk, msg, nil, value))
		}
	case "mldsa87":
		var pk mldsa87.PublicKey
		if pk.UnmarshalBinary(c.mldsa) == nil {
			return result(mldsa87.Verify(&pk, msg, nil, value))
		}
	}
	return Unsupported
}
