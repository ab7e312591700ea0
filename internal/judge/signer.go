package judge

import (
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// signFindings reports modules whose signature is not the release's own.
func signFindings(n *gathering, m *release.Module, s encounter.SignState, signedRelease bool) {
	f := model.Finding{Encounter: model.Self}
	add := func(rule string, sev model.Severity, a model.Action, what, hint, detail string) {
		f.Rule, f.Severity, f.Action, f.Hint = rule, sev, a, hint
		n.add(f, modulesText(what), m.Path, detail)
	}
	external := !m.Facts.Modinfo.Intree
	switch s {
	case encounter.SignStale:
		add("self.signature-stale", model.Error, model.Rebuild,
			"{was|were} changed after being signed: the signature no longer matches",
			"sign after every step that writes to modules (strip, objcopy, pahole); such a module is refused even where signatures are not enforced", m.Path)
	case encounter.SignTwin:
		if external {
			return
		}
		add("self.signature-other-build", model.Error, model.Rebuild,
			"{is|are} signed by the build key of another build: the issuer is that of this image's certificate, the key is not",
			"image and modules are of two builds: take both from one", m.Path+": key "+m.Facts.Sig.KeyID)
	case encounter.SignForeign:
		if external {
			return
		}
		add("self.signature-foreign", model.Warning, model.Keep,
			"{is|are} signed by a key the image does not carry: blocked where signatures are enforced, unless it is enrolled",
			"name the certificate in the policy (certificates:) if this is your signing service's", m.Path+": key "+m.Facts.Sig.KeyID)
	case encounter.SignNone:
		if external || !signedRelease {
			return
		}
		add("self.signature-none", model.Warning, model.Keep,
			"{is|are} unsigned among signed ones: blocked where signatures are enforced", "", m.Path)
	case encounter.SignUnsupported:
		add("self.signature-unsupported", model.Info, model.Keep,
			"{is|are} signed with cryptography this program does not verify: "+m.Facts.Sig.Algorithm+" with "+m.Facts.Sig.Hash, "", m.Path)
	}
}
