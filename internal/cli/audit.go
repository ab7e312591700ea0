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
	cmd.AddCommand(a.auditPlan(), a.auditRun(), a.auditMerge())
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

func (a *app) auditRun() *cobra.Command {
	var q ask.Run
	var shard, size string
	var shards int
	cmd := &cobra.Command{
		Use:   "run PLAN --store STORE [--shard I/N]",
		Short: "Do one share of a plan and leave the results in a store",
		Long: `Fetches, judges and stores the units of one share. A result is stored under the
digest of its packages, the policy and the rules of this version: a unit that has
one is passed over, and a run may be killed and started again anywhere, twice at
once too. A unit that fails is recorded with its reason and tried again by the
next run.

STORE is a folder, which may be NFS, or s3://BUCKET/PREFIX; of that, the variables
AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
AWS_SESSION_TOKEN are read. STORE/records holds the manifests, bases and references
of the kernels, as record writes them.

The share is that of --shard I/N, else what the engine tells its jobs:
  Slurm       SLURM_ARRAY_TASK_ID, _MIN, _COUNT and _STEP
  Kubernetes  JOB_COMPLETION_INDEX, with --shards N
  GitLab      CI_NODE_INDEX and CI_NODE_TOTAL
Without any of them it is the whole plan. Shares are ranges of the plan of about
equal size, so that a kernel's packages are fetched by few.

Exit codes: 0 every unit of the share has a result, good or bad; 1 a unit has
none, and why is printed.`,
		Example: `  kpkg-btf audit run plan --store /nfs/audit --shard 2/16
  kpkg-btf audit run plan --store s3://audit/debian --shards 16
  parallel kpkg-btf audit run plan --store store --shard {}/8 ::: $(seq 8)`,
		Args: someArgs("plan"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("audit run takes one plan")
			}
			if q.Store == "" {
				return usagef("give --store FOLDER or s3://BUCKET/PREFIX for the results")
			}
			var err error
			if q.Shard, err = ask.ShardOf(shard, shards, a.env.Getenv); err != nil {
				return err
			}
			if q.CacheSize, err = ask.Size(size); err != nil {
				return err
			}
			if q.Cache, err = cacheFolder(q.Cache); err != nil {
				return err
			}
			if q.Day, err = a.today(); err != nil {
				return err
			}
			q.Plan, q.Jobs = args[0], a.jobs
			return a.auditProgram(cmd.Context(), ask.Request{Run: &q})
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.Store, "store", "", "folder or s3://BUCKET/PREFIX of the results")
	f.StringVar(&shard, "shard", "", "which share this is, \"I/N\" from 1 (default: what the engine says, else all)")
	f.IntVar(&shards, "shards", 0, "how many shares there are, where the engine does not say")
	f.StringVar(&q.Policy, "policy", "", "policy file (default: the embedded one, see policy print)")
	f.StringVar(&q.Cache, "cache", "", "folder of downloads (default: kpkg-btf/fetch in the user's cache folder)")
	f.StringVar(&size, "cache-size", "20G", "what may stay in the folder of downloads behind each unit")
	return cmd
}

func (a *app) auditMerge() *cobra.Command {
	var q ask.Merge
	cmd := &cobra.Command{
		Use:   "merge STORE PLAN... -o DIR",
		Short: "Put the results of all shares together: SQLite, JSON lines, pages",
		Long: `Looks up every unit of the plans in a store, and writes into a folder:

  audit.sqlite     everything, to be asked with SQL; its schema is in it, with
                   comments (sqlite3 audit.sqlite .schema)
  units.jsonl      one line a unit: the question, and the result or why there is none
  site/index.html  pages: kernels on kernels, external modules on kernels, size,
                   health and slack from upload to upload

A unit without a result is unknown there, never fine. Results count that are of
this version's rules and of this policy; give the one that audit run had.

With --bases the bases of all kernels are written as btfhub keeps them, into
DIR/ARCH/UNAME.btf.tar.xz; inspect --among reads them. DIR is named after the
distribution and its release, for instance btfhub-archive/debian/12. Of several
uploads under one name the newest has it, the others _VERSION behind it.

Exit codes: 0 every unit has a result; 5 some have none; 1 the store or the plan
cannot be read.`,
		Example: `  kpkg-btf audit merge /nfs/audit plan -o audit
  kpkg-btf audit merge s3://audit/debian plan plan.new -o audit --bases btfhub-archive/debian/12`,
		Args: someArgs("store"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usagef("audit merge takes a store and the plans")
			}
			if q.Output == "" {
				return usagef("give -o FOLDER for the answers")
			}
			var err error
			if q.Day, err = a.today(); err != nil {
				return err
			}
			q.Store, q.Plans = args[0], args[1:]
			return a.auditProgram(cmd.Context(), ask.Request{Merge: &q})
		},
	}
	f := cmd.Flags()
	f.StringVarP(&q.Output, "output", "o", "", "folder of the answers; it is made if it is not there")
	f.StringVar(&q.Policy, "policy", "", "policy file (default: the embedded one, see policy print)")
	f.StringVar(&q.Bases, "bases", "", "write the bases into this folder, as btfhub keeps them")
	return cmd
}
