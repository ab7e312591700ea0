package modsig

import (
	"bytes"

	"kpkg-btf/internal/where"
)

// ParseCMS reads a detached SignedData message with one signer (RFC 5652 §5;
// the kernel's crypto/asymmetric_keys/pkcs7.asn1). Embedded certificates and
// CRLs are skipped: the kernel trusts none of them. off is the offset of cms
// in what the caller reads. Digest is left to Measure. The result does not
// refer to cms.
func ParseCMS(cms []byte, off int64) (*Signature, error) {
	s := &Signature{Len: len(cms) + infoSize + len(magic)}
	top := &der{bytes.Clone(cms), off}
	info, err := top.want(tagSequence, "ContentInfo")
	if err != nil {
		return nil, err
	}
	if err := top.done("the signature message"); err != nil {
		return nil, err
	}
	in := info.der()
	if err := wantOID(in, oidSignedData, "PKCS#7 signed data"); err != nil {
		return nil, err
	}
	wrap, err := in.want(tagExplicit0, "SignedData")
	if err != nil {
		return nil, err
	}
	if err := in.done("SignedData"); err != nil {
		return nil, err
	}
	in = wrap.der()
	signed, err := in.want(tagSequence, "SignedData")
	if err != nil {
		return nil, err
	}
	if err := in.done("SignedData"); err != nil {
		return nil, err
	}
	if err := signedData(signed.der(), s); err != nil {
		return nil, err
	}
	return s, nil
}

func signedData(d *der, s *Signature) error {
	version, err := d.small("version")
	if err != nil {
		return err
	}
	if _, err := d.want(tagSet, "digest algorithms"); err != nil {
		return err
	}
	encap, err := d.want(tagSequence, "encapsulated content")
	if err != nil {
		return err
	}
	in := encap.der()
	if err := wantOID(in, oidData, "PKCS#7 data"); err != nil {
		return err
	}
	if err := in.done("the content type: the signature is not detached"); err != nil {
		return err
	}
	for _, tag := range []byte{tagExplicit0, tagExplicit1} { // certificates, CRLs
		if d.is(tag) {
			if _, err := d.next(); err != nil {
				return err
			}
		}
	}
	set, err := d.want(tagSet, "signer infos")
	if err != nil {
		return err
	}
	if err := d.done("signer infos"); err != nil {
		return err
	}
	in = set.der()
	info, err := in.want(tagSequence, "signer info")
	if err != nil {
		return err
	}
	if !in.empty() {
		return where.New(where.Unsupported, "signature with more than one signer").At(in.off)
	}
	return signerInfo(info.der(), version, s)
}

// signerInfo reads one signer. Both versions are 1 if the signer is named by
// issuer and serial number and 3 if by key id (pkcs7_note_signerinfo_version).
func signerInfo(d *der, version int, s *Signature) error {
	at := *d
	v, err := d.small("signer version")
	if err != nil {
		return err
	}
	if err := signerID(d, s); err != nil {
		return err
	}
	if want := map[bool]int{false: 1, true: 3}[s.SKID != nil]; v != want || version != want {
		return at.bad("versions %d and %d of the message and its signer, not %d", version, v, want)
	}
	s.KeyID = keyID(s)
	oid, _, err := d.algorithm("digest algorithm")
	if err != nil {
		return err
	}
	s.Hash = hashName(oid)
	if d.is(tagExplicit0) {
		if err := signedAttrs(d, s); err != nil {
			return err
		}
	}
	oid, _, err = d.algorithm("signature algorithm")
	if err != nil {
		return err
	}
	s.Algorithm = oidString(oid)
	if a, ok := signatureAlgorithms[string(oid)]; ok {
		s.Algorithm = a.key
		if a.hash != "" && a.hash != s.Hash {
			return d.bad("signature algorithm of %s with digest algorithm %s", a.hash, s.Hash)
		}
	}
	value, err := d.want(tagOctetString, "signature value")
	if err != nil {
		return err
	}
	s.Value = value.value
	if d.is(tagExplicit1) { // unsigned attributes
		if _, err := d.next(); err != nil {
			return err
		}
	}
	return d.done("signer info")
}

func signerID(d *der, s *Signature) error {
	if d.is(tagContext0) {
		e, err := d.next()
		if err != nil {
			return err
		}
		if len(e.value) == 0 {
			return d.bad("empty subject key id")
		}
		s.SKID = e.value
		return nil
	}
	seq, err := d.want(tagSequence, "signer id")
	if err != nil {
		return err
	}
	in := seq.der()
	name, err := in.want(tagSequence, "issuer")
	if err != nil {
		return err
	}
	s.RawIssuer = name.raw
	if s.Issuer, err = commonName(name); err != nil {
		return err
	}
	serial, err := in.integer("serial number")
	if err != nil {
		return err
	}
	s.Serial = unsigned(serial)
	return in.done("serial number")
}

// signedAttrs reads the attributes; they are signed as a SET, not as the [0]
// that stands in the message (RFC 5652 §5.4).
func signedAttrs(d *der, s *Signature) error {
	e, err := d.next()
	if err != nil {
		return err
	}
	s.SignedAttrs = bytes.Clone(e.raw)
	s.SignedAttrs[0] = tagSet
	typed := false
	for in := e.der(); !in.empty(); {
		at := *in
		seq, err := in.want(tagSequence, "signed attribute")
		if err != nil {
			return err
		}
		attr := seq.der()
		oid, err := attr.want(tagOID, "attribute type")
		if err != nil {
			return err
		}
		set, err := attr.want(tagSet, "attribute values")
		if err != nil {
			return err
		}
		if err := attr.done("attribute values"); err != nil {
			return err
		}
		switch string(oid.value) {
		case oidContentType:
			if typed {
				return at.bad("two content types")
			}
			typed = true
			err = wantOID(set.der(), oidData, "PKCS#7 data")
		case oidMessageDigest:
			if s.MessageDigest != nil {
				return at.bad("two message digests")
			}
			err = messageDigest(set.der(), s)
		}
		if err != nil {
			return err
		}
	}
	if !typed || s.MessageDigest == nil {
		return d.bad("signed attributes without content type or message digest")
	}
	return nil
}

func messageDigest(d *der, s *Signature) error {
	e, err := d.want(tagOctetString, "message digest")
	if err != nil {
		return err
	}
	if len(e.value) == 0 {
		return d.bad("empty message digest")
	}
	s.MessageDigest = e.value
	return d.done("message digest")
}

func wantOID(d *der, want, what string) error {
	at := *d
	e, err := d.want(tagOID, what)
	if err != nil {
		return err
	}
	if string(e.value) != want {
		return at.bad("content is %s, not %s", oidString(e.value), what)
	}
	return nil
}

// commonName returns the last common name of a Name.
func commonName(name element) (string, error) {
	cn := ""
	for d := name.der(); !d.empty(); {
		set, err := d.want(tagSet, "relative name")
		if err != nil {
			return "", err
		}
		for in := set.der(); !in.empty(); {
			seq, err := in.want(tagSequence, "attribute of a name")
			if err != nil {
				return "", err
			}
			attr := seq.der()
			oid, err := attr.want(tagOID, "attribute type")
			if err != nil {
				return "", err
			}
			val, err := attr.next()
			if err != nil {
				return "", err
			}
			if err := attr.done("attribute value"); err != nil {
				return "", err
			}
			if string(oid.value) == oidCommonName {
				cn = string(val.value)
			}
		}
	}
	return cn, nil
}
