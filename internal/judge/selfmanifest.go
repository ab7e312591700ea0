package judge

import (
	"encoding/hex"
	"strings"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// selfFromManifest judges a release by its manifest alone. What it holds can
// prove that a release is wrong in itself: BTF that is missing, vermagic, a
// stamp of another base. That it is right needs the BTF, which is missing.
func selfFromManifest(m *manifest.Manifest, k *kernel.Kernel, p *policy.Policy) ([]model.ModuleDecision, []note) {
	list := []note{said(model.Finding{Rule: "self.manifest-only", Severity: model.Error, Encounter: model.Self, Inconclusive: true,
		Message: "nobody judged the release on its own image when this manifest was recorded, and the BTF that it takes is not in it",
		Hint:    "record the packages of image and modules together, or give them to check"})}
	if len(m.Modules) == 0 {
		list = append(list, said(model.Finding{Rule: "self.no-modules", Severity: model.Error, Encounter: model.Self, Inconclusive: true,
			Message: "no modules in the manifest: 0 of 0 proves nothing", Hint: "a manifest of headers alone is an older side (--against)"}))
	}
	reads := tri.Unknown
	if k != nil {
		reads = k.ReadsBTF().Is
	}
	f := model.Finding{Encounter: model.Self, Severity: model.Error, Action: model.Rebuild}
	var n gathering
	out := make([]model.ModuleDecision, 0, len(m.Modules))
	for i := range m.Modules {
		x := &m.Modules[i]
		d := fromManifest(x)
		switch {
		case reads == tri.No:
			d.Verdict = model.Inert
		case x.BTF.Kind == manifest.BTFNone:
			d.Verdict, d.Meaning, d.Missing = model.Inert, model.MeaningNone, missingIn(x, p)
		}
		if d.Missing == model.Lost && m.Base != nil {
			f.Rule = "self.btf-lost"
			n.add(f, modulesText("in-tree {has|have} no BTF, although this kernel has a base"), x.Path, x.Path)
		}
		if word, _, _ := strings.Cut(x.Vermagic, " "); x.Vermagic != "" && word != m.Release {
			f.Rule = "self.vermagic"
			n.add(f, modulesText("{was|were} built for another release than "+m.Release), x.Path, x.Path+": vermagic "+x.Vermagic)
		}
		if m.Base != nil && encounter.StampOf(x.Stamp, x.BTF.SHA256, x.BTF.BaseSHA256, m.Base.SHA256) == encounter.StampOther {
			f.Rule = "self.stamp"
			n.add(f, modulesText("{is|are} stamped with another base than this image's"), x.Path, x.Path)
		}
		out = append(out, d)
	}
	return out, append(list, n...)
}

func missingIn(x *manifest.Module, p *policy.Policy) model.Missing {
	mark, err := stamp.Parse(x.Stamp)
	switch {
	case p.BTFNotExpected(Spellings(x.Path)...), !x.Intree:
		return model.NoneExpected
	case len(x.Stamp) > 0 && err == nil && mark.Left == stamp.Stripped:
		return model.Stripped
	}
	return model.Lost
}

// fromManifest binds a module to its digests.
func fromManifest(x *manifest.Module) model.ModuleDecision {
	d := model.ModuleDecision{Path: x.Path, Name: x.Name, Reasons: []string{}, Verdict: model.VerdictUnknown, Meaning: model.MeaningUnknown, BuildBase: model.BaseUnknown, BuildBaseBy: model.ByAssumed,
		Load: model.ModuleLoad{Loads: model.LoadsUnknown, IfEnforced: model.LoadsUnknown, Signature: "unknown"}}
	if x.BTF.Kind != manifest.BTFNone {
		d.BTF, d.BTFBytes, d.RepeatedBytes = hex.EncodeToString(x.BTF.SHA256[:]), x.BTF.Size+x.BTF.BaseSize, x.BTF.Repeated
	}
	if x.BTF.Kind == manifest.BTFDistilled {
		d.BTFBase = hex.EncodeToString(x.BTF.BaseSHA256[:])
	}
	if x.IDs != nil {
		d.BTFIDs = hex.EncodeToString(x.IDs.SHA256[:])
	}
	return d
}
