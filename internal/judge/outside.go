package judge

import (
	"context"
	"slices"
	"strings"

	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// outsider is one module built elsewhere, in a row of the matrix.
type outsider struct {
	m       *release.Module
	mod     encounter.Module
	builtOn int          // kernel on whose base its BTF was encoded, -1 when none of them
	action  model.Action // the one rewriting that serves all kernels that need one
	cells   []onKernel   // one a kernel
}

// onKernel is one module on one kernel, with the rule of the finding that says
// what is wrong there; "" where nothing is.
type onKernel struct {
	model.ModuleOn
	rule string
	cell encounter.Cell
}

// Outside judges modules that were built elsewhere (kmod and KMP packages,
// DKMS, weak-updates, a vendor's) on each kernel that may load them. Modules
// of all releases of news take part, those below updates, extra and
// weak-updates too. Nobody tells who ships them to change a kernel's name: what
// no rewriting repairs asks for a rebuild against that kernel.
func Outside(ctx context.Context, news *release.Loaded, kernels []*release.Loaded, o Options) (*model.Report, error) {
	o = o.begin()
	use := o.Policy.On(o.Day)
	rep := newReport(news, kernels, use, o)
	x := &outside{jobs: max(o.Jobs, 1), trust: o.trust(), bases: o.bases}
	for _, set := range kernels {
		for _, r := range set.Releases {
			k, err := kernel.Of(r)
			if err != nil {
				return nil, err
			}
			x.kernels = append(x.kernels, k)
			x.odd = append(x.odd, releaseFindings(r, kernelSide, r.Name)...)
		}
	}
	var err error
	if rep.Kernels, err = Refs(kernels); err != nil {
		return nil, err
	}
	sets, err := x.gather(news)
	if err != nil {
		return nil, err
	}
	if err := x.judge(ctx); err != nil {
		return nil, err
	}
	for i, r := range news.Releases {
		v, err := x.verdict(r, sets[i], rep.Kernels, o, use)
		if err != nil {
			return nil, err
		}
		join(rep, v)
	}
	finish(rep, use)
	return rep, nil
}

// gather lists the modules of all releases, each release's by path.
func (x *outside) gather(news *release.Loaded) ([][]*outsider, error) {
	var sets [][]*outsider
	for _, r := range news.Releases {
		if r.Doc != nil {
			return nil, where.In(r.Packages[0].File, where.New(where.Inconclusive, "a manifest does not hold the modules that are to be judged").
				WithHint("give the package of the modules; a kernel may be a manifest (--on)"))
		}
		var set []*outsider
		for _, m := range slices.Concat(r.Modules, r.Added) {
			set = append(set, newOutsider(m))
		}
		slices.SortFunc(set, func(a, b *outsider) int { return strings.Compare(a.m.Path, b.m.Path) })
		x.list = append(x.list, set...)
		sets = append(sets, set)
	}
	return sets, nil
}

func newOutsider(m *release.Module) *outsider {
	return &outsider{m: m, mod: encounter.Module{Path: m.Path, Name: m.Name(), Facts: m.Facts}}
}

// outside is the matrix in the making.
type outside struct {
	list    []*outsider
	kernels []*kernel.Kernel
	odd     []model.Finding // of what does not fit in them
	trust   kernel.Trust
	bases   *encounter.Bases
	jobs    int
}

// judge asks every kernel about every module, then what one rewriting of a
// module would do for all of them.
func (x *outside) judge(ctx context.Context) error {
	mods := make([]encounter.Module, len(x.list))
	for i, s := range x.list {
		s.builtOn, s.mod.Build = encounter.FindBuild(s.m.Facts, x.kernels)
		mods[i] = s.mod
	}
	loads := make([][]*loadcheck.Result, len(x.kernels))
	for k := range x.kernels {
		loads[k] = encounter.Loads(x.kernels[k], mods, encounter.Around{Found: true, Loaded: true, Trust: x.trust}, x.jobs)
	}
	return encounter.Each(ctx, len(x.list), x.jobs, func(i int, d *distill.Distiller) error {
		s := x.list[i]
		for k := range x.kernels {
			s.cells = append(s.cells, x.cell(s, k, &encounter.Peers{Load: loads[k][i], Bases: x.bases, Distiller: d}))
		}
		x.repair(s, d)
		return nil
	})
}
