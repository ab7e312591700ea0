package host

import (
	"context"
	"io"
	"os"

	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// headLen holds the section table of every EFI program seen.
const headLen = 64 << 10

// readUKIs opens the unified images: their kernels are small, and their
// content alone says of which release they are.
func (v *verifier) readUKIs(ctx context.Context) error {
	for _, path := range v.s.UKIs() {
		if v.o.OnlyAdded || len(v.o.Modules) > 0 {
			continue
		}
		r, err := v.load(ctx, "", path)
		if err != nil {
			return err
		}
		if r != nil && (v.o.Kernel == "" || r.Name == v.o.Kernel) {
			v.ukis[r.Name] = append(v.ukis[r.Name], r)
		}
	}
	return nil
}

// uki judges a unified kernel image: its own initrd on its own kernel, and
// the modules on disk on it where its base is not that of the installed image.
func (v *verifier) uki(ctx context.Context, out *model.HostKernel, r, disk *release.Release) error {
	path := r.Packages[0].File
	if disk != nil && len(disk.Modules) > 0 && baseRef(r).SHA256 != out.Base.SHA256 {
		r.Arch = disk.Arch
		modules := *disk
		modules.Images, modules.Added = nil, nil
		if err := v.outside(ctx, out, "installed modules", path, &modules, ground{r: r, on: onInstalled}); err != nil {
			return err
		}
	}
	in, ok := v.input(path)
	if !ok {
		return nil
	}
	spans, err := ukiInitrds(in.At)
	if err != nil {
		v.unread(where.In(path, err))
		return nil
	}
	for _, s := range spans {
		in.Part = &pack.Range{Name: ".initrd", Off: s.Off, Size: s.Size}
		modules, err := v.loadInputs(ctx, r.Name, in)
		if err != nil {
			return err
		}
		if modules == nil || len(modules.Modules)+len(modules.Added) == 0 {
			continue
		}
		modules.Arch = r.Arch
		if err := v.outside(ctx, out, "initrd", path, modules, ground{r: r, on: onInstalled}); err != nil {
			return err
		}
	}
	return nil
}

// named is a new entry in the report for a release that is not installed.
func (v *verifier) named(r *release.Release) *model.HostKernel {
	v.rep.Kernels = append(v.rep.Kernels, model.HostKernel{Release: r.Name, Image: r.Packages[0].File, Base: baseRef(r), Running: r.Name == v.s.Booted, Meets: []model.HostMeeting{}})
	return &v.rep.Kernels[len(v.rep.Kernels)-1]
}

func ukiInitrds(path string) ([]kimage.Span, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, where.New(where.IO, "%w", err)
	}
	defer f.Close()
	head := make([]byte, headLen)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.ErrUnexpectedEOF {
		return nil, where.New(where.IO, "%w", err)
	}
	return kimage.UKIInitrds(head[:n]), nil
}
