package modsig

import (
	"bytes"
	stdecdsa "crypto/ecdsa"
	"crypto/elliptic"
	"math/big"
	"time"
)

// Certificate is what verification needs of an X.509 certificate (RFC 5280
// §4.1). It does not refer to the bytes it was parsed from.
type Certificate struct {
	DER                   []byte
	RawSubject, RawIssuer []byte
	Subject, Issuer       string // common names
	Serial                []byte // big-endian, without a leading zero
	SKID                  []byte // nil without the extension
	NotBefore, NotAfter   time.Time
	// Algorithm is the kind of key, in the words of Signature.Algorithm.
	Algorithm string
	// Bits is the size of an RSA modulus or of an elliptic curve's field, else 0.
	Bits int

	serialNegative bool // Serial is the two's complement of a negative number

	rsaN  *big.Int
	rsaE  *big.Int
	ec    *stdecdsa.PublicKey
	mldsa []byte
}

// ParseCertificate reads one certificate. A kind of key that this program does
// not know is no error: what it signed is then Unsupported.
func ParseCertificate(b []byte) (*Certificate, error) { return parseCertificate(bytes.Clone(b)) }

func parseCertificate(b []byte) (*Certificate, error) {
	c := &Certificate{DER: b}
	d := &der{b, 0}
	outer, err := d.want(tagSequence, "certificate")
	if err != nil {
		return nil, err
	}
	if err := d.done("the certificate"); err != nil {
		return nil, err
	}
	d = outer.der()
	tbs, err := d.want(tagSequence, "certificate body")
	if err != nil {
		return nil, err
	}
	if _, _, err := d.algorithm("signature algorithm"); err != nil {
		return nil, err
	}
	if _, err := d.want(tagBitString, "signature"); err != nil {
		return nil, err
	}
	if err := d.done("the certificate's signature"); err != nil {
		return nil, err
	}
	if err := c.body(tbs.der()); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Certificate) body(d *der) error {
	if d.is(tagExplicit0) {
		e, err := d.next()
		if err != nil {
			return err
		}
		if v, err := e.der().small("certificate version"); err != nil || v > 2 {
			return d.bad("certificate version")
		}
	}
	serial, err := d.integer("serial number")
	if err != nil {
		return err
	}
	c.Serial, c.serialNegative = unsigned(serial), serial[0] >= 0x80
	if _, _, err := d.algorithm("signature algorithm"); err != nil {
		return err
	}
	if c.RawIssuer, c.Issuer, err = d.name("issuer"); err != nil {
		return err
	}
	validity, err := d.want(tagSequence, "validity")
	if err != nil {
		return err
	}
	v := validity.der()
	if c.NotBefore, err = v.time(); err != nil {
		return err
	}
	if c.NotAfter, err = v.time(); err != nil {
		return err
	}
	if err := v.done("validity"); err != nil {
		return err
	}
	if c.RawSubject, c.Subject, err = d.name("subject"); err != nil {
		return err
	}
	key, err := d.want(tagSequence, "public key")
	if err != nil {
		return err
	}
	if err := c.publicKey(key.der()); err != nil {
		return err
	}
	return c.extensions(d)
}

func (d *der) name(what string) (raw []byte, cn string, err error) {
	e, err := d.want(tagSequence, what)
	if err != nil {
		return nil, "", err
	}
	cn, err = commonName(e)
	return e.raw, cn, err
}

func (d *der) time() (time.Time, error) {
	at := *d
	e, err := d.next()
	if err != nil {
		return time.Time{}, err
	}
	layout := "20060102150405Z"
	switch e.tag {
	case tagTime:
	case tagUTCTime:
		layout = layout[2:]
	default:
		return time.Time{}, at.bad("identifier 0x%02x in place of a time", e.tag)
	}
	t, err := time.Parse(layout, string(e.value))
	if err != nil {
		return time.Time{}, at.bad("time %q", e.value)
	}
	if e.tag == tagUTCTime && t.Year() >= 2050 { // RFC 5280 §4.1.2.5.1
		t = t.AddDate(-100, 0, 0)
	}
	return t, nil
}

