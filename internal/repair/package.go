package repair

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/repair/repack"
	"kpkg-btf/internal/where"
)

// publishPackage writes one package anew. Before it gets its name every module
// in it is what was rehearsed, or what it was where nothing was to change.
func (j *job) publishPackage(ctx context.Context, p *placed, out *model.RepairOutput) error {
	opened, err := p.input.Open(ctx, pack.Options{Jobs: j.o.Jobs})
	if err != nil {
		return err
	}
	defer opened.Close()
	opts, err := j.writeOptions(p)
	if err != nil {
		return err
	}
	ro := repack.Options{Jobs: j.o.Jobs, Force: opts.Force, Inputs: opts.Inputs, FS: opts.FS,
		Verify: func(ctx context.Context, written *pack.Package) error { return j.acceptPackage(ctx, p, written) }}
	if !j.o.Latest.IsZero() {
		ro.Epoch = &j.o.Latest
	}
	rep, err := repack.Rewrite(ctx, opened, p.out, j.editor(p), ro)
	if err != nil {
		return err
	}
	if out.SHA256, err = fileSum(p.out); err != nil {
		return err
	}
	out.Published, out.Notes = true, rep.Notes
	c := model.RepairCheck{By: "dpkg-deb", Result: "ok"}
	if p.kind == pack.Rpm {
		c.By = "rpm -K"
	}
	switch {
	case len(rep.Changed) == 0:
		out.Notes = append(out.Notes, "nothing to change: a copy, byte for byte")
		return nil
	case rep.CrossChecked == "":
		c.Result = "not cross-checked: not installed"
	}
	j.out.Checks = append(j.out.Checks, c)
	return nil
}

// editor gives the modules of a package their new content.
func (j *job) editor(p *placed) repack.Editor {
	return repack.Editor{
		Select: func(e *pack.Entry) bool {
			it := j.items[release.Source{Package: p.input.Path, Path: e.Path}]
			return it != nil && it.change && it.of == nil
		},
		Edit: func(ctx context.Context, e *pack.Entry, content []byte) ([]byte, error) {
			t := toolbox.Get().(*tools)
			defer toolbox.Put(t)
			return j.rewrite(ctx, j.items[release.Source{Package: p.input.Path, Path: e.Path}], t, content)
		},
	}
}

// acceptPackage reads every changed module of a finished package back.
func (j *job) acceptPackage(ctx context.Context, p *placed, written *pack.Package) error {
	left := 0
	for _, it := range p.items {
		if it.change && it.of == nil {
			left++
		}
	}
	t := toolbox.Get().(*tools)
	defer toolbox.Put(t)
	err := written.Walk(ctx, func(e *pack.Entry, content io.Reader) error {
		it := j.items[release.Source{Package: p.input.Path, Path: e.Path}]
		if it == nil || !it.change || it.of != nil {
			return nil
		}
		raw, err := io.ReadAll(content)
		if err != nil {
			return err
		}
		left--
		return where.In(e.Path, j.acceptBytes(it, t, raw, it.done.Compression))
	})
	if err == nil && left > 0 {
		err = where.New(where.Internal, "verification of the written package failed: %d changed modules are not in it", left)
	}
	return err
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", where.In(path, where.New(where.IO, "%w", err))
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", where.In(path, where.New(where.IO, "%w", err))
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
