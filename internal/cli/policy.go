package cli

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/where"
	"kpkg-btf/policy"
)

func (a *app) policy() *cobra.Command {
	cmd := &cobra.Command{
		Use: "policy", Short: "Print or check policy files", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	var file string
	print := &cobra.Command{
		Use: "print", Short: "Print the policy that applies: the embedded default with its comments, or with --policy the effect of a file",
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error { return a.printPolicy(file) },
	}
	print.Flags().StringVar(&file, "policy", "", "policy file")
	lint := &cobra.Command{
		Use: "lint FILE...", Short: "Check policy files: errors, rules that can have no effect or let silent damage pass",
		Long: `Checks policy files. Errors end with exit code 2. What is valid but should be
looked at is listed and ends with exit code 3: rules and waivers that an earlier
one hides, patterns that match no finding there is, expired waivers (by
SOURCE_DATE_EPOCH when that is set, else today), waivers that never end, and what
lets damage pass that no kernel reports, such as modules that run with other
types than they were built with.`,
		Args: someArgs("policy file"),
		RunE: func(_ *cobra.Command, args []string) error { return a.lintPolicies(args) },
	}
	cmd.AddCommand(print, lint)
	return cmd
}

// printPolicy writes a policy that is valid as it stands, digests as comments.
func (a *app) printPolicy(file string) error {
	p, err := a.readPolicy(file)
	if err != nil {
		return err
	}
	text := policy.DefaultText()
	if file != "" {
		text = p.Effective()
	}
	if _, err := a.env.Stdout.Write(text); err != nil {
		return where.In("standard output", where.New(where.IO, "%w", err))
	}
	fmt.Fprintf(a.env.Stdout, "\n# policy: %s\n# sha256 of its text: %s\n# sha256 of what it means: %s\n", where.Clean(p.Source()), p.Digest(), p.EffectiveDigest())
	return nil
}

func (a *app) lintPolicies(files []string) error {
	day, err := a.today()
	if err != nil {
		return err
	}
	for _, path := range files {
		p, err := a.readPolicy(path)
		if err != nil {
			return err
		}
		said := p.Lint(day)
		for _, line := range said {
			fmt.Fprintf(a.env.Stdout, "%s: %s\n", where.Clean(path), where.Clean(line))
			a.exit = exitLint
		}
		if len(said) == 0 {
			fmt.Fprintf(a.env.Stdout, "%s: valid (sha256 %s)\n", where.Clean(path), p.Digest())
		}
	}
	return nil
}

// exitLint is policy lint's code for what is valid and should be looked at: it
// can be repaired, as 3 says elsewhere.
const exitLint = 3

// today is the day by which waivers expire: that of SOURCE_DATE_EPOCH where a
// build sets it, so that one input gives one result, else the clock's, in UTC.
func (a *app) today() (string, error) {
	now, set, err := a.sourceEpoch()
	if err != nil {
		return "", err
	}
	if !set {
		now = time.Now()
	}
	return now.UTC().Format(time.DateOnly), nil
}

// readPolicy reads a policy file; nothing is discovered from the working
// directory, so that a merge request cannot bring its own waivers unseen.
func (a *app) readPolicy(path string) (*policy.Policy, error) {
	if path == "" {
		return policy.Default(), nil
	}
	text, err := a.readText(path, "policy")
	if err != nil {
		if where.KindOf(err) == where.Limit {
			return nil, err
		}
		return nil, usageError{err}
	}
	return policy.Parse(path, text)
}
