// Package cli is the command line: flags, wiring, and the one table from
// error kind and decision to exit code.
package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kpkg-btf/internal/companion"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/toolversion"
	"kpkg-btf/internal/where"
)

// Env is what the program has of its surroundings.
type Env struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string
	// Environ lists all as os.Environ does; nil where there is none.
	Environ func() []string
}

// app is one run.
type app struct {
	env     Env
	jobs    int
	quiet   bool
	verbose bool
	colour  string   // auto, always or never
	exit    int      // of a command that decided
	used    []string // variables that the run was told by, see fromEnvironment
	pprof   string   // the file for a CPU profile
	samples bytes.Buffer
}

// Main runs one command and gives the process's exit code.
func Main(ctx context.Context, args []string, env Env) int {
	debug.SetGCPercent(50)
	debug.SetMemoryLimit(limits.DefaultMemory * 3 / 4)
	return interruptible(ctx, env.Stderr, func(ctx context.Context) int {
		out := &resultWriter{w: env.Stdout}
		a := &app{env: env}
		a.env.Stdout = out
		root := a.root()
		root.SetArgs(args)
		err := a.endProfile(root.ExecuteContext(ctx))
		if ctx.Err() != nil {
			return model.ExitFailed // the signal says it all
		}
		if err != nil {
			return a.fail(err)
		}
		if out.err != nil {
			return a.fail(where.In("standard output", where.New(where.IO, "%w", out.err)))
		}
		return a.exit
	})
}

// usageError marks errors of flags and arguments.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// fail prints an error as one line, with its excerpt and hint, and gives the exit code.
func (a *app) fail(err error) int {
	fmt.Fprintf(a.env.Stderr, "kpkg-btf: %s\n", where.Clean(err.Error()))
	for _, line := range where.ExcerptOf(err) {
		fmt.Fprintln(a.env.Stderr, where.Clean(line))
	}
	if h := where.HintOf(err); h != "" {
		fmt.Fprintf(a.env.Stderr, "kpkg-btf: hint: %s\n", where.Clean(h))
	}
	return exitCode(err)
}

// exitCode is companion.ExitCode, and what is wrong with flags and arguments.
func exitCode(err error) int {
	var u usageError
	if errors.As(err, &u) {
		return model.ExitUsage
	}
	return companion.ExitCode(err)
}

// Command is the tree of commands, for manual pages and completions.
func Command() *cobra.Command {
	a := &app{env: Env{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard, Getenv: func(string) string { return "" }}}
	return a.root()
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "kpkg-btf",
		Short: "A gate for kernel packages: will each kernel load each module's BTF, and is it right?",
		Long: `kpkg-btf opens the packages a kernel build produced (.deb, .rpm,
.pkg.tar.zst, .apk, .ipk, tar archives, trees, single files), finds the kernel's
BTF and every module's, and reports what every kernel that could load a module
will do with it and whether the result is right. From that it decides: keep,
distill, strip, bump the ABI name, or rebuild.

Exit codes of commands that decide:
  0  done; decision keep
  1  an input cannot be opened or parsed at all; I/O; a limit; an internal error
  2  usage, or a bad policy file
  3  repair needed: distill or strip
  4  ABI bump needed; with --on: to be built for that kernel
  5  inconclusive: not enough information, for example no kernel image
  6  rebuild needed: the release is wrong in itself
Treat any other code as failure.

kpkg-btf help concepts explains the words, kpkg-btf help FINDING a finding by the
name in its brackets.

Flags can also be given as environment variables: KPKG_BTF_ and the flag's name in
capitals, "-" as "_"; blanks separate the values of a flag that repeats. Flags that
say whom to trust, what to run or what to let pass count on the command line alone:
--policy, --resign, --sign-cmd, --trusted-cert, --base-is-this-build, --allow-*.
Variables of the hooks begin with KPKG_BTF_BUILD_ (kpkg-btf hooks list).`,
		SilenceErrors: true, SilenceUsage: true,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unknown command %q%s (kpkg-btf --help lists them)", args[0], didYouMean(args[0], commandNames(cmd)))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return cmd.Help() },
	}
	root.SetIn(a.env.Stdin)
	root.SetOut(a.env.Stdout)
	root.SetErr(a.env.Stderr)
	root.SetFlagErrorFunc(flagError)
	root.Version = toolversion.Version
	root.SetVersionTemplate(toolName() + "\n")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", ".FlagUsagesWrapped 100 "))
	root.SetHelpCommand(a.help())
	f := root.PersistentFlags()
	f.IntVarP(&a.jobs, "jobs", "j", 0, "workers (default: the least of the cores, parallel= in DEB_BUILD_OPTIONS, RPM_BUILD_NCPUS)")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "everything: every module, every subject of a finding")
	f.StringVar(&a.colour, "color", "auto", "colour of text: auto (on a terminal, unless NO_COLOR is set), always or never")
	f.StringVar(&a.pprof, "pprof", "", "write a CPU profile of the run to this file, for go tool pprof")
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return a.prepare(cmd) }
	root.AddCommand(a.inspect(), a.record(), a.check(), a.decide(), a.apply(), a.diff(), a.pin(), a.encoded(), a.report(), a.show(), a.schema(), a.explain(), a.baseline(), a.audit(), a.companion(), a.hooks(), a.verify(), a.policy(), a.version())
	root.CompletionOptions.HiddenDefaultCmd = false
	return root
}

// flagError is a fault of usage, with the flag that may have been meant.
func flagError(cmd *cobra.Command, err error) error {
	name, ok := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !ok {
		return usageError{err}
	}
	var names []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	hint := didYouMean(name, names)
	return usagef("unknown flag: --%s%s (kpkg-btf %s --help lists them)", name, strings.Replace(hint, "mean ", "mean --", 1), strings.TrimPrefix(cmd.CommandPath(), "kpkg-btf "))
}

func commandNames(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// prepare fills flags from the environment and settles the number of jobs.
func (a *app) prepare(cmd *cobra.Command) (err error) {
	if a.used, err = a.fromEnvironment(cmd); err != nil {
		return err
	}
	if err := oneOf("--color", a.colour, colourWords...); err != nil {
		return err
	}
	if a.jobs < 0 || a.jobs > maxJobs {
		return usagef("--jobs %d: from 1 to %d, or 0 for as many as there are cores", a.jobs, maxJobs)
	}
	if a.jobs == 0 {
		a.jobs = defaultJobs(a.env.Getenv)
	}
	a.jobs = min(a.jobs, jobsPerCore*runtime.NumCPU()) // more only take memory
	return a.startProfile()
}

// maxJobs is far above the cores of any machine; each worker has its buffers.
const (
	maxJobs     = 1024
	jobsPerCore = 4
)

// defaultJobs is the least of what the machine and the build allow.
func defaultJobs(getenv func(string) string) int {
	jobs := runtime.GOMAXPROCS(0)
	for _, word := range strings.Fields(strings.ReplaceAll(getenv("DEB_BUILD_OPTIONS"), ",", " ")) {
		if v, ok := strings.CutPrefix(word, "parallel="); ok {
			if n, err := strconv.Atoi(v); err == nil && n > 0 {
				jobs = min(jobs, n)
			}
		}
	}
	if n, err := strconv.Atoi(getenv("RPM_BUILD_NCPUS")); err == nil && n > 0 {
		jobs = min(jobs, n)
	}
	return min(jobs, maxJobs)
}
