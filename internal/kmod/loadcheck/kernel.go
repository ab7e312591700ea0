package loadcheck

import (
	"bytes"
	"encoding/hex"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/tri"
)

// Kernel is what the loader of one kernel compares modules with. The zero
// value knows nothing: every question is a gap.
type Kernel struct {
	Arch model.Arch // ArchUnknown: not known
	// Major and Minor are the version, for rules that leave no trace; 0, 0
	// stands for the newest.
	Major, Minor int
	// Vermagic is the kernel's own string, "" when it is not known.
	// SameRelease lets its first word count as equal to a module's.
	Vermagic    string
	SameRelease bool
	// StructModule is sizeof(struct module) where this kernel compares it; 0:
	// it does not, or that is not known.
	StructModule int64

	Modversions tri.State // CONFIG_MODVERSIONS
	ForceLoad   tri.State // CONFIG_MODULE_FORCE_LOAD: what lacks versions or vermagic loads
	// FreeNamespaces is CONFIG_MODULE_ALLOW_MISSING_NAMESPACE_IMPORTS.
	FreeNamespaces tri.State
	SigModule      tri.State // CONFIG_MODULE_SIG: looks at signatures
	SigForce       tri.State // CONFIG_MODULE_SIG_FORCE: always enforces them
	// Ciphers are the public key algorithms that signatures name; one that is not
	// here it has.
	Ciphers map[string]Cipher

	// Certs are the certificates the kernel trusts; CertsKnown is false when
	// none could be looked for. Signers are the key ids (hex, as
	// modsig.Signature.KeyID) of certificates that are trusted but not at hand:
	// what they signed is not verified.
	Certs      []*modsig.Certificate
	CertsKnown bool
	Signers    []string
	// Verifier may know signatures already; nil: none does.
	Verifier *modsig.Verifier

	image map[string]*symvers.Symbol // what vmlinux exports; nil: not known
}

// SetExports takes what the image itself exports from a table that may hold
// the exports of modules too. A table without any of the image's is of no use
// and leaves them unknown.
func (k *Kernel) SetExports(t *symvers.Table) {
	image := map[string]*symvers.Symbol{}
	list := t.Symbols()
	for i := range list {
		if list[i].Owner == symvers.Vmlinux {
			image[list[i].Name] = &list[i]
		}
	}
	if len(image) > 0 {
		k.image = image
	}
}

// since says that the kernel is of a version or later.
func (k *Kernel) since(major, minor int) bool {
	return k.Major == 0 && k.Minor == 0 || k.Major > major || k.Major == major && k.Minor >= minor
}

// Signature is what the kernel does with a module's signature.
type Signature string

// Cipher is a public key algorithm: whether the kernel has it in its image, and
// why that is not so, or not known.
type Cipher struct {
	Has tri.State
	Why string
}

// The states of a signature. All but stale and malformed ones load, with a
// taint, unless signatures are enforced.
const (
	SigValid       Signature = "valid"
	SigNone        Signature = "none"             // -ENODATA: "unsigned module"
	SigUnknownKey  Signature = "unknown-key"      // -ENOKEY: "module with unavailable key"
	SigUnsupported Signature = "unsupported"      // -ENOPKG: "module with unsupported crypto"
	SigStale       Signature = "stale"            // -EKEYREJECTED: a known key, another content
	SigForm        Signature = "attributes"       // -EKEYREJECTED: signed attributes, not the content
	SigNoCipher    Signature = "no-algorithm"     // -EKEYREJECTED: a known key, of an algorithm that the image lacks
	SigUnverified  Signature = "not-verified"     // whether the kernel takes it is not known
	SigIgnored     Signature = "not-looked-at"    // no CONFIG_MODULE_SIG
	sigNotKnown    Signature = "kernel-not-known" // whether it looks at signatures is not known
)

// signature judges one signature, nil for none (module_sig_check,
// pkcs7_verify, pkcs7_validate_trust).
func (k *Kernel) signature(s *modsig.Signature) Signature {
	switch {
	case k.SigModule == tri.No:
		return SigIgnored
	case s == nil && k.SigModule == tri.Unknown:
		return sigNotKnown
	case s == nil:
		return SigNone
	case s.SignedAttrs != nil && !strings.HasPrefix(s.Algorithm, "mldsa"):
		return SigForm
	case strings.HasPrefix(s.Hash, "oid:") || strings.HasPrefix(s.Algorithm, "oid:"):
		return SigUnsupported
	}
	c := modsig.Find(s, k.Certs)
	if c == nil {
		return k.unfound(s)
	}
	if cipher, ok := k.Ciphers[s.Algorithm]; ok && cipher.Has != tri.Yes {
		return SigNoCipher
	}
	switch k.Verifier.Verify(c, s) {
	case modsig.Valid:
		return SigValid
	case modsig.Mismatch:
		return SigStale
	case modsig.WrongKey:
		return SigUnknownKey
	}
	return SigUnverified
}

// unfound: no certificate at hand is the signer's.
func (k *Kernel) unfound(s *modsig.Signature) Signature {
	for _, id := range k.Signers {
		if sameKey(id, s) {
			return SigUnverified
		}
	}
	if !k.CertsKnown {
		return SigUnverified
	}
	return SigUnknownKey
}

// sameKey compares a recorded key id or serial number; leading zeros do not count.
func sameKey(id string, s *modsig.Signature) bool {
	want, err := hex.DecodeString(id)
	if err != nil {
		return false
	}
	got := s.Serial
	if s.SKID != nil {
		got = s.SKID
	}
	return len(want) > 0 && bytes.Equal(bytes.TrimLeft(want, "\x00"), bytes.TrimLeft(got, "\x00"))
}
