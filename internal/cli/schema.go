package cli

import (
	"io"
	"strings"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/schema"
)

func (a *app) schema() *cobra.Command {
	var out outputFlags
	cmd := &cobra.Command{
		Use:       "schema NAME",
		Short:     "Print the JSON schema of a document that this program writes",
		Long:      "Prints the JSON schema (draft 2020-12) of a document that this program writes.\nNAME is one of " + strings.Join(schema.Names(), ", ") + ".",
		Args:      someArgs("document"),
		ValidArgs: schema.Names(),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("one document at a time")
			}
			text, err := schema.Of(args[0])
			if err != nil {
				return err
			}
			if err := out.probe(nil, false); err != nil {
				return err
			}
			return a.output(out, func(w io.Writer) error { _, err := w.Write(text); return err })
		},
	}
	out.register(cmd, "write the schema to a file")
	return cmd
}
