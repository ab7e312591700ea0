package cli

import (
	"bytes"
	"io"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/report"
)

func (a *app) show() *cobra.Command {
	var out outputFlags
	cmd := &cobra.Command{
		Use:   "show DECISION [FINDING|MODULE|SYMBOL|TYPE]",
		Short: "Everything about one thing in a stored decision, or the whole of it",
		Long: `Reads a decision that check or decide wrote with --report json=FILE and shows
everything it holds about one thing: a finding by the name in its brackets, a
module by its name or path, an exported symbol, or a type that changed. Without
one it shows the whole decision, as -v does.

DECISION may be -, standard input. The exit code is 0 where there is something to
show, whatever was decided.`,
		Example: "  kpkg-btf show decision.json\n  kpkg-btf show decision.json window.base\n  kpkg-btf show decision.json nf_conntrack",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || len(args) > 2 {
				return usagef("show needs a decision, and at most one thing in it; %d arguments given", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if err := out.probe(args[:1], false); err != nil {
				return err
			}
			rep, _, err := a.readDecision(args[0])
			if err != nil {
				return err
			}
			opts := a.screenOptions(out.file != "")
			opts.Verbose, opts.Run.Stored = true, args[0]
			if len(args) == 1 {
				return a.output(out, func(w io.Writer) error { return report.Render(w, rep, "text", opts) })
			}
			var text bytes.Buffer
			found, err := report.Show(&text, rep, args[1], opts)
			if err != nil {
				return err
			}
			if !found {
				return usagef("%s holds nothing called %q%s", args[0], args[1], didYouMean(args[1], report.Things(rep)))
			}
			return a.output(out, func(w io.Writer) error { _, err := w.Write(text.Bytes()); return err })
		},
	}
	out.register(cmd, "write it to a file")
	return cmd
}
