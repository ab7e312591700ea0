// Package among finds out on which of several recorded bases a module was
// encoded: nothing in a module names it, so each base is weighed by what could
// have failed on it.
package among

import (
	"cmp"
	"encoding/hex"
	"slices"
	"strings"

	"kpkg-btf/internal/btf/evidence"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
)

// Asked is a module whose base is looked for, and the ranks so far.
type Asked struct {
	module *release.Module
	sum    [32]byte // of .BTF
	base   [32]byte // of .BTF.base, zero without one
	ranks  map[string]*model.BaseRank
}

// Ask begins with a module. Memory does not grow with the bases that it is
// weighed on beyond their names.
func Ask(m *release.Module) *Asked {
	return &Asked{module: m, sum: m.Facts.BTF.SumOrZero(), base: m.Facts.BTFBase.SumOrZero(), ranks: map[string]*model.BaseRank{}}
}

// Candidate is one recorded kernel: what it is, and what is recorded of its
// modules.
type Candidate struct {
	File    string // as it was named
	Kernel  *kernel.Kernel
	Modules []manifest.Module
}

// Weigh weighs one candidate for a module. One without any base says nothing.
func (a *Asked) Weigh(c *Candidate) {
	k := c.Kernel
	if k.Sum == nil {
		return
	}
	key := hex.EncodeToString(k.Sum[:])
	rank := a.rank(c)
	old := a.ranks[key]
	if old == nil {
		a.ranks[key] = rank
		return
	}
	// The same base in another file: the better knowledge counts, the names add up.
	if less(rank, old) < 0 {
		rank, old = old, rank
		a.ranks[key] = old
	}
	old.Files = append(old.Files, rank.Files...)
	for _, name := range rank.Releases {
		if !slices.Contains(old.Releases, name) {
			old.Releases = append(old.Releases, name)
		}
	}
	old.Named = old.Named || rank.Named
	if old.Base.Types == 0 {
		old.Base = rank.Base
	}
}

func (a *Asked) rank(c *Candidate) *model.BaseRank {
	k, f := c.Kernel, a.module.Facts
	r := &model.BaseRank{Base: model.BaseRef{SHA256: hex.EncodeToString(k.Sum[:])}, Files: []string{c.File}, Releases: []string{}, For: []string{}, Grade: model.GradeOpen}
	if k.Name != "" {
		r.Releases = append(r.Releases, k.Name)
	}
	r.Named = k.Name != "" && k.Name == word(f)
	stamped := encounter.StampOf(f.Stamp, a.sum, a.base, *k.Sum)
	switch stamped {
	case encounter.StampProven:
		r.Grade, r.For = model.GradeProven, []string{"stamp"}
	case encounter.StampAsserted:
		r.Grade, r.For = model.GradeAsserted, []string{"stamp"}
	case encounter.StampOther:
		r.Grade, r.Against = model.GradeContradicted, "its stamp names another base"
	}
	recorded := a.recorded(c)
	if recorded && r.Grade == model.GradeOpen {
		r.Grade = model.GradeRecorded
	}
	if recorded {
		r.For = append(r.For, "record")
	}
	if k.Base == nil {
		if r.Grade == model.GradeOpen {
			r.Against = "only its checksum is recorded, the base itself is not beside it"
		}
		return r
	}
	r.Base = k.Base.Ref()
	if r.Grade == model.GradeContradicted {
		return r
	}
	res, err := encounter.EvidenceOn(f, k.Base)
	switch {
	case err != nil:
		r.Grade, r.Against = model.GradeContradicted, "its BTF cannot be read on it: "+err.Error()
	case res.Conclusion == evidence.Contradicted:
		r.Grade, r.Against = model.GradeContradicted, res.First().Text
	case res.Conclusion == evidence.Doubtful && r.Grade != model.GradeProven && r.Grade != model.GradeAsserted:
		r.Grade, r.Against = model.GradeDoubtful, evidence.Grading(&res, evidence.NoClaim, nil).Why
	default:
		for i := range res.Checks {
			r.Looked += res.Checks[i].Looked
		}
		if names := res.Names(); len(names) > 0 {
			r.For = append(r.For, names...)
			if r.Grade == model.GradeOpen {
				r.Grade = model.GradeConsistent
			}
		}
		if r.Grade == model.GradeOpen {
			r.Against = "nothing in the module could have failed on it"
		}
	}
	return r
}

// recorded reports whether a release has a module of the same name with the
// very same BTF.
func (a *Asked) recorded(c *Candidate) bool {
	if a.sum == [32]byte{} {
		return false
	}
	name := a.module.Name()
	for i := range c.Modules {
		m := &c.Modules[i]
		if m.Name == name && m.BTF.SHA256 == a.sum && m.BTF.BaseSHA256 == a.base {
			return true
		}
	}
	return false
}

// word is the release that a module's vermagic names.
func word(f *kmod.Facts) string {
	w, _, _ := strings.Cut(f.Modinfo.Vermagic, " ")
	return w
}

var order = []model.Grade{model.GradeProven, model.GradeAsserted, model.GradeRecorded, model.GradeConsistent, model.GradeDoubtful, model.GradeOpen, model.GradeContradicted}

// claims is how many of the grades, from the strongest, say that a base is the one.
const claims = 4

// less orders by evidence: the grade, how many and how strong the checks were,
// how much was compared, and whether the module names a release on it.
func less(a, b *model.BaseRank) int {
	return cmp.Or(
		cmp.Compare(slices.Index(order, a.Grade), slices.Index(order, b.Grade)),
		cmp.Compare(len(b.For), len(a.For)),
		cmp.Compare(b.Looked, a.Looked),
		compareBool(b.Named, a.Named),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Origin is what was found of a module, the likeliest base first. Bases that
// nothing tells apart share the first place.
func (a *Asked) Origin() model.ModuleOrigin {
	out := model.ModuleOrigin{Module: a.module.Path, Vermagic: a.module.Facts.Modinfo.Vermagic, Ranks: []model.BaseRank{}}
	for _, r := range a.ranks {
		slices.Sort(r.Files)
		slices.Sort(r.Releases)
		out.Ranks = append(out.Ranks, *r)
	}
	slices.SortFunc(out.Ranks, func(x, y model.BaseRank) int { return cmp.Or(less(&x, &y), cmp.Compare(x.Base.SHA256, y.Base.SHA256)) })
	for i := range out.Ranks {
		r := &out.Ranks[i]
		// How much was compared orders bases and tells none apart: a base with
		// more of the same facts is not more probable for that.
		if !slices.Contains(order[:claims], r.Grade) || r.Grade != out.Ranks[0].Grade || !slices.Equal(r.For, out.Ranks[0].For) {
			break
		}
		out.Found++
	}
	return out
}
