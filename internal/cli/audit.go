package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/audit/ask"
	"kpkg-btf/internal/companion"
	"kpkg-btf/internal/fetch"
	"kpkg-btf/internal/toolversion"
)

func (a *app) audit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Every kernel there is, on the engine that you have: plan, run a share, merge",
		Long: `Plans which kernels and pairs of kernels there are, does one share of them, and
merges the results. It schedules nothing: a job array of Slurm, GitLab's
parallel:, Kubernetes or GNU parallel runs the shares. The work is done by
kpkg-btf-audit, a program of its own that is installed with this one.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q%s (kpkg-btf audit --help lists them)", args[0], didYouMean(args[0], commandNames(cmd)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.auditPlan())
	return cmd
}

// auditProgram has the other program do a request. Its exit code is this one's.
func (a *app) auditProgram(ctx context.Context, r ask.Request) error {
	r.Tool, r.Quiet = toolversion.Version, a.quiet
	var env []string
	if a.env.Environ != nil {
		env = a.env.Environ() // proxies, certificates, credentials of a store
	}
	c := companion.Call{Program: ask.Program, Does: "audits archives", Request: r, Env: env, Stdout: a.env.Stdout, Stderr: a.env.Stderr}
	err := c.Run(ctx)
	var failed *companion.ExitError
	if errors.As(err, &failed) {
		a.exit = failed.Code // it has said why
		return nil
	}
	return err
}

func (a *app) auditPlan() *cobra.Command {
	var q ask.Plan
	var places placeFlags
	var out outputFlags
	cmd := &cobra.Command{
		Use:   "plan SOURCE... [-o PLAN]",
		Short: "Which kernels there are, and who meets whom: one line a unit",
		Long: `Reads the indexes of archives and writes a plan: JSON, one line a unit with the
names and SHA-256 of its packages. No package is fetched. The same indexes give
the same text, so that two plans can be compared with diff.

Units are: each kernel on its own image; each upload against every earlier one
under the same name, which may still be booted; each kernel against the last
names of its series, as if it had kept the name (--names); and each package of
external modules (--modules) on each kernel of its architecture. With --since
an earlier plan, what it holds is left out.

` + placeHelp + `

A folder may also be an @listfile of packages.`,
		Example: `  kpkg-btf audit plan --from-sources -o plan
  kpkg-btf audit plan http://archive/debian --suite sid --suite trixie --arch amd64 --arch arm64 -o plan
  kpkg-btf audit plan https://repository/updates/x86_64 --keyring RPM-GPG-KEY --since plan -o plan.new`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if q.Names < 0 {
				return usagef("--names %d: from 0", q.Names)
			}
			query := fetch.Query{Patterns: append(q.Patterns, q.Modules...)}
			if err := query.Valid(); err != nil {
				return usagef("--package, --modules: %v", err)
			}
			var err error
			if q.Places, err = places.places(args); err != nil {
				return err
			}
			if q.Cache, err = cacheFolder(q.Cache); err != nil {
				return err
			}
			q.Output, q.Force = out.file, out.force
			return a.auditProgram(cmd.Context(), ask.Request{Plan: &q})
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&q.Patterns, "package", "p", nil, "kernels with a package of this name, * and ? allowed (may be given again; default: all)")
	f.StringArrayVar(&q.Sources, "source", nil, "kernels with a package of this source package (may be given again)")
	f.StringArrayVar(&q.Modules, "modules", ask.DefaultModules, "packages of external modules, * and ? allowed (may be given again)")
	f.IntVar(&q.Names, "names", 1, "earlier names of its series that each kernel is judged against as if it had kept them")
	f.StringVar(&q.Since, "since", "", "an earlier plan, whose units are left out")
	f.StringVar(&q.Cache, "cache", "", "folder of downloads (default: kpkg-btf/fetch in the user's cache folder)")
	places.register(f)
	out.register(cmd, "file of the plan (default: standard output)")
	return cmd
}
