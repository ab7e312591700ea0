package cli

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"kpkg-btf/hooks"
)

func (a *app) hooks() *cobra.Command {
	cmd := &cobra.Command{
		Use: "hooks", Short: "List or print what pipelines and hosts copy: scripts, make fragments, CI jobs", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var out outputFlags
	show := &cobra.Command{
		Use: "print NAME", Short: "Print one of them", Example: "  kpkg-btf hooks print salsa-ci -o debian/kpkg-btf-salsa-ci.yml",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("hooks print takes one name (kpkg-btf hooks list)")
			}
			return nil
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, h := range hooks.All() {
				names = append(names, h.Name+"\t"+h.What)
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			h, ok := hooks.Find(args[0])
			if !ok {
				return usagef("no hook %q (kpkg-btf hooks list)", args[0])
			}
			if err := out.probe(nil, false); err != nil {
				return err
			}
			if h.Run {
				out.mode = 0o755
			}
			return a.output(out, func(w io.Writer) error {
				_, err := w.Write(h.Text())
				return err
			})
		},
	}
	out.register(show, "write it to a file; programs get mode 0755")
	cmd.AddCommand(show, &cobra.Command{
		Use: "list", Short: "List them with version and purpose", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			w := tabwriter.NewWriter(a.env.Stdout, 0, 8, 2, ' ', 0)
			for _, h := range hooks.All() {
				fmt.Fprintf(w, "%s\t%d\t%s\n", h.Name, h.Version(), h.What)
			}
			return w.Flush()
		},
	})
	return cmd
}
