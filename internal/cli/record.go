package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

func (a *app) record() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "record SET... [-o FILE]",
		Short: "Write the manifest of a release: what later checks need of it",
		Long: `Writes one manifest (JSON, canonical: the same input gives the same bytes) for
the release in the given packages, trees or files. With -o FILE the base BTF is
written beside it as <sha256>.btf.zst. When the inputs hold several releases,
-o names a folder and each release gets RELEASE_ARCH.json in it.

A manifest of headers alone has scope base+symvers: a valid old side of check,
never a new one.`,
		Example: "  kpkg-btf record linux-image-6.1.0-56-amd64_*.deb linux-headers-6.1.0-56-amd64_*.deb -o 6.1.0-56-amd64.json",
		Args:    someArgs("input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runRecord(cmd.Context(), args, output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "", "file, or folder when there are several releases (default: standard output, without the base)")
	return cmd
}

func (a *app) runRecord(ctx context.Context, args []string, output string) error {
	l, err := a.load(ctx, args)
	if err != nil {
		return err
	}
	if len(l.Releases) == 0 {
		return where.New(where.Inconclusive, "no kernel release in the inputs: %s", whyIgnored(l)).
			WithHint("give the packages that hold the image, the modules or the headers of one kernel")
	}
	info, err := os.Stat(output)
	folder := output != "" && err == nil && info.IsDir()
	if len(l.Releases) > 1 && output != "" && !folder {
		return usagef("the inputs hold %d releases: give -o an existing folder", len(l.Releases))
	}
	for _, r := range l.Releases {
		file := output
		if folder {
			file = filepath.Join(output, r.Name+"_"+string(r.Arch)+".json")
		}
		if err := a.writeManifest(r, file); err != nil {
			return err
		}
	}
	return a.unread(l)
}

// writeManifest writes one manifest, and beside a file the base.
func (a *app) writeManifest(r *release.Release, file string) error {
	m, err := r.Record(toolName())
	if err != nil {
		return err
	}
	if file != "" {
		if b, _ := r.Base(); b != nil {
			beside := filepath.Join(filepath.Dir(file), manifest.BaseName(m.Base.SHA256))
			if err := a.output(beside, func(w writer) error { return manifest.WriteBase(w, b) }); err != nil {
				return err
			}
		}
	}
	return a.output(file, func(w writer) error { return manifest.Write(w, m) })
}

// unread makes a record of which parts are missing inconclusive: it must not
// pass for a complete one.
func (a *app) unread(l *release.Loaded) error {
	for _, r := range l.Releases {
		if len(r.Unread) > 0 {
			return where.In(r.Name, where.New(where.Inconclusive, "the manifest is not complete: %d members could not be read, the first: %v", len(r.Unread), r.Unread[0]))
		}
	}
	return nil
}

type writer = io.Writer

// output writes a result to standard output, or to a file that is there
// whole or not at all.
func (a *app) output(file string, write func(writer) error) error {
	if file == "" {
		if err := write(a.env.Stdout); err != nil {
			return where.In("standard output", where.New(where.IO, "%w", err))
		}
		return nil
	}
	return fsx.WriteFile(file, 0o644, write, nil, fsx.Options{Force: true})
}
