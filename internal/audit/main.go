// Package audit is the program kpkg-btf-audit: every kernel there is, on the
// engine that the user has. It plans, does one share of the units, and merges what
// all shares have left in a store; it schedules nothing.
package audit

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"kpkg-btf/internal/audit/ask"
	"kpkg-btf/internal/audit/plan"
	"kpkg-btf/internal/companion"
	"kpkg-btf/internal/fetch"
	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/toolversion"
	"kpkg-btf/internal/where"
)

// program is one run.
type program struct {
	stdout, stderr io.Writer
	getenv         func(string) string
	quiet          bool
}

// Main reads an ask.Request from stdin, does it and returns the exit code, which is
// kpkg-btf's own.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer, getenv func(string) string) int {
	switch {
	case len(args) == 1 && args[0] == "--version":
		fmt.Fprintln(stdout, ask.Program, toolversion.Version)
		return model.ExitDone
	case len(args) > 0:
		fmt.Fprintf(stderr, "%s: does what kpkg-btf audit asks, which gives it its orders on standard input\n", ask.Program)
		return model.ExitUsage
	}
	debug.SetGCPercent(50)
	debug.SetMemoryLimit(limits.DefaultMemory * 3 / 4)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	p := &program{stdout: stdout, stderr: stderr, getenv: getenv}
	code, err := p.do(ctx, stdin)
	switch {
	case ctx.Err() != nil:
		return model.ExitTerminated
	case err != nil:
		return companion.Ended(err, p.stderr)
	}
	return code
}

func (p *program) do(ctx context.Context, stdin io.Reader) (int, error) {
	var r ask.Request
	if err := companion.ReadRequest(stdin, "audit", &r); err != nil {
		return 0, err
	}
	if err := companion.SameVersion(ask.Program, r.Tool); err != nil {
		return 0, err
	}
	p.quiet = r.Quiet
	switch {
	case r.Plan != nil:
		return model.ExitDone, p.plan(ctx, r.Plan)
	case r.Run != nil:
		return p.run(ctx, r.Run)
	case r.Merge != nil:
		return p.merge(ctx, r.Merge)
	}
	return 0, where.In("standard input", where.New(where.Usage, "a request for nothing"))
}

// note says something on the way.
func (p *program) note(format string, args ...any) {
	fmt.Fprintf(p.stderr, "kpkg-btf: %s\n", where.Clean(fmt.Sprintf(format, args...)))
}

// plan writes the plan of an archive.
func (p *program) plan(ctx context.Context, a *ask.Plan) error {
	w := &plan.Wanted{Kernels: fetch.Query{Patterns: a.Patterns, Sources: a.Sources}, Modules: a.Modules, Names: a.Names}
	if err := w.Kernels.Valid(); err != nil {
		return where.New(where.Usage, "--package: %w", err)
	}
	if a.Output != "" {
		if err := fsx.Probe(a.Output, fsx.Options{Force: a.Force}); err != nil {
			return err
		}
	}
	if a.Since != "" {
		known, err := plan.Questions(a.Since)
		if err != nil {
			return err
		}
		w.Since = known
	}
	c := fetch.NewClient(a.Cache)
	sources, err := c.Open(a.Places, func(at, what, flag string) { p.note("%s: %s: taken by %s", at, what, flag) })
	if err != nil {
		return err
	}
	units, err := plan.Make(ctx, sources, w)
	if err != nil {
		return err
	}
	names := make([]string, len(sources))
	for i, s := range sources {
		names[i] = where.Clean(s.String())
	}
	write := func(to io.Writer) error { return plan.Write(to, names, units) }
	if a.Output != "" {
		err = fsx.WriteFile(a.Output, 0o644, write, nil, fsx.Options{Force: a.Force})
	} else if err = write(p.stdout); err != nil {
		err = where.In("standard output", where.New(where.IO, "%w", err))
	}
	if err == nil && !p.quiet {
		p.planned(units, a.Since != "")
	}
	return err
}

// planned says what a plan holds.
func (p *program) planned(units []*plan.Unit, since bool) {
	n := map[plan.Kind]int{}
	kept, bytes := 0, int64(0)
	for _, u := range units {
		n[u.Kind]++
		if u.AsIf {
			kept++
		}
		if u.Kind == plan.Kernel {
			bytes += u.Weight()
		}
	}
	what := "planned"
	if since {
		what = "planned, beyond the earlier plan"
	}
	p.note("%s: %s (%.1f GB); pairs: %d under one name, %d with another name, %d of external modules", what,
		model.Plural(n[plan.Kernel], "kernel", "kernels"), float64(bytes)/1e9, n[plan.Window]-kept, kept, n[plan.Outside])
}

// Run is Main with the process's own surroundings.
func Run() int {
	return Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
}
