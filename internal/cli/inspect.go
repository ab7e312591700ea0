package cli

import (
	"io"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/report"
)

func (a *app) inspect() *cobra.Command {
	var format, among string
	var top int
	var out outputFlags
	cmd := &cobra.Command{
		Use:   "inspect PATH...",
		Short: "Show what is inside: images, bases, sizes of module BTF, signatures, ids sets",
		Long: `Shows what packages, trees or single files hold of a kernel: where the base is
and its checksum, what the kernel does with module BTF and by which evidence,
how much BTF the modules carry and which carry most, who signed them.

With --among, on which of several recorded bases the modules were encoded: of a
folder of manifests, packages, images, raw .btf files and btfhub's archives
(.btf.tar.xz), or of one of these. Bases are ranked by what speaks for them: a
stamp, a release on it with the very same BTF, checks that could have failed; it
exits with 5 when a module fits none of them, or several equally.`,
		Example: "  kpkg-btf inspect linux-image-6.1.0-56-amd64_6.1.192-2_amd64.deb\n  kpkg-btf inspect --format json --top -1 /boot/vmlinuz-6.1.0-56-amd64\n  kpkg-btf inspect vendor.ko --among debian/abi",
		Args:    someArgs("input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneOf("--format", format, "text", "json"); err != nil {
				return err
			}
			if err := out.probe(args, false); err != nil {
				return err
			}
			if among != "" {
				return a.inspectAmong(cmd.Context(), args, among, format, out)
			}
			l, err := a.load(cmd.Context(), args)
			if err != nil {
				return err
			}
			in := l.Inventory(top)
			return a.output(out, func(w io.Writer) error {
				if format == "json" {
					return report.JSON(w, toolName(), in)
				}
				opts := a.screenOptions(out.file != "")
				opts.Run = report.Run{Command: "inspect", Inputs: args}
				return report.InspectText(w, in, opts)
			})
		},
	}
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	cmd.Flags().IntVar(&top, "top", 10, "how many modules to list by size of their BTF; -1 for all")
	cmd.Flags().StringVar(&among, "among", "", "folder or file with bases: say on which of them the modules were encoded")
	out.register(cmd, "write the result to a file")
	return cmd
}

func oneOf(flag, value string, allowed ...string) error {
	for _, a := range allowed {
		if a == value {
			return nil
		}
	}
	if allowed[0] == "" {
		allowed = allowed[1:] // what a flag is that was not given
	}
	return usagef("%s %q: one of %v", flag, value, allowed)
}
