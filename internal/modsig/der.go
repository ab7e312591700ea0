package modsig

import (
	"kpkg-btf/internal/where"
)

// ASN.1 identifier octets that occur in certificates and CMS.
const (
	tagBoolean     = 0x01
	tagInteger     = 0x02
	tagBitString   = 0x03
	tagOctetString = 0x04
	tagNull        = 0x05
	tagOID         = 0x06
	tagUTF8        = 0x0c
	tagUTCTime     = 0x17
	tagTime        = 0x18
	tagSequence    = 0x30
	tagSet         = 0x31
	tagContext0    = 0x80 // [0] IMPLICIT of a primitive type
	tagExplicit0   = 0xa0 // [0] of a constructed type
	tagExplicit1   = 0xa1
	tagExplicit2   = 0xa2
	tagExplicit3   = 0xa3
)

// der reads DER (X.690 §10) in order: one-byte identifiers and definite
// lengths in their shortest form, nothing else.
type der struct {
	b   []byte
	off int64 // of b[0] in what the caller reads, for errors
}

// element is one value with its header.
type element struct {
	tag   byte
	raw   []byte // header and content
	value []byte
	off   int64 // of value
}

func (e element) der() *der { return &der{e.value, e.off} }

func (d *der) empty() bool { return len(d.b) == 0 }

// is reports whether the next element has the tag.
func (d *der) is(tag byte) bool { return len(d.b) > 0 && d.b[0] == tag }

// next reads any element.
func (d *der) next() (element, error) {
	b := d.b
	if len(b) < 2 {
		return element{}, d.bad("element cut short")
	}
	if b[0]&0x1f == 0x1f {
		return element{}, d.bad("identifier of several bytes")
	}
	n, head := int(b[1]), 2
	if n >= 0x80 {
		k := n & 0x7f
		if k == 0 || k > 4 || len(b) < 2+k {
			return element{}, d.bad("length in %d bytes", k)
		}
		n = 0
		for _, c := range b[2 : 2+k] {
			n = n<<8 | int(c)
		}
		head += k
		if n < 0x80 || b[2] == 0 {
			return element{}, d.bad("length not in its shortest form")
		}
	}
	if n < 0 || n > len(b)-head {
		return element{}, d.bad("element of %d bytes, %d are left", n, len(b)-head)
	}
	e := element{b[0], b[: head+n : head+n], b[head : head+n : head+n], d.off + int64(head)}
	d.b = b[head+n:]
	d.off += int64(head + n)
	return e, nil
}

// want reads an element of the given tag.
func (d *der) want(tag byte, what string) (element, error) {
	if !d.is(tag) {
		if d.empty() {
			return element{}, d.bad("no %s", what)
		}
		return element{}, d.bad("identifier 0x%02x in place of %s", d.b[0], what)
	}
	return d.next()
}

// done fails if there is more.
func (d *der) done(what string) error {
	if !d.empty() {
		return d.bad("%d bytes after %s", len(d.b), what)
	}
	return nil
}

// integer reads an INTEGER in its shortest form and gives its content.
func (d *der) integer(what string) ([]byte, error) {
	at := *d
	e, err := d.want(tagInteger, what)
	if err != nil {
		return nil, err
	}
	v := e.value
	if len(v) == 0 || len(v) > 1 && (v[0] == 0 && v[1] < 0x80 || v[0] == 0xff && v[1] >= 0x80) {
		return nil, at.bad("%s is not in its shortest form", what)
	}
	return v, nil
}

// small reads an INTEGER of 0 to 127.
func (d *der) small(what string) (int, error) {
	at := *d
	v, err := d.integer(what)
	if err != nil {
		return 0, err
	}
	if len(v) != 1 || v[0] > 0x7f {
		return 0, at.bad("%s is out of range", what)
	}
	return int(v[0]), nil
}

// algorithm reads an AlgorithmIdentifier: its OID and parameters, nil when
// there are none.
func (d *der) algorithm(what string) (oid, params []byte, err error) {
	seq, err := d.want(tagSequence, what)
	if err != nil {
		return nil, nil, err
	}
	in := seq.der()
	id, err := in.want(tagOID, what)
	if err != nil {
		return nil, nil, err
	}
	if in.empty() {
		return id.value, nil, nil
	}
	p, err := in.next()
	if err != nil {
		return nil, nil, err
	}
	return id.value, p.raw, in.done(what)
}

// unsigned drops the zero that keeps a DER INTEGER positive.
func unsigned(v []byte) []byte {
	if len(v) > 1 && v[0] == 0 {
		return v[1:]
	}
	return v
}

func (d *der) bad(format string, args ...any) error {
	return where.New(where.Malformed, format, args...).At(d.off)
}
