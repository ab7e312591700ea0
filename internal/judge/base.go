package judge

import (
	"encoding/hex"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// oneBase reports images of one release that carry different bases: two
// builds share a name.
func oneBase(r *release.Release) []note {
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
		return nil
	}
	var parts []string
	for _, g := range groups {
		parts = append(parts, g.sum+"… in "+strings.Join(g.where, " and "))
	}
	return []note{said(model.Finding{
		Rule: "self.two-bases", Severity: model.Error, Encounter: model.Self, Action: model.Rebuild,
		Message: "the images of one release carry different bases: " + strings.Join(parts, "; "),
		Hint:    "these are two builds under one name: build image, modules and headers in one run",
	})}
}
