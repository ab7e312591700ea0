package judge

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/abiname"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// pairing is one new release with one old one. The encounter is judged only
// when both go by one name, or shall be judged as if they did.
type pairing struct {
	old    *release.Release
	judged bool
	why    string
}

// pair finds the older releases that a new one meets: of the same
// architecture, and of the same name or at least the same flavour. olds are
// the sets of --against; each must hold a partner for some new release.
func pair(r *release.Release, olds []*release.Loaded, asIfSame bool) []pairing {
	var out []pairing
	for _, set := range olds {
		if o := partner(r, set.Releases); o != nil {
			p := pairing{old: o, judged: o.Name == r.Name || asIfSame}
			switch {
			case o.Name == r.Name:
				p.why = "both are called " + r.Name
			case asIfSame:
				p.why = "judged as if both were called " + r.Name
			default:
				p.why = fmt.Sprintf("different names (%s, %s): their modules live in different folders, so a booted old kernel never loads the new modules", o.Name, r.Name)
			}
			out = append(out, p)
		}
	}
	return out
}

func partner(r *release.Release, list []*release.Release) *release.Release {
	var flavour []*release.Release
	for _, o := range list {
		if o.Arch != r.Arch && o.Arch != model.ArchUnknown && r.Arch != model.ArchUnknown {
			continue
		}
		if o.Name == r.Name {
			return o
		}
		if abiname.Flavour(o.Name) == abiname.Flavour(r.Name) {
			flavour = append(flavour, o)
		}
	}
	if len(flavour) == 0 {
		return nil
	}
	return flavour[len(flavour)-1] // sorted by name: the newest
}

func names(list []*release.Release) string {
	if len(list) == 0 {
		return "no release"
	}
	out := make([]string, len(list))
	for i, r := range list {
		out[i] = r.Key.String()
	}
	return strings.Join(out, ", ")
}
