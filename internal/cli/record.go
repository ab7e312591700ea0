package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/judge"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

func (a *app) record() *cobra.Command {
	var out outputFlags
	var refs, policyFile string
	cmd := &cobra.Command{
		Use:   "record SET... [-o FILE] [--refs FILE]",
		Short: "Write the manifest of a release: what later checks need of it",
		Long: `Writes one manifest (JSON, canonical: the same input gives the same bytes) for
the release in the given packages, trees or files. With -o FILE the base BTF is
written beside it as <sha256>.btf.zst; releases with one base share that file.
When the inputs hold several releases, -o names a folder and each release gets
RELEASE_ARCH.json in it. A FILE that ends in .zst is compressed, a sixth of the
size; every command reads it. The sizes are printed.

The modules are judged on their own image, and the manifest keeps the answer, so
that decide needs nothing else. A release that is wrong is recorded with a
warning and exit 0; decide says 6. Of a policy only the certificates count here,
with which signatures are verified; decide lets its own rule on the rest.

With --refs FILE what each module uses of the base (type ids, string offsets and
the rule for each name, words of .BTF_ids) is written too, one zstd file of about
0.2 KB a module, bound to the manifest by its digest. With it and the base, check
answers what those modules mean on another kernel when they are no longer there.
In a folder it gets the name under which check finds it beside the manifest; any
other file is named to check with --refs.

A manifest of headers alone has scope base+symvers: a valid old side of check,
never a new one.`,
		Example: "  kpkg-btf record linux-image-6.1.0-56-amd64_*.deb linux-headers-6.1.0-56-amd64_*.deb -o 6.1.0-56-amd64.json",
		Args:    someArgs("input"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runRecord(cmd.Context(), args, out, refs, policyFile)
		},
	}
	cmd.Flags().StringVar(&refs, "refs", "", "write what the modules use of the base to this file, or to DIGEST.refs.json.zst in a folder that is there")
	cmd.Flags().StringVar(&policyFile, "policy", "", "policy file whose certificates count as the release's own")
	out.register(cmd, "file, or folder when there are several releases (default: standard output, without the base)")
	return cmd
}

func (a *app) runRecord(ctx context.Context, args []string, out outputFlags, refsFile, policyFile string) error {
	pol, err := a.readPolicy(policyFile)
	if err != nil {
		return err
	}
	certs, err := pol.CertificatesDER()
	if err != nil {
		return err
	}
	folder := isFolder(out.file)
	out.known = true
	if err := out.probe(args, folder); err != nil {
		return err
	}
	refs := refsOutput{outputFlags: outputFlags{file: refsFile, force: out.force, known: true}, folder: isFolder(refsFile)}
	if refsFile != "" && filepath.Clean(refsFile) == filepath.Clean(out.file) && !folder {
		return usagef("-o and --refs name one file")
	}
	if err := refs.probe(args, refs.folder); err != nil {
		return err
	}
	l, err := a.load(ctx, args)
	if err != nil {
		return err
	}
	if len(l.Releases) == 0 {
		return where.New(where.Inconclusive, "no kernel release in the inputs: %s", whyIgnored(l)).
			WithHint("give the packages that hold the image, the modules or the headers of one kernel")
	}
	if len(l.Releases) > 1 && out.file != "" && !folder {
		return usagef("the inputs hold %d releases: give -o an existing folder", len(l.Releases))
	}
	if len(l.Releases) > 1 && refsFile != "" && !refs.folder {
		return usagef("the inputs hold %d releases: give --refs an existing folder", len(l.Releases))
	}
	for _, r := range l.Releases {
		one := out
		if folder {
			one.file = filepath.Join(out.file, r.Name+"_"+string(r.Arch)+".json")
		}
		if _, err := a.writeManifest(ctx, r, one, refs, certs); err != nil {
			return err
		}
	}
	return a.unread(l)
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return path != "" && err == nil && info.IsDir()
}

// refsOutput says where references go: to a file, or by their own name into a
// folder.
type refsOutput struct {
	outputFlags
	folder bool
}

