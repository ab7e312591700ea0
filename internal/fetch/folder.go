package fetch

import (
	"context"
	"strings"

	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

// Folder is a folder of packages, of earlier builds for instance. What is in
// it is taken as it is: nobody vouches for it.
type Folder struct{ Path string }

func (f *Folder) String() string { return f.Path }

// Packages implements Source.
func (f *Folder) Packages(ctx context.Context, keep func(*Package) bool) ([]Package, error) {
	inputs, err := pack.Expand([]string{f.Path})
	if err != nil {
		return nil, err
	}
	if len(inputs) == 1 && inputs[0].Path == f.Path {
		return nil, where.In(f.Path, where.New(where.Usage, "not a folder of packages")).(*where.Error).
			WithHint("of unpacked trees and single files, record makes manifests")
	}
	var list []Package
	for _, in := range inputs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		p, err := described(ctx, in)
		if err != nil {
			return nil, err
		}
		if keep(p) {
			list = append(list, *p)
		}
	}
	return list, nil
}

// described reads what a package says about itself.
func described(ctx context.Context, in pack.Input) (*Package, error) {
	file, err := in.Open(ctx, pack.Options{})
	if err != nil {
		return nil, err
	}
	defer file.Close()
	p := &Package{Name: file.Name, Version: file.Version, Arch: file.Arch, Source: file.Source, Rpm: file.Kind == pack.Rpm, At: in.Path}
	if p.Source == "" {
		p.Source = p.Name
	}
	if p.Rpm {
		p.Release = unameOf(file.Fields["Provides"])
	}
	return p, nil
}

// unameOf finds the uname -r among provides, "name = version, ...".
func unameOf(provides string) string {
	for _, one := range strings.Split(provides, ", ") {
		name, version, ok := strings.Cut(one, " = ")
		if ok && isUname(name) {
			return version
		}
	}
	return ""
}

// isUname: the provides by which a kernel's packages say their uname -r:
// kernel-uname-r, kernel-core-uname-r, kernel-rt-devel-uname-r.
func isUname(name string) bool {
	return strings.HasPrefix(name, "kernel") && strings.HasSuffix(name, "uname-r")
}
