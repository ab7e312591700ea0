package cli

import (
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

// outputFlags say where a result goes.
type outputFlags struct {
	file  string
	force bool
	mode  fs.FileMode // of the file; 0 is 0644
	// known: whoever writes looks first whether the file has this very content.
	known bool
	// inputs are the files that were read: none of them is ever written.
	inputs []fsx.ID
}

func (o *outputFlags) register(cmd *cobra.Command, usage string) {
	cmd.Flags().StringVarP(&o.file, "output", "o", "", usage)
	cmd.Flags().BoolVarP(&o.force, "force", "f", false, "replace the output file if it is there")
}

func (o *outputFlags) options() fsx.Options { return fsx.Options{Force: o.force, Inputs: o.inputs} }

// probe finds out before the work whether the output can be written.
func (o *outputFlags) probe(inputs []string, folder bool) error {
	for _, in := range inputs {
		if info, err := os.Stat(in); err == nil {
			if id, ok := fsx.Identity(info); ok {
				o.inputs = append(o.inputs, id)
			}
		}
	}
	if o.file == "" || folder {
		return nil
	}
	opts := o.options()
	opts.Force = opts.Force || o.known
	return fsx.Probe(o.file, opts)
}

// output writes a result to standard output, or to a file that is present
// whole or not at all.
func (a *app) output(o outputFlags, write func(io.Writer) error) error {
	if o.file != "" {
		mode := o.mode
		if mode == 0 {
			mode = 0o644
		}
		return fsx.WriteFile(o.file, mode, write, nil, o.options())
	}
	if err := write(a.env.Stdout); err != nil {
		return where.In("standard output", where.New(where.IO, "%w", err))
	}
	return nil
}
