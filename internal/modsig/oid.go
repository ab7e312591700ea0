package modsig

import (
	"crypto"
	_ "crypto/sha1" // the hashes that crypto.Hash makes
	_ "crypto/sha256"
	_ "crypto/sha3"
	_ "crypto/sha512"
	"strconv"
	"strings"
)

// Object identifiers are compared as DER content octets, kept in strings.
const (
	oidSignedData    = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02" // 1.2.840.113549.1.7.2
	oidData          = "\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01" // 1.2.840.113549.1.7.1
	oidContentType   = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x03" // 1.2.840.113549.1.9.3
	oidMessageDigest = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x04" // 1.2.840.113549.1.9.4
	oidCommonName    = "\x55\x04\x03"                         // 2.5.4.3
	oidSKID          = "\x55\x1d\x0e"                         // 2.5.29.14
	oidRSA           = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01" // rsaEncryption
	oidPSS           = "\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a" // id-RSASSA-PSS
	oidECKey         = "\x2a\x86\x48\xce\x3d\x02\x01"         // id-ecPublicKey

	pkcs1 = "\x2a\x86\x48\x86\xf7\x0d\x01\x01"
	ecdsa = "\x2a\x86\x48\xce\x3d\x04"
	nist  = "\x60\x86\x48\x01\x65\x03\x04" // 2.16.840.1.101.3.4
)

// hashes are the digest algorithms this program computes.
var hashes = map[string]struct {
	name string
	hash crypto.Hash
}{
	"\x2b\x0e\x03\x02\x1a": {"sha1", crypto.SHA1},
	nist + "\x02\x04":      {"sha224", crypto.SHA224},
	nist + "\x02\x01":      {"sha256", crypto.SHA256},
	nist + "\x02\x02":      {"sha384", crypto.SHA384},
	nist + "\x02\x03":      {"sha512", crypto.SHA512},
	nist + "\x02\x08":      {"sha3-256", crypto.SHA3_256},
	nist + "\x02\x09":      {"sha3-384", crypto.SHA3_384},
	nist + "\x02\x0a":      {"sha3-512", crypto.SHA3_512},
}

// signatureAlgorithms maps a signature algorithm to the kind of key and, where
// it names one, the digest that goes with it.
var signatureAlgorithms = map[string]struct{ key, hash string }{
	oidRSA:            {"rsa", ""},
	oidPSS:            {"rsa-pss", ""},
	pkcs1 + "\x05":    {"rsa", "sha1"},
	pkcs1 + "\x0e":    {"rsa", "sha224"},
	pkcs1 + "\x0b":    {"rsa", "sha256"},
	pkcs1 + "\x0c":    {"rsa", "sha384"},
	pkcs1 + "\x0d":    {"rsa", "sha512"},
	nist + "\x03\x0e": {"rsa", "sha3-256"},
	nist + "\x03\x0f": {"rsa", "sha3-384"},
	nist + "\x03\x10": {"rsa", "sha3-512"},

	ecdsa + "\x01":     {"ecdsa", "sha1"},
	ecdsa + "\x03\x01": {"ecdsa", "sha224"},
	ecdsa + "\x03\x02": {"ecdsa", "sha256"},
	ecdsa + "\x03\x03": {"ecdsa", "sha384"},
	ecdsa + "\x03\x04": {"ecdsa", "sha512"},
	nist + "\x03\x0a":  {"ecdsa", "sha3-256"},
	nist + "\x03\x0b":  {"ecdsa", "sha3-384"},
	nist + "\x03\x0c":  {"ecdsa", "sha3-512"},

	nist + "\x03\x11": {"mldsa44", ""},
	nist + "\x03\x12": {"mldsa65", ""},
	nist + "\x03\x13": {"mldsa87", ""},
}

func hashName(oid []byte) string {
	if h, ok := hashes[string(oid)]; ok {
		return h.name
	}
	return oidString(oid)
}

// hashOf returns the implementation of a hash by its name, 0 for none.
func hashOf(name string) crypto.Hash {
	for _, h := range hashes {
		if h.name == name {
			return h.hash
		}
	}
	return 0
}

// oidString renders "oid:1.2.840…" for an identifier without a name here.
func oidString(oid []byte) string {
	var b strings.Builder
	b.WriteString("oid:")
	var v uint64
	first := true
	for i, c := range oid {
		if i >= 64 || v > 1<<56 {
			b.WriteString("…")
			break
		}
		v = v<<7 | uint64(c&0x7f)
		if c&0x80 != 0 {
			continue
		}
		if first {
			arc := min(v/40, 2)
			b.WriteString(strconv.FormatUint(arc, 10))
			v -= 40 * arc
			first = false
		}
		b.WriteByte('.')
		b.WriteString(strconv.FormatUint(v, 10))
		v = 0
	}
	return b.String()
}
