package host

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// link is a module of another kernel's folder that a kernel loads as its own:
// what weak-modules of Red Hat and SUSE put into weak-updates.
type link struct {
	path string // of the link, below the kernel's folder, without the ending of a codec
	file string // that it leads to
}

// Links are the links in a kernel's folder that lead to modules elsewhere.
func (s *System) Links(k *Kernel) ([]link, error) {
	modules, err := s.resolve(k.Modules)
	if err != nil {
		return nil, where.In(k.Modules, where.New(where.IO, "%w", err))
	}
	var out []link
	for _, dir := range []string{"weak-updates", "updates", "extra"} {
		root := filepath.Join(modules, dir)
		err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
			stem, ok := model.ModuleStem(path)
			if err != nil || e.Type() != fs.ModeSymlink || !ok {
				return err
			}
			if len(out) >= limits.MaxEntries {
				return where.New(where.Limit, "more than %d links", limits.MaxEntries)
			}
			file, err := s.resolve(path)
			if errors.Is(err, fs.ErrNotExist) {
				file = path // dangling: whoever opens it says so
			} else if err != nil {
				return err
			} else if inside, err := filepath.Rel(modules, file); err == nil && filepath.IsLocal(inside) {
				return nil // read where it lies
			}
			rel, err := filepath.Rel(modules, stem)
			out = append(out, link{rel + ".ko", file})
			return err
		})
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, where.In(root, where.New(where.IO, "%w", err))
		}
	}
	return out, nil
}

// linked returns the modules that links lead to, under the links' paths.
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
		if only != nil && !only(l.path) {
			continue
		}
		r, err := v.load(ctx, "", l.file)
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
