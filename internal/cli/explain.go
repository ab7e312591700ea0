package cli

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"kpkg-btf/internal/explain"
	"kpkg-btf/internal/explain/journal"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	log     string
	format  string
	summary bool
	follow  bool
	boot    string
	since   string
	out     outputFlags
}

func (a *app) explain() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [SET...]",
		Short: "Explain kernel log lines about modules and say how to fix them",
		Long: `Reads a kernel's log, or that of a kernel's build, from standard input or
--log and says what the lines about modules and their BTF mean and what to do.
The form does not matter: dmesg with any of its switches, the journal's text,
JSON and export formats, syslog, consoles, logcat, what containers, CI systems
and collectors make of it, quoted in a mail or copied from a web page, compressed
or not.

Without --log at a terminal, or with --boot, --since or --follow, it asks the
journal of this machine, or /dev/kmsg where there is none.

With SETs (packages, trees, files) it looks for the source: each kernel given is
asked about each module given, and the one that makes it say exactly what was
logged is named, with the build it belongs to. Give each build as one SET: a
package, a folder or an @listfile. It exits with 5 when nothing in the input
was recognised, and with 0 when a journal that has lines holds nothing about
modules.`,
		Example: "  dmesg | kpkg-btf explain\n  kpkg-btf explain --boot -1\n  kpkg-btf explain --boot all --summary\n  kpkg-btf explain --log boot.log linux-image-6.1.0-55-amd64_6.1.192-1_amd64.deb linux-image-6.1.0-56-amd64_6.1.192-2_amd64.deb",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runExplain(cmd.Context(), args, f) },
	}
	cmd.Flags().StringVar(&f.log, "log", "", "file with the lines; - is standard input")
	cmd.Flags().StringVar(&f.format, "format", "text", "text or json; with --follow a JSON object a line")
	cmd.Flags().BoolVar(&f.summary, "summary", false, "one line a module, over all boots of the log")
	cmd.Flags().BoolVar(&f.follow, "follow", false, "go on with what the kernel logs, until interrupted")
	cmd.Flags().StringVar(&f.boot, "boot", "", "the journal of this boot: an id, 0, -1, …, or all")
	cmd.Flags().StringVar(&f.since, "since", "", "the journal since this time, as journalctl takes it")
	f.out.register(cmd, "write the result to a file")
	return cmd
}

func (f *explainFlags) check() error {
	if err := oneOf("--format", f.format, "text", "json"); err != nil {
		return err
	}
	if f.log != "" && (f.boot != "" || f.since != "") {
		return usagef("--boot and --since ask the journal, --log %s is a file: one or the other", f.log)
	}
	if f.follow && f.summary {
		return usagef("--summary needs a log that ends, --follow has none")
	}
	return nil
}

func (a *app) runExplain(ctx context.Context, args []string, f explainFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	if err := f.out.probe(append([]string{f.log}, args...), false); err != nil {
		return err
	}
	in, step, own, err := a.openLog(ctx, f)
	if err != nil {
		return err
	}
	defer in.Close()
	if f.follow {
		return a.followLog(ctx, in, step, args, f)
	}
	log, err := explain.Read(in)
	if err != nil {
		return where.In(step, err)
	}
	var given []explain.Given
	ignored := []model.IgnoredInput{}
	if log.Events() > 0 {
		if given, ignored, err = a.given(ctx, args); err != nil {
			return err
		}
	}
	doc := explain.Explain(log, given)
	doc.Ignored = ignored
	if len(doc.Events) == 0 && (!own || doc.Lines == 0) {
		a.exit = model.ExitInconclusive
	}
	return a.output(f.out, func(w io.Writer) error {
		switch {
		case f.format == "json":
			return report.JSON(w, toolName(), doc)
		case f.summary:
			return report.ExplainSummary(w, doc, a.screenOptions(f.out.file != ""))
		}
		return report.ExplainText(w, doc, a.screenOptions(f.out.file != ""))
	})
}

// openLog opens what is to be read, and says on stderr when that is the
// machine's own log; own reports it.
func (a *app) openLog(ctx context.Context, f explainFlags) (in io.ReadCloser, step string, own bool, err error) {
	asked := f.boot != "" || f.since != "" || f.follow && f.log == ""
	switch {
	case !asked && f.log == "" && !a.atTerminal(), f.log == "-":
		const step = "standard input"
		if f, ok := a.env.Stdin.(*os.File); ok {
			in, err := explain.Unpacked(ctx, f, step)
			return in, step, false, err
		}
		return io.NopCloser(a.env.Stdin), step, false, nil
	case f.log != "":
		in, err := explain.Open(ctx, f.log)
		return in, f.log, false, err
	}
	in, step, err = journal.Open(ctx, journal.Options{Boot: f.boot, Since: f.since, Follow: f.follow})
	if err == nil && !a.quiet {
		fmt.Fprintf(a.env.Stderr, "kpkg-btf: reads %s\n", where.Clean(step))
	}
	return in, step, true, err
}

// atTerminal reports whether standard input is one: nobody types a kernel's log.
func (a *app) atTerminal() bool {
	f, ok := a.env.Stdin.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// followLog explains events as they come.
func (a *app) followLog(ctx context.Context, in io.Reader, step string, args []string, f explainFlags) error {
	if f.out.file != "" {
		return usagef("--follow writes to standard output only")
	}
	given, _, err := a.given(ctx, args)
	if err != nil {
		return err
	}
	return where.In(step, explain.Follow(ctx, in, given, func(e *model.LogEvent) error {
		if f.format == "json" {
			return report.JSONLine(a.env.Stdout, e)
		}
		return report.ExplainEvent(a.env.Stdout, e, a.screenOptions(false))
	}))
}

// given loads each set by itself: two builds under one name stay two.
func (a *app) given(ctx context.Context, args []string) ([]explain.Given, []model.IgnoredInput, error) {
	var given []explain.Given
	ignored := []model.IgnoredInput{}
	for _, arg := range args {
		l, err := a.load(ctx, []string{arg})
		if err != nil {
			return nil, nil, err
		}
		for _, i := range l.Ignored {
			ignored = append(ignored, model.IgnoredInput{File: i.File, Why: i.Why})
		}
		for _, r := range l.Releases {
			g := explain.Given{Release: r}
			if k, err := kernel.Of(r); err != nil {
				g.Why = err.Error()
			} else if g.Rules = k.Rules(); g.Rules == nil {
				g.Why = k.Unasked()
			}
			given = append(given, g)
		}
	}
	return given, ignored, nil
}
