package host

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// link is a module of another kernel's folder that a kernel loads as its own:
// what weak-modules of Red Hat and SUSE put into weak-updates.
type link struct {
	path string // of the link, below the kernel's folder, without the ending of a codec
	file string // that it leads to
}

// Links are the links in a kernel's folder that lead to modules elsewhere. An
// absolute one begins at Root.
func (s *System) Links(k *Kernel) ([]link, error) {
	var out []link
	for _, dir := range []string{"weak-updates", "updates", "extra"} {
		root := filepath.Join(k.Modules, dir)
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			stem, ok := model.ModuleStem(path)
			if err != nil || e.Type() != fs.ModeSymlink || !ok {
				return err
			}
			if len(out) >= limits.MaxEntries {
				return where.New(where.Limit, "more than %d links", limits.MaxEntries)
			}
			file, err := s.follow(path)
			if err != nil {
				return err
			}
			if inside, err := filepath.Rel(k.Modules, file); err == nil && filepath.IsLocal(inside) {
				return nil // read where it lies
			}
			rel, err := filepath.Rel(k.Modules, stem)
			out = append(out, link{rel + ".ko", file})
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, where.In(root, where.New(where.IO, "%w", err))
		}
	}
	return out, nil
}

// linkSteps is how many links a kernel follows (MAXSYMLINKS).
const linkSteps = 40

// follow gives the file a link leads to.
func (s *System) follow(path string) (string, error) {
	for range linkSteps {
		to, err := os.Readlink(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil // dangling: whoever opens it says so
		}
		if err != nil {
			return path, nil // no link
		}
		if filepath.IsAbs(to) {
			path = filepath.Join(s.Root, to)
		} else {
			path = filepath.Join(filepath.Dir(path), to)
		}
	}
	return "", where.New(where.Malformed, "more than %d links", linkSteps)
}

// linked gives the modules that links lead to, under the links' paths.
func (v *verifier) linked(ctx context.Context, k *Kernel) ([]*release.Module, error) {
	if k.Modules == "" {
		return nil, nil
	}
	links, err := v.s.Links(k)
	if err != nil {
		v.unread(err)
		return nil, nil
	}
	var out []*release.Module
	only := v.only()
	for _, l := range links {
		if only != nil && !only(l.path) || !v.readable(l.file) {
			continue
		}
		r, err := v.loadInputs(ctx, "", pack.Input{Path: l.file, Size: -1})
		if err != nil {
			return nil, err
		}
		if r == nil {
			continue
		}
		for _, m := range slices.Concat(r.Modules, r.Added) {
			named := *m
			named.Path = l.path
			out = append(out, &named)
		}
	}
	return out, nil
}
