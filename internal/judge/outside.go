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

// externalModule is one external module, in a row of the matrix.
type externalModule struct {
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
	var odd []note // what does not fit in the kernels
	for _, set := range kernels {
		for _, r := range set.Releases {
			k, err := kernel.Of(r)
			if err != nil {
				return nil, err
			}
			x.kernels = append(x.kernels, k)
			for _, f := range releaseFindings(r, kernelSide, r.Name) {
				odd = append(odd, said(f))
			}
		}
	}
	var err error
	if rep.Kernels, err = Refs(kernels); err != nil {
		return nil, err
	}
	mods, sizes, err := gather(news)
	if err != nil {
		return nil, err
	}
	list, err := x.judge(ctx, mods)
	if err != nil {
		return nil, err
	}
	for i, r := range news.Releases {
		set := list[:sizes[i]]
		list = list[sizes[i]:]
		v, err := x.verdict(r, set, len(mods) == 0, odd, rep.Kernels, o, use)
		if err != nil {
			return nil, err
		}
		join(rep, v)
	}
	finish(rep, use)
	return rep, nil
}

// gather lists the modules of all releases, each release's by path, and how many
// each has.
func gather(news *release.Loaded) (mods []*release.Module, sizes []int, err error) {
	for _, r := range news.Releases {
		if r.Doc != nil {
			return nil, nil, where.In(r.Packages[0].File, where.New(where.Inconclusive, "a manifest does not hold the modules that are to be judged").
				WithHint("give the package of the modules; a kernel may be a manifest (--on)"))
		}
		set := slices.Concat(r.Modules, r.Added)
		slices.SortFunc(set, func(a, b *release.Module) int { return strings.Compare(a.Path, b.Path) })
		mods, sizes = append(mods, set...), append(sizes, len(set))
	}
	return mods, sizes, nil
}

// outside are the kernels that modules meet, and what that takes.
type outside struct {
	kernels []*kernel.Kernel
	trust   kernel.Trust
	bases   *encounter.Bases
	jobs    int
}

// judge asks every kernel about every module, then what one rewriting of a
// module would do for all of them.
func (x *outside) judge(ctx context.Context, list []*release.Module) ([]*externalModule, error) {
	mods, out := make([]encounter.Module, len(list)), make([]*externalModule, len(list))
	for i, m := range list {
		s := &externalModule{m: m, mod: encounter.Module{Path: m.Path, Name: m.Name(), Facts: m.Facts}}
		s.builtOn, s.mod.Build = encounter.FindBuild(m.Facts, x.kernels)
		mods[i], out[i] = s.mod, s
	}
	loads := make([][]*loadcheck.Result, len(x.kernels))
	for k := range x.kernels {
		loads[k] = encounter.Loads(x.kernels[k], mods, encounter.Around{Found: true, Loaded: true, Trust: x.trust}, x.jobs)
	}
	return out, encounter.Each(ctx, len(out), x.jobs, func(i int, d *distill.Distiller) error {
		s := out[i]
		for k := range x.kernels {
			s.cells = append(s.cells, x.cell(s, k, &encounter.Peers{Load: loads[k][i], Bases: x.bases, Distiller: d}))
		}
		x.repair(s, d)
		return nil
	})
}
