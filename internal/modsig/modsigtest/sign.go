package modsigtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha3" // for crypto.Hash
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"slices"
)

// Options choose the form of a signature. The zero value is sign-file's usual
// form with SHA-256.
type Options struct {
	Hash  crypto.Hash // 0 means SHA-256
	KeyID bool        // name the signer by subject key id (sign-file -k)
	Attrs bool        // sign attributes instead of the content
}

// Sign appends a signature to a module.
func (k *Key) Sign(module []byte) []byte { return k.SignWith(module, Options{}) }

// SignWith is Sign in a chosen form.
func (k *Key) SignWith(module []byte, o Options) []byte {
	return Append(module, k.CMS(module, o))
}

// Append puts a signature message and its trailer behind a module.
func Append(module, cms []byte) []byte {
	info := []byte{0, 0, 2, 0, 0, 0, 0, 0}
	info = binary.BigEndian.AppendUint32(info, uint32(len(cms)))
	return slices.Concat(module, cms, info, []byte("~Module signature appended~\n"))
}

var (
	oidData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidType       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidDigest     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidRSA        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
)

// hashOIDs are the digest and the ECDSA algorithm of a hash.
var hashOIDs = map[crypto.Hash][2]asn1.ObjectIdentifier{
	crypto.SHA1:     {{1, 3, 14, 3, 2, 26}, {1, 2, 840, 10045, 4, 1}},
	crypto.SHA224:   {{2, 16, 840, 1, 101, 3, 4, 2, 4}, {1, 2, 840, 10045, 4, 3, 1}},
	crypto.SHA256:   {{2, 16, 840, 1, 101, 3, 4, 2, 1}, {1, 2, 840, 10045, 4, 3, 2}},
	crypto.SHA384:   {{2, 16, 840, 1, 101, 3, 4, 2, 2}, {1, 2, 840, 10045, 4, 3, 3}},
	crypto.SHA512:   {{2, 16, 840, 1, 101, 3, 4, 2, 3}, {1, 2, 840, 10045, 4, 3, 4}},
	crypto.SHA3_256: {{2, 16, 840, 1, 101, 3, 4, 2, 8}, {2, 16, 840, 1, 101, 3, 4, 3, 10}},
	crypto.SHA3_384: {{2, 16, 840, 1, 101, 3, 4, 2, 9}, {2, 16, 840, 1, 101, 3, 4, 3, 11}},
	crypto.SHA3_512: {{2, 16, 840, 1, 101, 3, 4, 2, 10}, {2, 16, 840, 1, 101, 3, 4, 3, 12}},
}

// TLV writes one DER element around its parts.
func TLV(tag byte, parts ...[]byte) []byte {
	body := slices.Concat(parts...)
	out := []byte{tag}
	switch n := len(body); {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	case n < 0x10000:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	return append(out, body...)
}

// OID writes an object identifier.
func OID(id asn1.ObjectIdentifier) []byte { return must(asn1.Marshal(id)) }

// CMS makes the detached signature message of a module.
func (k *Key) CMS(module []byte, o Options) []byte {
	if o.Hash == 0 {
		o.Hash = crypto.SHA256
	}
	ids := hashOIDs[o.Hash]
	_, isRSA := k.Signer.(*rsa.PrivateKey)
	signAlg := TLV(0x30, OID(ids[1]))
	if isRSA {
		signAlg = TLV(0x30, OID(oidRSA), TLV(5))
	}
	digest := Sum(o.Hash, module)
	var attrs []byte
	if o.Attrs {
		body := Attributes(digest)
		digest = Sum(o.Hash, TLV(0x31, body))
		attrs = TLV(0xa0, body)
	}
	value := must(k.Signer.Sign(rand.Reader, digest, o.Hash))
	return Message(k.SignerID(o.KeyID), OID(ids[0]), attrs, signAlg, value)
}

// Attributes is the content of the signed attributes over a digest.
func Attributes(digest []byte) []byte {
	return slices.Concat(
		TLV(0x30, OID(oidType), TLV(0x31, OID(oidData))),
		TLV(0x30, OID(oidDigest), TLV(0x31, TLV(4, digest))))
}

// Message puts a SignedData message together.
func Message(signer, digestOID, attrs, signAlg, value []byte) []byte {
	digestAlg := TLV(0x30, digestOID)
	version := big.NewInt(1)
	if signer[0] == 0x80 {
		version = big.NewInt(3)
	}
	v := must(asn1.Marshal(version))
	info := TLV(0x30, v, signer, digestAlg, attrs, signAlg, TLV(4, value))
	data := TLV(0x30, v, TLV(0x31, digestAlg), TLV(0x30, OID(oidData)), TLV(0x31, info))
	return TLV(0x30, OID(oidSignedData), TLV(0xa0, data))
}

// SignerID names the key, by its certificate's issuer and serial number or by
// its subject key id.
func (k *Key) SignerID(keyID bool) []byte {
	if keyID {
		return TLV(0x80, k.parsed.SubjectKeyId)
	}
	return TLV(0x30, k.parsed.RawIssuer, must(asn1.Marshal(k.parsed.SerialNumber)))
}

// Sum hashes b.
func Sum(h crypto.Hash, b []byte) []byte {
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

func must(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}
