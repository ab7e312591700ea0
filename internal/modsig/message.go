package modsig

import (
	"encoding/binary"
	"slices"

	"kpkg-btf/internal/where"
)

// SignHashes are the digests a module can be signed with here: those of
// MODULE_SIG_HASH that are still safe (kernel/module/Kconfig).
var SignHashes = []string{"sha256", "sha384", "sha512"}

// Message puts a signature value into the message that the kernel's sign-file
// makes without -k (scripts/sign-file.c, CMS_sign with NOCERTS, BINARY,
// DETACHED and CMS_add1_signer with NOATTR): version 1, the signer named by
// issuer and serial number, no certificates, no attributes. value is what the
// key of the certificate made of the content's digest: PKCS #1 v1.5 for RSA,
// the DER of r and s for ECDSA.
func Message(c *Certificate, hash string, value []byte) ([]byte, error) {
	if !slices.Contains(SignHashes, hash) {
		return nil, where.New(where.Unsupported, "signing with digest %q", hash).WithHint("sha256, sha384 or sha512")
	}
	signAlg, err := signAlgorithm(c.Algorithm, hash)
	if err != nil {
		return nil, err
	}
	digestAlg := tlv(tagSequence, tlv(tagOID, []byte(hashOID(hash))))
	one := []byte{tagInteger, 1, 1}
	signer := tlv(tagSequence, c.RawIssuer, integer(c.Serial, c.serialNegative))
	info := tlv(tagSequence, one, signer, digestAlg, signAlg, tlv(tagOctetString, value))
	data := tlv(tagSequence, one, tlv(tagSet, digestAlg), tlv(tagSequence, tlv(tagOID, []byte(oidData))), tlv(tagSet, info))
	return tlv(tagSequence, tlv(tagOID, []byte(oidSignedData)), tlv(tagExplicit0, data)), nil
}

// signAlgorithm is what OpenSSL writes: rsaEncryption with a NULL whatever the
// digest, but for ECDSA one identifier for each digest, without parameters.
func signAlgorithm(key, hash string) ([]byte, error) {
	switch key {
	case "rsa":
		return tlv(tagSequence, tlv(tagOID, []byte(oidRSA)), tlv(tagNull)), nil
	case "ecdsa":
		for oid, a := range signatureAlgorithms {
			if a.key == key && a.hash == hash {
				return tlv(tagSequence, tlv(tagOID, []byte(oid))), nil
			}
		}
	}
	return nil, where.New(where.Unsupported, "signing with a key of kind %s", key).WithHint("RSA or ECDSA")
}

func hashOID(name string) string {
	for oid, h := range hashes {
		if h.name == name {
			return oid
		}
	}
	return ""
}

// Append puts a message and its trailer (struct module_signature) behind what
// it signs. The result does not share memory with content.
func Append(content, cms []byte) []byte {
	out := make([]byte, 0, len(content)+len(cms)+infoSize+len(magic))
	out = append(append(out, content...), cms...)
	out = append(out, 0, 0, idPKCS7, 0, 0, 0, 0, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(len(cms)))
	return append(out, magic...)
}

// DigestOf is the digest of content by the name of the algorithm, nil for one
// that is not known.
func DigestOf(hash string, content []byte) []byte {
	h := hashOf(hash)
	if h == 0 {
		return nil
	}
	w := h.New()
	w.Write(content)
	return w.Sum(nil)
}

// tlv writes one element around its parts, the length in its shortest form.
func tlv(tag byte, parts ...[]byte) []byte {
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	out := []byte{tag}
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	case n < 0x10000:
		out = append(out, 0x82, byte(n>>8), byte(n))
	default:
		out = append(out, 0x83, byte(n>>16), byte(n>>8), byte(n))
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// integer writes a number as it stood in the certificate: magnitude bytes, of
// a negative one the two's complement.
func integer(v []byte, negative bool) []byte {
	if !negative && len(v) > 0 && v[0] >= 0x80 {
		v = append([]byte{0}, v...)
	}
	return tlv(tagInteger, v)
}
