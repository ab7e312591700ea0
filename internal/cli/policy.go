package cli

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
	"kpkg-btf/policy"
)

func (a *app) policy() *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", Short: "Print or check policy files", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		&cobra.Command{
			Use: "print", Short: "Print the embedded default policy with its comments", Args: noArgs,
			RunE: func(*cobra.Command, []string) error {
				_, err := a.env.Stdout.Write(policy.DefaultText())
				return err
			},
		},
		&cobra.Command{
			Use: "lint FILE...", Short: "Check policy files", Args: someArgs("policy file"),
			RunE: func(_ *cobra.Command, args []string) error {
				for _, path := range args {
					p, err := readPolicy(path)
					if err != nil {
						return err
					}
					fmt.Fprintf(a.env.Stdout, "%s: valid (sha256 %s)\n", where.Clean(path), p.Digest())
				}
				return nil
			},
		})
	return cmd
}

// readPolicy reads a policy file; nothing is discovered from the working
// directory, so that a merge request cannot bring its own waivers unseen.
func readPolicy(path string) (*policy.Policy, error) {
	if path == "" {
		return policy.Default(), nil
	}
	info, err := os.Stat(path)
	if err == nil && info.Size() > limits.MaxText {
		return nil, where.In(path, where.New(where.Limit, "a policy of %d bytes", info.Size()))
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, usageError{err}
	}
	return policy.Parse(path, text)
}
