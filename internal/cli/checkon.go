package cli

import (
	"context"
	"io"
	"slices"

	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/report"
)

// checkOn is the outside encounter: modules built elsewhere on each kernel
// that may load them.
func (a *app) checkOn(ctx context.Context, args []string, f *checkFlags, opts *judge.Options) error {
	if len(f.against) > 0 || f.asIfSame || len(f.expect) > 0 || len(f.refs) > 0 {
		return usagef("--on judges modules built elsewhere, --against, --as-if-same-release, --refs and --expect a kernel's own: give one or the other")
	}
	if err := oneOf("--format with --on", f.show.format, "text", "json"); err != nil {
		return err
	}
	if len(f.show.reports) > 0 {
		return usagef("--report has no formats for --on; --format json has everything")
	}
	var kernels []*release.Loaded
	for _, arg := range f.on {
		l, err := a.loadKernel(ctx, arg)
		if err != nil {
			return err
		}
		for _, r := range l.Releases {
			if err := r.Forget(); err != nil {
				return err
			}
		}
		kernels = append(kernels, l)
	}
	news, err := a.load(ctx, args)
	if err != nil {
		return err
	}
	rep, err := judge.Outside(ctx, news, kernels, *opts)
	if err != nil {
		return err
	}
	if slices.Contains(report.PassedBy(f.failOn), rep.ExitCode) {
		rep.FailOn, rep.ExitCode = f.failOn, 0
	}
	a.exit = rep.ExitCode
	return a.output(f.show.out, func(w io.Writer) error {
		if f.show.format == "json" {
			return report.JSON(w, rep)
		}
		return report.OutsideText(w, rep, a.verbose)
	})
}
