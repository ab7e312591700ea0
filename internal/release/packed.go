package release

import (
	"bytes"
	"compress/flate"
	"io"

	"golang.org/x/sync/errgroup"

	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/where"
)

// Packed is a module of a condensed release: its facts with the BTF deflated,
// a third of the memory. Facts lack BTF, BTFBase, Sections and Modinfo.All.
type Packed struct {
	Path  string
	Facts *kmod.Facts

	btf, base blob
}

// blob is deflated bytes; size -1 stands for none at all.
type blob struct {
	data []byte
	size int
}

// Open gives the facts with their BTF.
func (p *Packed) Open() (*kmod.Facts, error) {
	f := *p.Facts
	var err error
	if f.BTF, err = p.btf.open(); err != nil {
		return nil, where.In(p.Path, err)
	}
	if f.BTFBase, err = p.base.open(); err != nil {
		return nil, where.In(p.Path, err)
	}
	return &f, nil
}

func (b blob) open() ([]byte, error) {
	if b.size < 0 {
		return nil, nil
	}
	out := make([]byte, b.size)
	if _, err := io.ReadFull(flate.NewReader(bytes.NewReader(b.data)), out); err != nil {
		return nil, where.New(where.Internal, "deflated BTF: %w", err)
	}
	return out, nil
}

// packer deflates, one per goroutine.
type packer struct {
	w   *flate.Writer
	buf bytes.Buffer
}

func (p *packer) pack(b []byte) (blob, error) {
	if b == nil {
		return blob{size: -1}, nil
	}
	p.buf.Reset()
	p.w.Reset(&p.buf)
	if _, err := p.w.Write(b); err != nil {
		return blob{}, err
	}
	if err := p.w.Close(); err != nil {
		return blob{}, err
	}
	return blob{bytes.Clone(p.buf.Bytes()), len(b)}, nil
}

// packAll packs modules in their order.
func packAll(list []*Module, jobs int) ([]*Packed, error) {
	out := make([]*Packed, len(list))
	jobs = max(jobs, 1)
	var g errgroup.Group
	for j := range jobs {
		g.Go(func() error {
			w, err := flate.NewWriter(nil, flate.BestSpeed)
			if err != nil {
				return where.New(where.Internal, "deflate: %w", err)
			}
			p := packer{w: w}
			for i := j; i < len(list); i += jobs {
				if out[i], err = p.module(list[i]); err != nil {
					return where.New(where.Internal, "deflate: %w", err)
				}
			}
			return nil
		})
	}
	return out, g.Wait()
}

func (p *packer) module(m *Module) (*Packed, error) {
	f := *m.Facts
	x := &Packed{Path: m.Path, Facts: &f}
	var err error
	if x.btf, err = p.pack(f.BTF); err != nil {
		return nil, err
	}
	if x.base, err = p.pack(f.BTFBase); err != nil {
		return nil, err
	}
	f.BTF, f.BTFBase, f.Sections, f.Modinfo.All = nil, nil, nil, nil
	return x, nil
}
