package cli

import (
	"context"
	"io"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
)

// diffFlags are the flags of diff.
type diffFlags struct {
	format   string
	exitCode bool
	limit    int
	out      outputFlags
}

func (a *app) diff() *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff OLD NEW",
		Short: "Show what changed between two bases, in C terms, and what reaches it",
		Long: `Compares the types of two kernels, definition by definition: added, removed,
changed (in C, with offsets in bytes), and how far ids moved. Of each it says
which exported symbols and which modules reach it, by value or only behind a
pointer, as far as the inputs hold symbols and modules: a linux-headers package
with both bases and Module.symvers answers for symbols, the packages with the
modules answer for modules.

OLD and NEW are each a package, tree, image, @listfile, manifest with its base
beside it, or a file of BTF such as /sys/kernel/btf/vmlinux.

A definition is changed when it is spelled otherwise; one that only points to
another that changed is not. With --exit-code the command returns 1 when a
definition was added, removed or changed, as diff(1) does, else 0.`,
		Example: "  kpkg-btf diff linux-image-6.1.0-54-amd64_*.deb linux-image-6.1.0-55-amd64_*.deb\n  kpkg-btf diff 6.1.0-55-amd64.json /sys/kernel/btf/vmlinux",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("diff needs two inputs, OLD and NEW; %d given (a list of files goes into @FILE)", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.runDiff(cmd.Context(), args, f) },
	}
	fl := cmd.Flags()
	fl.StringVar(&f.format, "format", "text", "text or json")
	fl.BoolVar(&f.exitCode, "exit-code", false, "return 1 when there is a difference")
	fl.IntVar(&f.limit, "limit", limits.MaxFindings, "how many changes, additions and removals are listed each; -1 for all")
	f.out.register(cmd, "write the result to a file")
	return cmd
}

func (a *app) runDiff(ctx context.Context, args []string, f diffFlags) error {
	if err := oneOf("--format", f.format, "text", "json"); err != nil {
		return err
	}
	if err := f.out.probe(args, false); err != nil {
		return err
	}
	// What the first set holds is reduced before the second is read, so that
	// the peak is that of one release; pairing needs only names.
	old, oldSides, err := a.typeSides(ctx, args[0])
	if err != nil {
		return err
	}
	new, newSides, err := a.typeSides(ctx, args[1])
	if err != nil {
		return err
	}
	o, n, err := judge.PairSides(old, new)
	if err != nil {
		return err
	}
	left, err := oldSides(o)
	if err != nil {
		return err
	}
	right, err := newSides(n)
	if err != nil {
		return err
	}
	doc := judge.TypeDiff(left, right, f.limit)
	if f.exitCode && !doc.Same {
		a.exit = 1
	}
	return a.output(f.out, func(w io.Writer) error {
		if f.format == "json" {
			return report.JSON(w, toolName(), doc)
		}
		return report.DiffText(w, doc, a.screenOptions(f.out.file != ""))
	})
}

// typeSides reads one set and lets go of what diff does not need. What is
// wrong with one of its releases is told when that one is asked for.
func (a *app) typeSides(ctx context.Context, arg string) (*release.Loaded, func(*release.Release) (*judge.TypeSide, error), error) {
	l, err := a.loadBase(ctx, arg)
	if err != nil {
		return nil, nil, err
	}
	if len(l.Releases) == 0 {
		return nil, nil, where.In(arg, where.New(where.Inconclusive, "no kernel release in it: %s", whyIgnored(l)))
	}
	sides := map[*release.Release]*judge.TypeSide{}
	wrong := map[*release.Release]error{}
	for _, r := range l.Releases {
		if sides[r], wrong[r] = judge.NewTypeSide(r); wrong[r] != nil {
			continue
		}
		r.Modules, r.Added = nil, nil
	}
	return l, func(r *release.Release) (*judge.TypeSide, error) { return sides[r], where.In(arg, wrong[r]) }, nil
}

// loadBase reads a set, or a file that is BTF itself.
func (a *app) loadBase(ctx context.Context, arg string) (*release.Loaded, error) {
	r, err := release.RawBase(arg)
	if err != nil {
		return nil, err
	}
	if r != nil {
		return &release.Loaded{Releases: []*release.Release{r}}, nil
	}
	return a.load(ctx, []string{arg})
}
