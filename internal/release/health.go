package release

import (
	"slices"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/health"
	"kpkg-btf/internal/model"
)

// Merger finds repeated types in the modules of the release; nil where it has no
// base that can be read.
func (r *Release) Merger() *health.Merger {
	blob, _ := r.Base()
	if blob == nil {
		return nil
	}
	base, err := btf.Parse(blob)
	if err != nil {
		return nil
	}
	return health.NewMerger(base)
}

// Repeats are the types of a module that its base has too. Of a module without BTF,
// one that has its base with it, or one that cannot be read nothing is known.
func (m *Module) Repeats(g *health.Merger) (out health.Repeats, known bool) {
	f := m.Facts
	if g == nil || f.BTF.Len() == 0 || f.BTFBase.Len() > 0 {
		return out, false
	}
	return g.Blob(f.BTF.Bytes())
}

// Health sums up what the build encoded; nil where there is no base that can be
// read. repeats are those of the modules, in their order; nil where they are to be
// looked at now.
func (r *Release) Health(repeats []health.Repeats) *model.Health {
	g := r.Merger()
	if g == nil {
		return nil
	}
	out := &model.Health{KfuncsWrong: []string{}, Doubled: append([]string{}, health.Doubles(g.Base())...), NamesLost: []string{}}
	if health.ByHalves(g.Base()) {
		out.NamesLost = append(out.NamesLost, health.LostNames(g.Base())...)
	}
	for i, k := range r.Kfuncs() {
		out.Kfuncs++
		if i == 0 || k.Owner != r.kfuncs[i-1].Owner || k.Index != r.kfuncs[i-1].Index {
			out.KfuncSets++
		}
		if len(k.Wrong) > 0 {
			out.KfuncsWrong = append(out.KfuncsWrong, k.Subject())
		}
	}
	slices.Sort(out.KfuncsWrong)
	out.KfuncsWrong = slices.Compact(out.KfuncsWrong)
	for i, m := range r.Modules {
		x, known := health.Repeats{}, true
		if repeats != nil {
			x = repeats[i]
		} else {
			x, known = m.Repeats(g)
		}
		sum := &out.Repeated
		if x.Any() {
			sum.Modules++
		}
		if known {
			sum.Of += int64(m.Facts.BTF.Len())
		}
		sum.Composites, sum.Typedefs, sum.Others = sum.Composites+x.Composites, sum.Typedefs+x.Typedefs, sum.Others+x.Others
		sum.Twice, sum.Bytes = sum.Twice+x.Twice, sum.Bytes+x.Bytes
	}
	return out
}
