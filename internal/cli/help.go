package cli

import (
	"io"
	"slices"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/judge/rules"
	"kpkg-btf/internal/report"
)

// help is the command for topics: a command, a finding, or one of report.Topics.
func (a *app) help() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "help [TOPIC]",
		Short: "Help about a command, a finding (window.signer), concepts, exit-codes, findings",
		Long: `Explains a command, a finding by the name in its brackets, or a topic:

  concepts    the words: base, split BTF, window, distill, …
  exit-codes  what each exit code means
  findings    all findings, one line each`,
		Example:           "  kpkg-btf help check\n  kpkg-btf help window.signer\n  kpkg-btf help concepts",
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			if len(args) == 0 {
				return root.Help()
			}
			if found, rest, err := root.Find(args); err == nil && found != root && len(rest) == 0 {
				found.InitDefaultHelpFlag()
				return found.Help()
			}
			if len(args) > 1 {
				return usagef("help explains one topic at a time")
			}
			return a.topic(root, args[0])
		},
	}
	return cmd
}

func (a *app) topic(root *cobra.Command, name string) error {
	opts := a.screenOptions(false)
	if r, ok := rules.Of(name); ok {
		return a.output(outputFlags{}, func(w io.Writer) error { return report.Rule(w, &r, opts) })
	}
	if slices.Contains(report.Topics(), name) {
		return a.output(outputFlags{}, func(w io.Writer) error { return report.Topic(w, name, opts) })
	}
	return usagef("no command, finding or topic %q%s (kpkg-btf help findings lists the findings)", name, didYouMean(name, topicNames(root)))
}

// topicNames are all words that help explains.
func topicNames(root *cobra.Command) []string {
	names := report.Topics()
	for _, c := range root.Commands() {
		names = append(names, c.Name())
	}
	for _, r := range rules.All() {
		names = append(names, r.ID)
	}
	return names
}
