package cli

import (
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/explain"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report"
	"kpkg-btf/internal/where"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	log    string
	format string
	out    outputFlags
}

func (a *app) explain() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain [SET...]",
		Short: "Lines of a kernel's log in, cause and cure out",
		Long: `Reads lines of dmesg, journalctl -k or modprobe from standard input or --log
and says what those about modules and their BTF mean. With SETs (packages,
trees, files) it looks for the source: each kernel given is asked about each
module given, and the one that makes it say exactly what was logged is named,
with the build it belongs to. Give each build as one SET: a package, a folder
or an @listfile. It exits with 5 when nothing in the input was recognised.`,
		Example: "  dmesg | kpkg-btf explain\n  kpkg-btf explain --log boot.log linux-image-6.1.0-55-amd64_6.1.192-1_amd64.deb linux-image-6.1.0-56-amd64_6.1.192-2_amd64.deb",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.runExplain(cmd.Context(), args, f) },
	}
	cmd.Flags().StringVar(&f.log, "log", "-", "file with the lines; - is standard input")
	cmd.Flags().StringVar(&f.format, "format", "text", "text or json")
	f.out.register(cmd, "write the result to a file")
	return cmd
}

func (a *app) runExplain(ctx context.Context, args []string, f explainFlags) error {
	if err := oneOf("--format", f.format, "text", "json"); err != nil {
		return err
	}
	if err := f.out.probe(append([]string{f.log}, args...), false); err != nil {
		return err
	}
	log, err := a.readLog(f.log)
	if err != nil {
		return err
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
	if len(doc.Events) == 0 {
		a.exit = model.ExitInconclusive
	}
	return a.output(f.out, func(w io.Writer) error {
		if f.format == "json" {
			return report.JSON(w, doc)
		}
		return report.ExplainText(w, doc, a.verbose)
	})
}

func (a *app) readLog(name string) (*explain.Log, error) {
	in, step := a.env.Stdin, "standard input"
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, where.In(name, err)
		}
		defer f.Close()
		in, step = f, name
	}
	log, err := explain.Read(in)
	return log, where.In(step, err)
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
			} else if g.Base = k.Rules(); g.Base == nil {
				g.Why = k.Unasked()
			}
			given = append(given, g)
		}
	}
	return given, ignored, nil
}