// writeManifest writes one manifest, and before it, when asked, the
// references of its modules and beside a file the base. A release that holds
// modules is judged on its own image first: the manifest keeps the answer. certs
// count as its own beside those of the image.
func (a *app) writeManifest(ctx context.Context, r *release.Release, out outputFlags, refs refsOutput, certs [][]byte) (*manifest.Manifest, error) {
	m, err := r.Record(toolName())
	if err != nil {
		return nil, err
	}
	if r.Doc == nil && len(r.Modules) > 0 {
		if err := a.recordSelf(ctx, r, m, certs); err != nil {
			return nil, err
		}
	}
	var sizes []string
	said := func(what, file string) {
		if info, err := os.Stat(file); err == nil {
			sizes = append(sizes, fmt.Sprintf("%s %.1f MB", what, float64(info.Size())/1e6))
		}
	}
	b, _ := r.Base()
	if b != nil && out.file != "" {
		name := filepath.Join(filepath.Dir(out.file), manifest.BaseName(m.Base.SHA256))
		if err := a.writeBase(b, m.Base.SHA256, out, name); err != nil {
			return nil, err
		}
		said("base", name)
	}
	if refs.file != "" {
		name, err := a.writeRefs(ctx, r, m, refs)
		if err != nil {
			return nil, err
		}
		said("references", name)
	}
	if same, err := alreadyThere(out.file, m); err != nil {
		return nil, err
	} else if same && !out.force {
		if !a.quiet {
			fmt.Fprintf(a.env.Stderr, "kpkg-btf: kept %s: it is this very manifest\n", where.Clean(out.file))
		}
		return m, nil
	}
	err = a.output(out, func(w io.Writer) error {
		if strings.HasSuffix(out.file, ".zst") {
			return manifest.WriteCompressed(w, m)
		}
		return manifest.Write(w, m)
	})
	if err == nil && out.file != "" && !a.quiet {
		said("manifest", out.file)
		fmt.Fprintf(a.env.Stderr, "kpkg-btf: wrote %s: %s\n", where.Clean(out.file), strings.Join(sizes, ", "))
	}
	return m, err
}

// recordSelf judges a release on its own image. One that is wrong is recorded
// all the same, with a warning: what it is, later commands say.
func (a *app) recordSelf(ctx context.Context, r *release.Release, m *manifest.Manifest, certs [][]byte) error {
	o, gravest, err := judge.RecordSelf(ctx, r, m, certs, a.jobs)
	if err != nil || o.ExitCode() == model.ExitDone || gravest == nil {
		return err
	}
	fmt.Fprintf(a.env.Stderr, "kpkg-btf: warning: %s is recorded, but on its own image it is %s: %s [%s]\n",
		where.Clean(r.Name), strings.ToUpper(o.Word()), where.Clean(gravest.Message), gravest.Rule)
	return nil
}

// writeRefs writes the references of a release's modules and returns the name
// of the file. In a folder the name is the manifest's digest: one that is present
// already and belongs to the manifest stays.
func (a *app) writeRefs(ctx context.Context, r *release.Release, m *manifest.Manifest, out refsOutput) (string, error) {
	x, err := encounter.References(ctx, r, m, a.jobs)
	if err != nil {
		return "", err
	}
	if out.folder {
		out.file = filepath.Join(out.file, manifest.RefsName(x.Manifest))
	}
	if there, err := release.ReadRefs(out.file); err == nil && there.Check(m) == nil && !out.force {
		return out.file, nil
	}
	if out.folder {
		out.force = true // the name says the content: whoever wrote it in the meantime wrote this
	}
	return out.file, a.output(out.outputFlags, func(w io.Writer) error { return manifest.WriteRefs(w, x) })
}

// writeBase puts the base beside the manifest. Its name is its checksum, so
// one that is present already and is whole stays.
func (a *app) writeBase(b []byte, sum [32]byte, out outputFlags, name string) error {
	if f, err := os.Open(name); err == nil {
		_, err = manifest.ReadBase(f, sum)
		f.Close()
		if err == nil {
			return nil
		}
	}
	out.file, out.force = name, true // the name says the content: whoever wrote it in the meantime wrote this
	return a.output(out, func(w io.Writer) error { return manifest.WriteBase(w, b) })
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
