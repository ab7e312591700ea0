package repair

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"sync"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

// publish writes what was rehearsed: trees file by file, packages whole.
func (j *job) publish(ctx context.Context) error {
	for i, p := range j.places {
		changed := 0
		for _, it := range p.items {
			if it.change {
				changed++
			}
		}
		out := model.RepairOutput{Input: p.input.Path, Output: p.out, Modules: len(p.items), Changed: changed}
		if p.inPlace() {
			out.Output = p.input.Path
		}
		if !j.o.DryRun && j.o.Export == nil {
			var err error
			switch {
			case !p.inPlace():
				err = j.publishPackage(ctx, p, i+1, &out)
			default:
				out.Published = changed > 0
				err = where.In(p.input.Path, j.publishTree(ctx, p))
			}
			if err != nil {
				return err
			}
		}
		j.out.Outputs = append(j.out.Outputs, out)
	}
	return nil
}

// publishTree replaces the files of a tree one by one, several at a time. No
// other run may be at work in it, so that what killed runs left can go.
func (j *job) publishTree(ctx context.Context, p *placed) error {
	root := p.input.Path
	if p.kind == pack.File {
		root = filepath.Dir(root)
	}
	release, err := fsx.Lock(root)
	if err != nil {
		return err
	}
	defer release()
	if err := j.afterKilled(p); err != nil {
		return err
	}
	var work []*file
	for _, f := range p.files {
		if f.it.change && !f.joined {
			work = append(work, f)
		}
	}
	var first firstError
	var wg sync.WaitGroup
	for w := range j.o.Jobs {
		wg.Go(func() {
			for i := w; i < len(work); i += j.o.Jobs {
				// What is under way before a failed file is finished: killed, it
				// would fail for no reason of its own and be reported first.
				if ctx.Err() != nil || first.before(i) {
					return
				}
				if err := j.replace(ctx, work[i]); err != nil {
					first.set(i, where.In(work[i].it.source.Path, err))
					return
				}
			}
		})
	}
	wg.Wait()
	if first.err != nil {
		return first.err
	}
	return context.Cause(ctx)
}

func (j *job) replace(ctx context.Context, f *file) error {
	raw, err := readWhole(f.names[0], f.was)
	if err != nil {
		return err
	}
	t := toolbox.Get().(*tools)
	defer toolbox.Put(t)
	data, err := j.rewrite(ctx, f.it, t, raw, nil)
	if err != nil {
		return err
	}
	return fsx.Replace(fsx.Target{Names: f.names, Was: f.was, Latest: j.o.Latest},
		func(w io.Writer) error { _, err := w.Write(data); return err },
		func(r io.ReaderAt, size int64) error { return j.accept(f.it, t, r, size, f.it.done.Compression) },
		fsx.Options{FS: j.o.FS, Size: int64(len(data))})
}

// readWhole reads a file that must still be the one that was looked at.
func readWhole(path string, was os.FileInfo) ([]byte, error) {
	if was.Size() > limits.MaxModule {
		return nil, where.New(where.Limit, "module of %d bytes", was.Size())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, where.New(where.IO, "%w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, where.New(where.IO, "%w", err)
	}
	if !os.SameFile(info, was) {
		return nil, where.New(where.IO, "was replaced by another process meanwhile").WithHint("run again when nothing else writes here")
	}
	raw := make([]byte, was.Size())
	if _, err := io.ReadFull(f, raw); err != nil {
		return nil, where.New(where.IO, "%w", err)
	}
	return raw, nil
}
