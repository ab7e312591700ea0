package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"kpkg-btf/internal/fetch"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// baselineFlags say which published kernels are wanted, and where they are.
type baselineFlags struct {
	query     fetch.Query
	places    placeFlags
	withImage bool
	compress  bool
	cache     string
	out       outputFlags
}

func (a *app) baseline() *cobra.Command {
	var b baselineFlags
	cmd := &cobra.Command{
		Use:   "baseline SOURCE... -o DIR",
		Short: "Fetch what was published before: manifests and bases to check against",
		Long: `Finds the kernels that a repository has published, fetches them, and writes
their manifests and bases into a folder, to be committed or used at once:
DIR/ARCH_RELEASE.json and the base beside it. With --compress the manifests are
zstd files, DIR/ARCH_RELEASE.json.zst: all that is kept of a Debian 7.2 amd64
kernel with its 4216 modules, base and references included, is then 3.1 MB. Nothing
else of this program opens a connection.

` + placeHelp + `

References that packagers keep themselves are read as well: a file or folder of
debian/abi/ABINAME/ARCH_FEATURESET_FLAVOUR, abi-prev-RELEASE-ARCH, Module.kabi_ARCH
or Module.symvers gives manifests of symbols alone, which say nothing about BTF.
Where the name does not tell the release, --name and --arch do.

Which kernels: --package and --source name them; one package that matches is
enough to take the kernel it belongs to. Of those, all versions that share the
ABI name of --name RELEASE (those since the last bump), else of the newest of
each flavour. When a release was published in several versions, the newest has
the plain name and the others _VERSION behind it.

What is fetched: the headers first (3 MB), which hold the symbols, and from
Debian 6.12.16 the base too; the image where they lack the base, or with
--with-image, which also records every module. Downloads are kept in --cache
and continued there; a manifest that is there and is of the same packages stays
and nothing is fetched for it.`,
		Example: `  kpkg-btf baseline --from-sources --suite bookworm-security --package 'linux-image-6.1.0-*-amd64' -o debian/abi
  kpkg-btf baseline http://archive/debian --suite trixie --source linux-signed-amd64 -o debian/abi --with-image
  kpkg-btf baseline https://repository/updates/x86_64 --keyring RPM-GPG-KEY --package kernel-core -o abi
  kpkg-btf baseline ../earlier -o abi`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runBaseline(cmd.Context(), args, b)
		},
	}
	f := cmd.Flags()
	f.StringArrayVarP(&b.query.Patterns, "package", "p", nil, "kernels with a package of this name, * and ? allowed (may be given again)")
	f.StringArrayVar(&b.query.Sources, "source", nil, "kernels with a package of this source package (may be given again)")
	f.StringVar(&b.query.Name, "name", "", "all published kernels that share the ABI name of this release (uname -r)")
	f.BoolVar(&b.withImage, "with-image", false, "fetch the image and the modules even where headers would do")
	f.BoolVar(&b.compress, "compress", false, "write manifests as zstd files, a sixth of the size")
	f.StringVar(&b.cache, "cache", "", "folder of downloads (default: kpkg-btf/fetch in the user's cache folder)")
	b.places.register(f)
	b.out.register(cmd, "folder of the manifests; it is made if it is not there")
	return cmd
}

func (a *app) runBaseline(ctx context.Context, args []string, b baselineFlags) error {
	if b.out.file == "" {
		return usagef("give -o FOLDER for the manifests")
	}
	if err := b.query.Valid(); err != nil {
		return usagef("--package: %v", err)
	}
	cache, err := cacheFolder(b.cache)
	if err != nil {
		return err
	}
	refs, args, err := takeReferences(args)
	if err != nil {
		return err
	}
	if len(refs) > 0 {
		if err := b.makeFolder(); err != nil {
			return err
		}
		if err := a.baselineReferences(ctx, refs, b); err != nil || len(args) == 0 && !b.places.fromSources {
			return err
		}
	}
	return a.baselinePublished(ctx, cache, args, b)
}

// makeFolder makes the folder of the manifests.
func (b *baselineFlags) makeFolder() error {
	if err := os.MkdirAll(b.out.file, 0o777); err != nil {
		return where.In(b.out.file, where.New(where.IO, "%w", err))
	}
	return nil
}

// baselinePublished writes the manifests of published kernels.
func (a *app) baselinePublished(ctx context.Context, cache string, args []string, b baselineFlags) error {
	client := fetch.NewClient(cache)
	p := a.progress("fetching")
	client.Progress = p.transfer
	defer p.done()
	b.places.notes = a.env.Stderr
	sources, err := b.places.sources(client, args)
	if err != nil {
		return err
	}
	kernels, err := published(ctx, sources, &b.query)
	if err != nil {
		return err
	}
	if err := b.makeFolder(); err != nil {
		return err
	}
	for i, k := range kernels {
		later := i > 0 && kernels[i-1].Release == k.Release && kernels[i-1].Arch == k.Arch
		if err := a.baselineOne(ctx, client, k, b, later); err != nil {
			return where.In(k.Release+" "+k.Version, err)
		}
	}
	return nil
}

// cacheFolder is the folder of --cache, else the user's own.
func cacheFolder(given string) (string, error) {
	if given != "" {
		return given, nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", usagef("%v: give --cache FOLDER", err)
	}
	return filepath.Join(dir, "kpkg-btf", "fetch"), nil
}

