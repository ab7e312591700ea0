package repair

import (
	"context"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/repair/repack"
	"kpkg-btf/internal/where"
)

// publishPackage writes one package anew. Before it gets its name every module
// in it is what was rehearsed, or what it was where nothing was to change.
func (j *job) publishPackage(ctx context.Context, p *placed, number int, out *model.RepairOutput) error {
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
		Verify: func(_ context.Context, e *pack.Entry, content []byte) error { return j.acceptEntry(p, e, content) }}
	if !j.o.Latest.IsZero() {
		ro.Epoch = &j.o.Latest
	}
	rep, err := repack.Rewrite(ctx, opened, p.out, j.editor(p, j.written(p, number, opened)), ro)
	if err != nil {
		return err
	}
	out.Published, out.SHA256, out.Notes = true, rep.SHA256, rep.Notes
	c := model.RepairCheck{By: "dpkg-deb", Result: "ok"}
	if p.kind == pack.Rpm {
		c.By = "rpm -K"
	}
	switch {
	case len(rep.Changed) == 0:
		out.Notes = append(out.Notes, "nothing to change: a copy, byte for byte")
		return nil
	case rep.CrossChecked == "":
		c.Result = "not cross-checked: " + rep.NotChecked
	case !strings.HasPrefix(c.By, rep.CrossChecked):
		c.By = rep.CrossChecked // a library, in its stead
	}
	j.out.Checks = append(j.out.Checks, c)
	return nil
}

// written returns what is called with each entry that goes into the new package,
// and tells of it.
func (j *job) written(p *placed, number int, from *pack.Package) func(*pack.Entry) {
	tell := j.progress("writing")
	if tell == nil {
		return func(*pack.Entry) {}
	}
	s := release.Step{Input: p.out, Number: number, Inputs: len(j.places)}
	if n := from.Unpacked(); len(j.places) == 1 {
		s.Whole = n
	}
	return func(e *pack.Entry) {
		s.Bytes += e.Size
		s.Done = min(s.Bytes, s.Whole)
		if j.items[release.Source{Package: p.input.Path, Path: e.Path}] != nil {
			s.Modules++
		}
		tell(s)
	}
}

// editor gives the modules of a package their new content. All that were
// rehearsed must come by.
func (j *job) editor(p *placed, seen func(*pack.Entry)) repack.Editor {
	left := 0
	for _, it := range p.items {
		if it.change && it.of == nil {
			left++
		}
	}
	return repack.Editor{
		Select: func(e *pack.Entry) bool {
			seen(e)
			it := j.items[release.Source{Package: p.input.Path, Path: e.Path}]
			if it == nil || !it.change || it.of != nil {
				return false
			}
			left--
			return true
		},
		Edit: func(ctx context.Context, e *pack.Entry, content []byte, room func(int) []byte) ([]byte, error) {
			t := toolbox.Get().(*tools)
			defer toolbox.Put(t)
			return j.rewrite(ctx, j.items[release.Source{Package: p.input.Path, Path: e.Path}], t, content, room)
		},
		Done: func() error {
			if left != 0 {
				return where.New(where.IO, "changed since it was read: %d modules of it are missing", left).WithHint("run again when nothing else writes here")
			}
			return nil
		},
	}
}

// acceptEntry judges a changed module as it was read back.
func (j *job) acceptEntry(p *placed, e *pack.Entry, content []byte) error {
	it := j.items[release.Source{Package: p.input.Path, Path: e.Path}]
	if it == nil || !it.change || it.of != nil {
		return where.New(where.Internal, "verification of the written package failed: not to be changed")
	}
	t := toolbox.Get().(*tools)
	defer toolbox.Put(t)
	return j.acceptBytes(it, t, content, it.done.Compression)
}
