package modsig

import (
	"bytes"
	"encoding/binary"
)

const maxCertificate = 64 << 10

// FindCertificates returns the X.509 certificates that lie anywhere in an image,
// each once, in file order, as copies. The kernel keeps them as plain DER one
// after the other (certs/system_certificates.S); what only looks like DER is
// left out because all of a certificate must parse.
func FindCertificates(image []byte) [][]byte {
	var out [][]byte
	for at := 0; ; {
		i := bytes.Index(image[at:], []byte{tagSequence, 0x82})
		if i < 0 {
			return out
		}
		at += i
		n := certificateLen(image[at:])
		if n == 0 {
			at++
			continue
		}
		if _, err := parseCertificate(image[at : at+n]); err != nil {
			at++
			continue
		}
		if c := image[at : at+n]; !known(out, c) {
			out = append(out, bytes.Clone(c))
		}
		at += n
	}
}

// certificateLen is a cheap test of what follows a SEQUENCE of two length
// bytes: a body that nearly fills it, beginning with a version or a serial
// number. 0 means that this is no certificate.
func certificateLen(b []byte) int {
	if len(b) < 16 {
		return 0
	}
	n := 4 + int(binary.BigEndian.Uint16(b[2:]))
	if n > len(b) || n > maxCertificate || b[4] != tagSequence {
		return 0
	}
	var body []byte
	var size int
	switch b[5] {
	case 0x81:
		size, body = int(b[6]), b[7:]
	case 0x82:
		size, body = int(binary.BigEndian.Uint16(b[6:])), b[8:]
	default:
		return 0
	}
	if size+8 >= n || !bytes.HasPrefix(body, []byte{tagExplicit0, 3, tagInteger, 1}) && body[0] != tagInteger {
		return 0
	}
	return n
}

func known(list [][]byte, c []byte) bool {
	for _, k := range list {
		if bytes.Equal(k, c) {
			return true
		}
	}
	return false
}
