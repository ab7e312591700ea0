package deb822

import (
	"bytes"

	"kpkg-btf/internal/where"
)

const (
	signedBegin    = "-----BEGIN PGP SIGNED MESSAGE-----"
	signatureBegin = "-----BEGIN PGP SIGNATURE-----"
	signatureEnd   = "-----END PGP SIGNATURE-----"
)

// Unsigned takes the text out of an inline PGP signature (RFC 9580, 7). The
// signature is not verified. A text without one is returned as it is; text
// before or behind the signed part, which a reader could take for signed, is
// an error.
func Unsigned(text []byte) ([]byte, error) {
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines) == 0 || !is(lines[0], signedBegin) {
		if bytes.HasPrefix(text, []byte(signedBegin)) || bytes.Contains(text, []byte("\n"+signedBegin)) {
			return nil, where.New(where.Malformed, "text before a PGP signed message").At(0)
		}
		return text, nil
	}
	i := 1
	for ; i < len(lines) && len(trim(lines[i])) > 0; i++ { // armor headers: Hash: SHA512
	}
	var body []byte
	for i++; i < len(lines) && !is(lines[i], signatureBegin); i++ {
		body = append(body, bytes.TrimPrefix(lines[i], []byte("- "))...)
	}
	for ; i < len(lines) && !is(lines[i], signatureEnd); i++ {
	}
	if i >= len(lines) {
		return nil, where.New(where.Malformed, "truncated: PGP signed message without its end").At(int64(len(text)))
	}
	if rest := bytes.Join(lines[i+1:], nil); len(bytes.TrimSpace(rest)) > 0 {
		return nil, where.New(where.Malformed, "text behind a PGP signed message").At(int64(len(text) - len(rest)))
	}
	return body, nil
}

func trim(line []byte) []byte { return bytes.TrimRight(line, " \t\r\n") }

func is(line []byte, mark string) bool { return string(trim(line)) == mark }