// published asks all sources.
func published(ctx context.Context, sources []fetch.Source, q *fetch.Query) ([]*fetch.Kernel, error) {
	var list []fetch.Package
	for _, s := range sources {
		found, err := s.Packages(ctx, q.May)
		if err != nil {
			return nil, err
		}
		list = append(list, found...)
	}
	kernels := q.Select(list)
	if len(kernels) == 0 {
		names := make([]string, len(sources))
		for i, s := range sources {
			names[i] = s.String()
		}
		return nil, where.New(where.Inconclusive, "no such kernel in %s (%d packages of kernels there)", strings.Join(names, ", "), len(list)).
			WithHint("--package, --source and --name say which; --suite, --component and --arch where")
	}
	return kernels, nil
}

// ending is that of the names of manifests.
func (b *baselineFlags) ending() string {
	if b.compress {
		return ".json.zst"
	}
	return ".json"
}

// baselineOne writes the manifest of one kernel, unless it is present.
func (a *app) baselineOne(ctx context.Context, c *fetch.Client, k *fetch.Kernel, b baselineFlags, older bool) error {
	name := k.Arch + "_" + k.Release
	if older {
		name += "_" + strings.ReplaceAll(k.Version, ":", "%3a")
	}
	if strings.ContainsAny(name, "/\x00") {
		return where.New(where.Malformed, "a release that cannot be the name of a file")
	}
	out := b.out
	out.file = filepath.Join(b.out.file, name+b.ending())
	if m := kept(out.file, k, b.withImage); m != nil {
		return a.tell(out.file, k.Release, k.Version, m, "kept")
	}
	if err := out.probe(nil, false); err != nil {
		return err
	}
	l, r, err := a.fetchKernel(ctx, c, k, b.withImage)
	if err != nil {
		return err
	}
	var refs refsOutput
	if hasBase(r) && len(r.Modules) > 0 {
		refs = refsOutput{outputFlags: outputFlags{file: b.out.file}, folder: true}
	}
	m, err := a.writeManifest(ctx, r, out, refs, nil)
	if err != nil {
		if m = kept(out.file, k, b.withImage); m == nil { // another run may just have written it
			return err
		}
	}
	if err := a.tell(out.file, k.Release, k.Version, m, "written"); err != nil {
		return err
	}
	return a.unread(l)
}

// fetchKernel brings the headers, and the rest where they do not answer.
func (a *app) fetchKernel(ctx context.Context, c *fetch.Client, k *fetch.Kernel, withImage bool) (*release.Loaded, *release.Release, error) {
	var files []string
	if k.Headers != nil {
		file, err := c.Fetch(ctx, k.Headers)
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file)
		if !withImage || len(k.Image) == 0 {
			l, err := a.load(ctx, files)
			if err != nil {
				return nil, nil, err
			}
			if r := named(l, k.Release); r != nil && (hasBase(r) || len(k.Image) == 0) {
				return l, r, nil
			}
		}
	}
	for i := range k.Image {
		file, err := c.Fetch(ctx, &k.Image[i])
		if err != nil {
			return nil, nil, err
		}
		files = append(files, file)
	}
	l, err := a.load(ctx, files)
	if err != nil {
		return nil, nil, err
	}
	if r := named(l, k.Release); r != nil {
		return l, r, nil
	}
	return nil, nil, where.New(where.Inconclusive, "its packages hold no such release: %s", whyIgnored(l))
}

func hasBase(r *release.Release) bool {
	b, _ := r.Base()
	return b != nil
}

func named(l *release.Loaded, name string) *release.Release {
	i := slices.IndexFunc(l.Releases, func(r *release.Release) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	return l.Releases[i]
}

// kept returns the manifest that is there when it is whole, of this very
// kernel, with its base, and says as much as a new one would.
func kept(file string, k *fetch.Kernel, withImage bool) *manifest.Manifest {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	m, err := manifest.Read(text)
	if err != nil || m.Release != k.Release || len(m.Packages) == 0 {
		return nil
	}
	if slices.ContainsFunc(m.Packages, func(p manifest.Package) bool { return p.Version != k.Version }) {
		return nil
	}
	if m.Scope != manifest.Full && len(k.Image) > 0 && (withImage || m.Base == nil) {
		return nil
	}
	if m.Base == nil {
		return m
	}
	f, err := os.Open(filepath.Join(filepath.Dir(file), manifest.BaseName(m.Base.SHA256)))
	if err != nil {
		return nil
	}
	defer f.Close()
	if _, err := manifest.ReadBase(f, m.Base.SHA256); err != nil {
		return nil
	}
	return m
}

// tell says in one line what a manifest holds.
func (a *app) tell(file, release, version string, m *manifest.Manifest, what string) error {
	holds := "image, base and modules"
	switch {
	case m.Scope != manifest.Full && m.Base != nil:
		holds = "base and symbols"
	case m.Scope != manifest.Full:
		holds = "symbols alone, no base"
	case m.Base == nil:
		holds = "image and modules, no base"
	}
	_, err := fmt.Fprintf(a.env.Stdout, "%s: %s, %s, %s\n", where.Clean(file), where.Clean(strings.TrimSpace(release+" "+version)), holds, what)
	if err != nil {
		return where.In("standard output", where.New(where.IO, "%w", err))
	}
	return nil
}
