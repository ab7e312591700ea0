package repair

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

// afterKilled puts in order what killed runs left beside the modules: hard
// links that one had not come to are made, temporary files removed.
func (j *job) afterKilled(p *placed) error {
	left := map[string][]fsx.Leftover{}
	for _, f := range p.files {
		for _, n := range f.names {
			left[filepath.Dir(n)] = nil
		}
	}
	dirs := make([]string, 0, len(left))
	for d := range left {
		dirs = append(dirs, d)
	}
	slices.Sort(dirs)
	for _, d := range dirs {
		var err error
		if left[d], err = fsx.Leftovers(d, j.o.FS); err != nil {
			return err
		}
	}
	if err := j.rejoin(p, left); err != nil {
		return err
	}
	swept := 0
	for _, d := range dirs {
		if len(left[d]) == 0 {
			continue
		}
		n, err := fsx.Sweep(d, j.o.FS)
		if swept += n; err != nil {
			return err
		}
	}
	j.apart(p)
	if swept == 0 {
		return nil
	}
	return p.relook()
}

// rejoin finishes hard-link sets that a killed run tore apart: names that are
// still the old file, beside which the new one lies, become the new one.
func (j *job) rejoin(p *placed, left map[string][]fsx.Leftover) error {
	finished := map[fsx.ID]bool{}
	for _, f := range p.files {
		if id, ok := fsx.Identity(f.was); ok && !f.it.change {
			finished[id] = true
		}
	}
	names := 0
	for _, f := range p.files {
		path := remnant(f, left, finished)
		if !f.it.change || path == "" {
			continue
		}
		t := toolbox.Get().(*tools)
		err := fsx.Resume(fsx.Target{Names: f.names, Was: f.was}, path,
			func(r io.ReaderAt, size int64) error { return j.accept(f.it, t, r, size, f.it.done.Compression) }, fsx.Options{FS: j.o.FS})
		toolbox.Put(t)
		if err != nil && where.KindOf(err) == where.Internal {
			continue // that run made something else of it
		}
		if err != nil {
			return err
		}
		f.joined = true
		names += len(f.names)
	}
	if names > 0 {
		j.out.Notes = append(j.out.Notes, fmt.Sprintf("%s: %d names of hard-linked modules made links again, which an interrupted run had left apart", p.input.Path, names))
	}
	return nil
}

// remnant is the new file that lies beside a name of f, if it is one that an
// earlier run finished under another name; "" for none.
func remnant(f *file, left map[string][]fsx.Leftover, finished map[fsx.ID]bool) string {
	for _, n := range f.names {
		dir, base := filepath.Split(n)
		for _, l := range left[filepath.Clean(dir)] {
			if finished[l.ID] && l.Replaces(base) {
				return filepath.Join(dir, l.Name)
			}
		}
	}
	return ""
}

// apart tells of modules that become equal to one that was finished before:
// where nothing was left beside them, nobody can know whether they were one
// file with it.
func (j *job) apart(p *placed) {
	finished := map[string]*item{}
	for _, f := range p.files {
		if !f.it.change {
			finished[f.it.done.Before] = f.it
		}
	}
	for _, f := range p.files {
		if !f.it.change || f.joined {
			continue
		}
		if other := finished[f.it.done.After]; other != nil && other.action == f.it.action {
			j.out.Notes = append(j.out.Notes, fmt.Sprintf("%s: equal to %s, which was right already: if they were one file before an interrupted run, link them again (ln -f)", f.it.source, other.source.Path))
		}
	}
}

// relook looks at the files again: temporary links were names of theirs too.
func (p *placed) relook() error {
	for _, f := range p.files {
		now, err := os.Lstat(f.names[0])
		if err != nil {
			return where.In(f.names[0], where.New(where.IO, "%w", err))
		}
		if os.SameFile(now, f.was) && now.Size() == f.was.Size() && now.ModTime().Equal(f.was.ModTime()) {
			f.was = now
		}
	}
	return nil
}
