package judge

import (
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/modsig"
	"kpkg-btf/internal/release"
)

// trust is the certificates that count as one release's own.
type trust struct {
	certs    []*modsig.Certificate
	verifier *modsig.Verifier
	// issuers are the common names of the certificates of the image: a module
	// signed in such a name by another key is from another build.
	issuers map[string]bool
}

// trustOf gathers the certificates of the release's images and the policy.
func trustOf(r *release.Release, o *Options) trust {
	t := trust{issuers: map[string]bool{}, verifier: o.verifier}
	add := func(der []byte, image bool) {
		c, err := modsig.ParseCertificate(der)
		if err != nil {
			return // FindCertificates and the policy have parsed it already
		}
		t.certs = append(t.certs, c)
		if image {
			t.issuers[c.Subject] = true
		}
	}
	for _, im := range r.Images {
		for _, der := range im.Facts.Certs {
			add(der, true)
		}
	}
	for _, der := range o.Certificates {
		add(der, false)
	}
	return t
}

// signState is what the signature of a module says about its origin.
type signState uint8

const (
	signNone        signState = iota // no signature
	signOwn                          // verifies with a certificate of the release
	signStale                        // names a certificate of the release but does not verify
	signTwin                         // names the same issuer as a certificate of the image, but another key
	signForeign                      // by a key the release does not know
	signUnsupported                  // cryptography this program does not do
)

func (t trust) judge(s *modsig.Signature) signState {
	if s == nil {
		return signNone
	}
	c := modsig.Find(s, t.certs)
	if c == nil {
		if s.Issuer != "" && t.issuers[s.Issuer] {
			return signTwin
		}
		return signForeign
	}
	switch t.verifier.Verify(c, s) {
	case modsig.Valid:
		return signOwn
	case modsig.Mismatch:
		return signStale
	case modsig.WrongKey:
		return signForeign
	}
	return signUnsupported
}

// signFindings reports modules whose signature is not the release's own.
func signFindings(n *notes, m *release.Module, s signState, signedRelease bool) {
	f := model.Finding{Encounter: model.Self}
	add := func(rule string, sev model.Severity, a model.Action, what, hint, detail string) {
		f.Rule, f.Severity, f.Action, f.Hint = rule, sev, a, hint
		n.many(f, modulesText(what), m.Path, detail)
	}
	external := !m.Facts.Modinfo.Intree
	switch s {
	case signStale:
		add("self.signature-stale", model.Error, model.Rebuild,
			"changed after being signed: the signature no longer matches",
			"sign after every step that writes to modules (strip, objcopy, pahole); such a module is refused even where signatures are not enforced", m.Path)
	case signTwin:
		if external {
			return
		}
		add("self.signature-other-build", model.Error, model.Rebuild,
			"signed by the build key of another build: the issuer is that of this image's certificate, the key is not",
			"image and modules are of two builds: take both from one", m.Path+": key "+m.Facts.Sig.KeyID)
	case signForeign:
		if external {
			return
		}
		add("self.signature-foreign", model.Warning, model.Keep,
			"signed by a key the image does not carry: blocked where signatures are enforced, unless it is enrolled",
			"name the certificate in the policy (certificates:) if this is your signing service's", m.Path+": key "+m.Facts.Sig.KeyID)
	case signNone:
		if external || !signedRelease {
			return
		}
		add("self.signature-none", model.Warning, model.Keep,
			"unsigned among signed ones: blocked where signatures are enforced", "", m.Path)
	case signUnsupported:
		add("self.signature-unsupported", model.Info, model.Keep,
			"signed with cryptography this program does not verify: "+m.Facts.Sig.Algorithm+" with "+m.Facts.Sig.Hash, "", m.Path)
	}
}
