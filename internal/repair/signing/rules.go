// Package signing decides what becomes of the signature of a module that
// changes, and makes new ones: with a key file, by a program, or in two runs
// with a signing service between them. Nothing in it trusts what an input
// says of itself: a hostile module must not come out signed.
package signing

import (
	"context"
	"slices"

	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/where"
)

// Signer makes a signature value over a digest ("sha256", "sha384",
// "sha512"): PKCS #1 v1.5 for RSA, the DER of r and s for ECDSA.
type Signer interface {
	Sign(ctx context.Context, hash string, digest []byte) ([]byte, error)
}

// Fate is what becomes of the signature of a module that changes.
type Fate string

const (
	Unsigned Fate = "unsigned"  // there was none and there is none
	Dropped  Fate = "dropped"   // it is gone
	Resigned Fate = "re-signed" // there is a new one
)

// Rules are what the user said about signatures. The zero value refuses to
// change a signed module.
type Rules struct {
	// Drop lets signatures go: the modules are signed afterwards.
	Drop bool
	// Signer makes new signatures for Certificate; nil makes none.
	Signer      Signer
	Certificate *modsig.Certificate
	// Hash is the digest of new signatures; "" is that of the old one, sha256
	// where there is none or it is not one of modsig.SignHashes.
	Hash string
	// Trusted are the certificates whose modules may be signed anew. Those
	// found in kernel images are not among them unless the user put them there.
	Trusted []*modsig.Certificate
	// AllowUnsigned signs modules anew that no trusted certificate vouches for.
	AllowUnsigned bool
}

// Validate refuses rules that contradict themselves.
func (r *Rules) Validate() error {
	switch {
	case r.Signer != nil && r.Drop:
		return where.New(where.Usage, "both to drop signatures and to make new ones")
	case r.Signer != nil && r.Certificate == nil:
		return where.New(where.Usage, "new signatures need the certificate of the key").WithHint("--cert FILE")
	case r.Signer != nil && len(r.Trusted) == 0 && !r.AllowUnsigned:
		return where.New(where.Usage, "which modules may be signed anew?").
			WithHint("--trusted-cert FILE: those that this certificate vouches for; or --allow-unsigned-input")
	case r.Hash != "" && !slices.Contains(modsig.SignHashes, r.Hash):
		return where.New(where.Usage, "digest %q", r.Hash).WithHint("sha256, sha384 or sha512")
	case r.Signer != nil && r.Certificate.Algorithm != "rsa" && r.Certificate.Algorithm != "ecdsa":
		return where.New(where.Unsupported, "the certificate is of a key of kind %s", r.Certificate.Algorithm).WithHint("RSA or ECDSA")
	}
	return nil
}

// Fate says what becomes of the signature of a module, nil for none, if the
// module changes. Errors of kind Usage name the flag that would allow it; a
// signature that a trusted key did not make over this content is Malformed,
// whatever is allowed.
func (r *Rules) Fate(sig *modsig.Signature) (Fate, error) {
	switch {
	case r.Signer != nil:
		return Resigned, r.vouched(sig)
	case sig == nil:
		return Unsigned, nil
	case r.Drop:
		return Dropped, nil
	}
	return "", where.New(where.Usage, "is signed, and a module that changes loses its signature").
		WithHint("--resign KEY --cert CERT; or --drop-signature where modules are signed afterwards")
}

// vouched fails unless the module may be signed anew.
func (r *Rules) vouched(sig *modsig.Signature) error {
	if sig == nil {
		if r.AllowUnsigned {
			return nil
		}
		return where.New(where.Usage, "is not signed, so nothing vouches for it").
			WithHint("--allow-unsigned-input signs what comes from a build you trust")
	}
	for _, c := range r.Trusted {
		switch c.Verify(sig) {
		case modsig.Valid:
			return nil
		case modsig.Mismatch:
			return where.New(where.Malformed, "its signature names the trusted certificate %q but is not of this content: it was changed after signing", c.Subject)
		}
	}
	if r.AllowUnsigned {
		return nil
	}
	return where.New(where.Usage, "is signed by key %s, which no trusted certificate is of", sig.KeyID).
		WithHint("--trusted-cert FILE if that key is yours")
}

// HashFor is the digest algorithm of a new signature in place of the old one.
func (r *Rules) HashFor(old *modsig.Signature) string {
	switch {
	case r.Hash != "":
		return r.Hash
	case old != nil && slices.Contains(modsig.SignHashes, old.Hash):
		return old.Hash
	}
	return "sha256"
}

// Sign puts a new signature behind content and verifies it by the
// certificate before anything is done with it.
func (r *Rules) Sign(ctx context.Context, content []byte, old *modsig.Signature) ([]byte, error) {
	hash := r.HashFor(old)
	value, err := r.Signer.Sign(ctx, hash, modsig.DigestOf(hash, content))
	if err != nil {
		return nil, err
	}
	cms, err := modsig.Message(r.Certificate, hash, value)
	if err != nil {
		return nil, err
	}
	signed := modsig.Append(content, cms)
	return signed, Verify(signed, r.Certificate)
}

// Verify fails unless the module is signed and the certificate's key made the
// signature over exactly this content.
func Verify(module []byte, c *modsig.Certificate) error {
	_, sig, err := modsig.Parse(module)
	if err != nil {
		return where.In("new signature", err)
	}
	if sig == nil {
		return where.New(where.IO, "the new signature is missing")
	}
	if got := c.Verify(sig); got != modsig.Valid {
		return where.New(where.IO, "the new signature does not verify with the certificate %q: %s", c.Subject, got).
			WithHint("is the certificate that of the key?")
	}
	return nil
}
