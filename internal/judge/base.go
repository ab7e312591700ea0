package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/tri"
	"kpkg-btf/internal/where"
)

// base is the base of a release with its figures.
type base struct {
	raw *btf.Raw
	sum [32]byte
	ref model.BaseRef
}

// baseOf finds the base of a release: that of its boot image, else that of
// the vmlinux in its headers or debug package, or what lies beside its
// manifest. nil when there is none.
func baseOf(r *release.Release) (*base, error) {
	raw, err := wholeBase(r)
	if err != nil || raw == nil {
		return nil, err
	}
	sum := sha256.Sum256(raw.Bytes())
	b := &base{raw, sum, model.BaseRef{SHA256: hex.EncodeToString(sum[:]), Types: raw.NumTypes(), StringBytes: raw.StrLen()}}
	if _, im := r.Base(); im != nil {
		b.ref.Where = im.Source.Path + " (" + im.Facts.BTFWhere + ")"
	} else {
		b.ref.Where = r.Doc.Base.Where
	}
	return b, nil
}

// wholeBase is baseOf without the figures.
func wholeBase(r *release.Release) (*btf.Raw, error) {
	blob, err := r.WholeBase()
	if err != nil || blob == nil {
		return nil, err
	}
	raw, err := btf.Parse(blob)
	if _, im := r.Base(); im != nil {
		return raw, im.Source.In(err)
	}
	return raw, where.In(r.Name, err)
}

// oneBase reports images of one release that carry different bases: two
// builds share a name.
func oneBase(n *notes, r *release.Release) {
	type group struct {
		sum   string
		where []string
	}
	var groups []*group
	for _, im := range r.Images {
		if im.Facts.BTF == nil {
			continue
		}
		sum, err := btf.Checksum(im.Facts.BTF)
		if err != nil {
			continue // baseOf reports it
		}
		s := hex.EncodeToString(sum[:4])
		i := 0
		for i < len(groups) && groups[i].sum != s {
			i++
		}
		if i == len(groups) {
			groups = append(groups, &group{sum: s})
		}
		groups[i].where = append(groups[i].where, im.Source.String())
	}
	if len(groups) < 2 {
		return
	}
	var parts []string
	for _, g := range groups {
		parts = append(parts, g.sum+"… in "+strings.Join(g.where, " and "))
	}
	n.one(model.Finding{
		Rule: "self.two-bases", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
		Message: "the images of one release carry different bases: " + strings.Join(parts, "; "),
		Hint:    "these are two builds under one name: build image, modules and headers in one run",
	})
}

const moduleBTFOption = "CONFIG_DEBUG_INFO_BTF_MODULES"

// readsModuleBTF says whether the recorded kernel reads the BTF of modules.
func readsModuleBTF(m *manifest.Manifest) tri.State {
	if is := configured(m.Config, moduleBTFOption); is != tri.Unknown {
		return is
	}
	return recorded(m, ability.ModuleBTF)
}

// moduleBTF says whether this kernel reads the BTF of modules at all: by its
// config where there is one, else by the image itself.
func moduleBTF(r *release.Release, im *release.Image) (tri.State, string) {
	switch configured(r.Options, moduleBTFOption) {
	case tri.Yes:
		return tri.Yes, "config"
	case tri.No:
		return tri.No, "config: " + moduleBTFOption + " is not set"
	}
	if im == nil {
		return tri.Unknown, "no image and no config"
	}
	return im.Facts.Abilities.ModuleBTF.Is, im.Facts.Abilities.ModuleBTF.Evidence
}

// baseExpected says whether the config asks for a base.
func baseExpected(r *release.Release) (tri.State, string) {
	switch configured(r.Options, "CONFIG_DEBUG_INFO_BTF") {
	case tri.Yes:
		return tri.Yes, "CONFIG_DEBUG_INFO_BTF=y in " + r.Config.Source.String()
	case tri.No:
		return tri.No, "CONFIG_DEBUG_INFO_BTF is not set in " + r.Config.Source.String()
	}
	return tri.Unknown, "no config"
}