// extensions reads the optional rest of a certificate body for its subject key id.
func (c *Certificate) extensions(d *der) error {
	for !d.empty() {
		e, err := d.next()
		if err != nil {
			return err
		}
		switch e.tag {
		case 0x81, 0x82, tagExplicit1, tagExplicit2: // unique identifiers
			continue
		case tagExplicit3:
		default:
			return d.bad("identifier 0x%02x in place of extensions", e.tag)
		}
		if err := d.done("extensions"); err != nil {
			return err
		}
		list, err := e.der().want(tagSequence, "extensions")
		if err != nil {
			return err
		}
		for in := list.der(); !in.empty(); {
			if err := c.extension(in); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Certificate) extension(d *der) error {
	seq, err := d.want(tagSequence, "extension")
	if err != nil {
		return err
	}
	in := seq.der()
	oid, err := in.want(tagOID, "extension id")
	if err != nil {
		return err
	}
	if in.is(tagBoolean) {
		if _, err := in.next(); err != nil {
			return err
		}
	}
	val, err := in.want(tagOctetString, "extension value")
	if err != nil {
		return err
	}
	if err := in.done("extension value"); err != nil {
		return err
	}
	if string(oid.value) != oidSKID {
		return nil
	}
	id, err := val.der().want(tagOctetString, "subject key id")
	if err != nil {
		return err
	}
	c.SKID = id.value
	return nil
}

var curves = map[string]elliptic.Curve{
	"\x2a\x86\x48\xce\x3d\x03\x01\x07": elliptic.P256(),
	"\x2b\x81\x04\x00\x22":             elliptic.P384(),
	"\x2b\x81\x04\x00\x23":             elliptic.P521(),
}

const maxRSABits = 16384

func (c *Certificate) publicKey(d *der) error {
	oid, params, err := d.algorithm("public key algorithm")
	if err != nil {
		return err
	}
	e, err := d.want(tagBitString, "public key")
	if err != nil {
		return err
	}
	if err := d.done("public key"); err != nil {
		return err
	}
	if len(e.value) == 0 || e.value[0] != 0 {
		return d.bad("public key is no whole number of bytes")
	}
	key := e.value[1:]
	switch string(oid) {
	case oidRSA:
		c.Algorithm = "rsa"
		return c.rsaKey(&der{key, e.off + 1})
	case oidECKey:
		c.Algorithm = "ecdsa"
		if len(params) < 2 || params[0] != tagOID {
			return nil
		}
		curve := curves[string(params[2:])]
		if curve == nil {
			return nil
		}
		pub, err := stdecdsa.ParseUncompressedPublicKey(curve, key)
		if err != nil {
			return d.bad("public key is no point of its curve")
		}
		c.ec, c.Bits = pub, curve.Params().BitSize
	default:
		c.Algorithm = oidString(oid)
		if a, ok := signatureAlgorithms[string(oid)]; ok {
			c.Algorithm, c.mldsa = a.key, key
		}
	}
	return nil
}

func (c *Certificate) rsaKey(d *der) error {
	seq, err := d.want(tagSequence, "RSA public key")
	if err != nil {
		return err
	}
	if err := d.done("RSA public key"); err != nil {
		return err
	}
	in := seq.der()
	n, err := in.integer("RSA modulus")
	if err != nil {
		return err
	}
	e, err := in.integer("RSA exponent")
	if err != nil {
		return err
	}
	if err := in.done("RSA exponent"); err != nil {
		return err
	}
	if n[0] >= 0x80 || n[len(n)-1]&1 == 0 || len(n) > maxRSABits/8+1 || len(n) < 64 {
		return d.bad("RSA modulus is out of range")
	}
	if e[0] >= 0x80 || len(e) > 4 || e[len(e)-1]&1 == 0 || len(e) == 1 && e[0] == 1 {
		return d.bad("RSA exponent is out of range")
	}
	c.rsaN, c.rsaE = new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	c.Bits = c.rsaN.BitLen()
	return nil
}
