package cli

import (
	"crypto/sha256"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/decision"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

func (a *app) report() *cobra.Command {
	var show reportFlags
	cmd := &cobra.Command{
		Use:   "report DECISION",
		Short: "Show a stored decision again, in any format",
		Long: `Reads a decision that check or decide wrote with --format json and renders it
anew. The exit code is that of the decision.`,
		Example: "  kpkg-btf check ../*.deb --report json=decision.json\n  kpkg-btf report decision.json --format junit -o decision.xml",
		Args:    someArgs("decision"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usagef("one decision at a time (kpkg-btf decide puts several together)")
			}
			if err := show.probe(args); err != nil {
				return err
			}
			rep, _, err := a.readDecision(args[0])
			if err != nil {
				return err
			}
			show.run.Stored = args[0]
			return a.decided(rep, &show)
		},
	}
	show.register(cmd)
	return cmd
}

// readDecision reads a decision document and gives the SHA-256 of its bytes,
// in hex, too.
func (a *app) readDecision(path string) (rep *model.Report, sum string, err error) {
	text, err := a.readText(path, "decision")
	if err != nil {
		return nil, "", err
	}
	rep, err = decision.Read(text)
	return rep, fmt.Sprintf("%x", sha256.Sum256(text)), where.In(path, err)
}

// readText reads a text document of limited size; "-" is standard input.
func (a *app) readText(path, what string) ([]byte, error) {
	if path == "-" {
		text, err := io.ReadAll(io.LimitReader(a.env.Stdin, limits.MaxText+1))
		if err == nil && len(text) > limits.MaxText {
			err = where.New(where.Limit, "a %s of more than %d bytes", what, limits.MaxText)
		}
		return text, where.In("standard input", err)
	}
	if info, err := os.Stat(path); err == nil && info.Size() > limits.MaxText {
		return nil, where.In(path, where.New(where.Limit, "a %s of %d bytes", what, info.Size()))
	}
	text, err := os.ReadFile(path)
	return text, where.In(path, err)
}
