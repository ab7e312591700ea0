package cli

import (
	"context"
	"slices"
	"strings"

	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// checkOn is the outside encounter: external modules on each kernel
// that may load them.
func (a *app) checkOn(ctx context.Context, args []string, f *checkFlags, opts *judge.Options) error {
	if f.asIfSame || len(f.expect) > 0 || len(f.refs) > 0 {
		return usagef("--on without --against judges external modules, --as-if-same-release, --refs and --expect a kernel's own: give --against too, or leave them out")
	}
	kernels, err := a.loadKernels(ctx, f.on)
	if err != nil {
		return err
	}
	news, err := a.load(ctx, args)
	if err != nil {
		return err
	}
	judged := a.working("judging")
	rep, err := judge.Outside(ctx, news, kernels, *opts)
	judged()
	if err != nil {
		return err
	}
	a.concluded(rep, f.failOn)
	return a.decided(rep, &f.show)
}

// loadKernels reads the kernels of --on. Of their own modules only what a
// manifest holds is kept.
func (a *app) loadKernels(ctx context.Context, sets []string) ([]*release.Loaded, error) {
	var kernels []*release.Loaded
	for _, set := range together(ctx, sets) {
		l, err := a.loadKernel(ctx, set)
		if err != nil {
			return nil, err
		}
		for _, r := range l.Releases {
			if err := r.DropModules(); err != nil {
				return nil, err
			}
		}
		kernels = append(kernels, l)
	}
	return kernels, nil
}

// importedBy lists what the modules of some sets import, for the exports of
// kernels that may load them.
func (a *app) importedBy(ctx context.Context, sets []string) ([]string, error) {
	var out []string
	for _, set := range together(ctx, sets) {
		l, err := a.loadKernel(ctx, set)
		if err != nil {
			return nil, err
		}
		modules := 0
		for _, r := range l.Releases {
			for _, m := range slices.Concat(r.Modules, r.Added) {
				modules++
				for i := range m.Facts.Imports {
					out = append(out, m.Facts.Imports[i].Name)
				}
			}
		}
		if modules == 0 {
			return nil, where.In(strings.Join(set, ", "), where.New(where.Inconclusive, "no modules whose imports could count").
				WithHint("beside --against, --on names packages or folders of modules that the kernels may load; a manifest does not hold what modules import"))
		}
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}
