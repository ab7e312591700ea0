package cli

import (
	"fmt"
	"runtime/debug"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/toolversion"
)

// toolName goes into documents, outside their digest.
func toolName() string { return "kpkg-btf " + toolversion.Version }

func (a *app) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version of the tool and of the Go that built it",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			goVersion := "unknown"
			if info, ok := debug.ReadBuildInfo(); ok {
				goVersion = info.GoVersion
			}
			_, err := fmt.Fprintf(a.env.Stdout, "%s (%s)\n", toolName(), goVersion)
			return err
		},
	}
}

func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("unexpected argument %q", args[0])
	}
	return nil
}

func someArgs(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return usagef("%s: no %s given", cmd.Name(), what)
		}
		return nil
	}
}
