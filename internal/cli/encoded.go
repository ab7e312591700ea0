package cli

import (
	"io"
	"os"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/btf/stamp"
	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/repair/modfile"
	"kpkg-btf/internal/where"
)

// encoded is for the wrapper that encodes modules (hook pin-pahole), at the
// moment when it knows the base because it has just used it.
func (a *app) encoded() *cobra.Command {
	var base string
	cmd := &cobra.Command{
		Use: "encoded MODULE --base VMLINUX", Short: "Stamp a module that was encoded a moment ago (for wrappers of pahole)", Hidden: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("encoded takes one module; %d given", len(args))
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error { return where.In(args[0], stampEncoded(args[0], base)) },
	}
	cmd.Flags().StringVar(&base, "base", "", "the vmlinux whose .BTF the module was encoded on")
	return cmd
}

// stampEncoded writes into a module, where it is, which base it was encoded on.
func stampEncoded(path, vmlinux string) error {
	data, free, err := mapELF(vmlinux)
	if err != nil {
		return where.In(vmlinux, err)
	}
	if data == nil {
		return usagef("--base %s is not an ELF file", vmlinux)
	}
	defer free()
	raw, err := elfBase(data)
	if err != nil {
		return where.In(vmlinux, err)
	}
	id, err := stamp.BaseOf(raw.Bytes(), raw)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return where.New(where.IO, "%w", err)
	}
	if info.Size() > limits.MaxModule {
		return where.New(where.Limit, "%d bytes, the limit for a module is %d", info.Size(), int64(limits.MaxModule))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return where.New(where.IO, "%w", err)
	}
	res, err := modfile.Stamp(content, id, stamp.Encoder)
	if err != nil || !res.Changed {
		return err
	}
	return fsx.WriteFile(path, info.Mode().Perm(), func(w io.Writer) error { return writeAll(w, res.Data) }, nil, fsx.Options{Force: true})
}
