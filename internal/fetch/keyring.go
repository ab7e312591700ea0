package fetch

import (
	"bytes"
	"errors"
	"io"
	"os"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	"github.com/ProtonMail/go-crypto/openpgp/packet"

	"kpkg-btf/internal/pack/deb822"
	"kpkg-btf/internal/where"
)

// Keyring are the keys that a repository may be signed with. The nil Keyring
// verifies nothing: only a caller who was told so uses it.
type Keyring struct {
	file string
	keys openpgp.EntityList
}

const maxKeyring = 16 << 20

// ReadKeyring reads public keys, armoured (.asc) or not (.gpg).
func ReadKeyring(file string) (*Keyring, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, where.In(file, where.New(where.IO, "keyring: %w", err)).(*where.Error).
			WithHint("--keyring FILE names the public keys of the repository; Debian's are in the package debian-archive-keyring")
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyring))
	if err != nil {
		return nil, where.In(file, where.New(where.IO, "%w", err))
	}
	read := openpgp.ReadKeyRing
	if bytes.HasPrefix(bytes.TrimSpace(text), []byte("-----BEGIN PGP")) {
		read = openpgp.ReadArmoredKeyRing
	}
	keys, err := read(bytes.NewReader(text))
	if err != nil || len(keys) == 0 {
		return nil, where.In(file, where.New(where.Malformed, "no OpenPGP public keys: %v", err))
	}
	return &Keyring{file, keys}, nil
}

// inline returns the text of an inline-signed file once a signature of a key of
// the ring is good. Text outside the signed part is refused.
func (k *Keyring) inline(file []byte) ([]byte, error) {
	text, err := deb822.Unsigned(file)
	if err != nil || k == nil {
		return text, err
	}
	block, _ := clearsign.Decode(file)
	if block == nil {
		return nil, where.New(where.Malformed, "not signed").WithHint("--unsigned takes a repository that nobody vouches for")
	}
	if err := k.check(block.Bytes, block.ArmoredSignature.Body); err != nil {
		return nil, err
	}
	// Only what was signed counts, and it has LF line ends for our readers.
	return bytes.ReplaceAll(block.Bytes, []byte("\r\n"), []byte("\n")), nil
}

// detached verifies a signature beside a file, armoured or not.
func (k *Keyring) detached(text, signature []byte) error {
	if k == nil {
		return nil
	}
	var r io.Reader = bytes.NewReader(signature)
	if block, err := armor.Decode(bytes.NewReader(signature)); err == nil {
		r = block.Body
	}
	return k.check(text, r)
}

// check wants one good signature among those of the file: an archive signs
// with the keys of several releases, and not all of them are everywhere.
func (k *Keyring) check(text []byte, signatures io.Reader) error {
	var worst error
	n := 0
	for r := packet.NewOpaqueReader(signatures); ; n++ {
		p, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return where.New(where.Malformed, "signature: %v", err)
		}
		var one bytes.Buffer
		if err := p.Serialize(&one); err != nil {
			return where.New(where.Malformed, "signature: %v", err)
		}
		_, err = openpgp.CheckDetachedSignature(k.keys, bytes.NewReader(text), &one, nil)
		if err == nil {
			return nil
		}
		if worst == nil || !errors.Is(err, pgperrors.ErrUnknownIssuer) {
			worst = err
		}
	}
	if n == 0 {
		return where.New(where.Malformed, "an empty signature")
	}
	if errors.Is(worst, pgperrors.ErrUnknownIssuer) {
		return where.New(where.Malformed, "signed by no key of %s", k.file).WithHint("--keyring FILE names the public keys of the repository")
	}
	return where.New(where.Malformed, "the signature is wrong: %v", worst).WithHint("the file is not as it was signed, or the key is no longer valid")
}
