package cli

import (
	"context"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/abiname"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/internal/where"
)

// reference is a file in which a packager keeps the symbols of an earlier
// release, and the release that its name gives, "" where it gives none.
type reference struct {
	file, release string
	arch          model.Arch
}

// references finds such files: the argument itself, or in a folder
// abi-prev-RELEASE-ARCH, Module.kabi_ARCH and ABINAME/ARCH_FEATURESET_FLAVOUR.
func references(arg string) ([]reference, error) {
	info, err := os.Stat(arg)
	if err != nil || strings.Contains(arg, "://") {
		return nil, nil // not a file: an address, or the next reader says so
	}
	if info.Mode().IsRegular() {
		if pack.IsName(arg) {
			return nil, nil
		}
		r, _ := referenceAt(arg)
		r.file = arg
		return []reference{r}, nil
	}
	var out []reference
	err = filepath.WalkDir(arg, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return where.In(file, where.New(where.IO, "%w", err))
		}
		if rel, _ := filepath.Rel(arg, file); d.IsDir() && strings.Count(rel, "/") >= 1 {
			return fs.SkipDir
		}
		if r, ok := referenceAt(file); ok && d.Type().IsRegular() {
			out = append(out, r)
		}
		return nil
	})
	return out, err
}

// referenceAt reads the names: Proxmox and Ubuntu, RHEL, Debian up to 6.1.147.
func referenceAt(file string) (reference, bool) {
	base, dir := filepath.Base(file), filepath.Base(filepath.Dir(file))
	if rest, ok := strings.CutPrefix(base, "abi-prev-"); ok {
		if i := strings.LastIndexByte(rest, '-'); i > 0 && model.ArchOfPackage(rest[i+1:]) != "" {
			return reference{file, rest[:i], model.ArchOfPackage(rest[i+1:])}, true
		}
	}
	if rest, ok := strings.CutPrefix(base, "Module.kabi_"); ok && model.ArchOfPackage(rest) != "" {
		return reference{file, "", model.ArchOfPackage(rest)}, true
	}
	if base == "Module.symvers" {
		return reference{file, "", ""}, true
	}
	f := strings.Split(base, "_")
	if len(f) == 3 && model.ArchOfPackage(f[0]) != "" && dir != "" && dir[0] >= '0' && dir[0] <= '9' {
		rel := dir + "-" + f[2]
		if f[1] != "none" {
			rel = dir + "-" + f[1] + "-" + f[2]
		}
		return reference{file, rel, model.ArchOfPackage(f[0])}, true
	}
	return reference{}, false
}

// baselineReferences writes a manifest of symbols alone for each file; with
// --name those of other ABI names are passed over.
func (a *app) baselineReferences(ctx context.Context, refs []reference, b baselineFlags) error {
	for _, ref := range refs {
		if ref.release == "" {
			ref.release = b.query.Name
		}
		if ref.arch == "" && len(b.places.arches) == 1 {
			ref.arch = model.ArchOfPackage(b.places.arches[0])
		}
		if ref.release == "" || ref.arch == "" {
			return usagef("%s: its name does not say of which release and architecture it is: give --name and --arch", ref.file)
		}
		if b.query.Name != "" && abiname.Stem(ref.release) != abiname.Stem(b.query.Name) {
			continue
		}
		if err := a.baselineReference(ctx, ref, b); err != nil {
			return where.In(ref.file, err)
		}
	}
	return nil
}

func (a *app) baselineReference(ctx context.Context, ref reference, b baselineFlags) error {
	out := b.out
	f, err := os.Open(ref.file)
	if err != nil {
		return where.New(where.IO, "%w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limits.MaxText+1))
	if err != nil {
		return where.New(where.IO, "%w", err)
	}
	table, err := symvers.ParseReference(text)
	if err != nil {
		return err
	}
	r := &release.Release{Key: release.Key{Name: ref.release, Arch: ref.arch}, Symvers: table, SymversSource: filepath.Base(ref.file)}
	m, err := r.Record(toolName())
	if err != nil {
		return err
	}
	name := ref.arch.DebWord() + "_" + ref.release
	if strings.ContainsAny(name, "/\x00") {
		return where.New(where.Usage, "a release that cannot be the name of a file")
	}
	out.file = filepath.Join(out.file, name+b.ending())
	if same, err := alreadyThere(out.file, m); err != nil {
		return err
	} else if same {
		return a.tell(out.file, ref.release, "", m, "kept")
	}
	if _, err := a.writeManifest(ctx, r, out, refsOutput{}, nil); err != nil {
		if same, _ := alreadyThere(out.file, m); !same { // another run may just have written it
			return err
		}
	}
	return a.tell(out.file, ref.release, "", m, "written")
}

// alreadyThere reports whether a file is this very manifest, whatever version of
// this program wrote it.
func alreadyThere(file string, m *manifest.Manifest) (bool, error) {
	want, err := m.Digest()
	if err != nil {
		return false, err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return false, nil
	}
	have, err := manifest.Read(text)
	if err != nil {
		return false, nil
	}
	got, err := have.Digest()
	return err == nil && got == want, nil
}

// takeReferences parts the arguments that are references from the others.
func takeReferences(args []string) (refs []reference, rest []string, err error) {
	for _, arg := range args {
		found, err := references(arg)
		if err != nil {
			return nil, nil, err
		}
		refs = append(refs, found...)
		if len(found) == 0 || holdsPackages(arg) {
			rest = append(rest, arg)
		}
	}
	slices.SortFunc(refs, func(x, y reference) int { return strings.Compare(x.file, y.file) })
	return refs, rest, nil
}

// holdsPackages: a folder may have both.
func holdsPackages(dir string) bool {
	list, err := os.ReadDir(dir)
	return err == nil && slices.ContainsFunc(list, func(e fs.DirEntry) bool { return pack.IsName(e.Name()) })
}
