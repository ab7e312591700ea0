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

// uki judges the initrds within a unified kernel image on its own kernel.
func (v *verifier) uki(ctx context.Context, out *model.HostKernel, im *image, disk *release.Release) error {
	r, path := configured(im, disk), im.path()
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
		if err := v.outside(ctx, out, im.place.mend, "initrd", path, modules, ground{r: r, on: onInstalled}); err != nil {
			return err
		}
	}
	return nil
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
