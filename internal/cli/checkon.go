package cli

import (
	"context"

	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/release"
)

// checkOn is the outside encounter: modules built elsewhere on each kernel
// that may load them.
func (a *app) checkOn(ctx context.Context, args []string, f *checkFlags, opts *judge.Options) error {
	if len(f.against) > 0 || f.asIfSame || len(f.expect) > 0 || len(f.refs) > 0 {
		return usagef("--on judges modules built elsewhere, --against, --as-if-same-release, --refs and --expect a kernel's own: give one or the other")
	}
	kernels, err := a.loadKernels(ctx, f.on)
	if err != nil {
		return err
	}
	news, err := a.load(ctx, args)
	if err != nil {
		return err
	}
	rep, err := judge.Outside(ctx, news, kernels, *opts)
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
	for _, arg := range sets {
		l, err := a.loadKernel(ctx, arg)
		if err != nil {
			return nil, err
		}
		for _, r := range l.Releases {
			if err := r.Forget(); err != nil {
				return nil, err
			}
		}
		kernels = append(kernels, l)
	}
	return kernels, nil
}
