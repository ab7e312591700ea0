package repair

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/where"
)

// placed is one input with the place its result goes to.
type placed struct {
	input pack.Input
	kind  pack.Kind
	items []*item
	out   string // for packages
	files []*file
}

// file is one file of a tree with all its names: a hard-linked module is one
// file.
type file struct {
	names []string
	was   fs.FileInfo
	it    *item
	// joined: its names are those of a file that an earlier run finished.
	joined bool
}

// place finds out, before anything is written, where results go and whether
// they may.
func (j *job) place(ctx context.Context) error {
	for _, in := range j.o.Inputs {
		items := j.itemsOf(in.Path)
		if len(items) == 0 {
			j.out.Notes = append(j.out.Notes, in.Path+": no modules, left as it is")
			continue
		}
		p := &placed{input: in, items: items}
		j.places = append(j.places, p)
		opened, err := in.Open(ctx, pack.Options{})
		if err != nil {
			return err
		}
		p.kind = opened.Kind
		opened.Close()
	}
	for _, p := range j.places {
		if err := j.placeOne(p); err != nil {
			return where.In(p.input.Path, err)
		}
	}
	return nil
}

func (j *job) itemsOf(input string) []*item {
	var out []*item
	for _, it := range j.order {
		if it.source.Package == input {
			out = append(out, it)
		}
	}
	return out
}

func (j *job) placeOne(p *placed) error {
	if p.inPlace() {
		if j.o.Out != "" {
			return usage("a %s is repaired where it is: -o is for packages", p.kind).WithHint("--in-place, on a copy where the original is to stay")
		}
		if !j.o.InPlace && !j.o.DryRun && j.o.Export == nil {
			return usage("a %s is repaired where it is, and nothing said so", p.kind).WithHint("--in-place")
		}
		if err := j.linkedFiles(p); err != nil {
			return err
		}
		return j.writable(p)
	}
	if err := p.kind.Rewritable(); err != nil {
		return err
	}
	if err := j.uploaded(p); err != nil {
		return err
	}
	if j.o.Out == "" {
		if j.o.DryRun || j.o.Export != nil {
			return nil
		}
		return usage("a package is never written in place").WithHint("-o FILE or -o FOLDER")
	}
	return j.output(p)
}

func (p *placed) inPlace() bool { return p.kind == pack.Tree || p.kind == pack.File }

// output names the file of a package's result.
func (j *job) output(p *placed) error {
	p.out = j.o.Out
	info, err := os.Stat(j.o.Out)
	folder := err == nil && info.IsDir()
	packages := 0
	for _, q := range j.places {
		if !q.inPlace() {
			packages++
		}
	}
	switch {
	case folder:
		p.out = filepath.Join(j.o.Out, filepath.Base(p.input.Path))
	case packages > 1:
		return usage("%d packages are written: give -o an existing folder", packages)
	case strings.HasSuffix(j.o.Out, "/"):
		return where.In(j.o.Out, usage("no such folder").WithHint("mkdir first, or give -o the name of a file"))
	}
	if j.o.DryRun || j.o.Export != nil {
		return nil
	}
	opts, err := j.writeOptions(p)
	if err != nil {
		return err
	}
	return fsx.Probe(p.out, opts)
}

// writeOptions are those of every package that is written: no input, under
// whatever name, is ever written to.
func (j *job) writeOptions(p *placed) (fsx.Options, error) {
	o := fsx.Options{Force: j.o.Force, FS: j.o.FS}
	for _, in := range j.o.Inputs {
		info, err := os.Stat(in.Path)
		if err != nil {
			return o, where.In(in.Path, where.New(where.IO, "%w", err))
		}
		if id, ok := fsx.Identity(info); ok {
			o.Inputs = append(o.Inputs, id)
		}
		if in.Path == p.input.Path {
			o.Size = info.Size()
		}
	}
	return o, nil
}

// writable makes sure that the folders of changing files can be written to:
// the rehearsal of a whole release takes minutes, and half of a tree could be
// repaired by then.
func (j *job) writable(p *placed) error {
	asked := map[string]bool{}
	for _, f := range p.files {
		dir := filepath.Dir(f.names[0])
		if !f.it.change || asked[dir] || j.o.DryRun || j.o.Export != nil {
			continue
		}
		asked[dir] = true
		if err := unix.Faccessat(unix.AT_FDCWD, dir, unix.W_OK, unix.AT_EACCESS); err != nil {
			return where.In(f.it.source.Path, where.New(where.IO, "its folder cannot be written to: %w", err).
				WithHint("repair a copy of the tree, or as one who may write there"))
		}
	}
	return nil
}

// linkedFiles puts the names of one file together, and looks at each file as
// it is before anything is changed.
func (j *job) linkedFiles(p *placed) error {
	byID := map[fsx.ID]*file{}
	for _, it := range p.items {
		path := p.input.Path
		if p.kind == pack.Tree {
			path = filepath.Join(path, it.source.Path)
		}
		info, err := os.Lstat(path)
		if err != nil {
			return where.In(it.source.Path, where.New(where.IO, "%w", err))
		}
		if !info.Mode().IsRegular() {
			return where.In(it.source.Path, where.New(where.Unsupported, "a %v is not written through", info.Mode().Type()))
		}
		id, _ := fsx.Identity(info)
		f := byID[id]
		if f == nil {
			f = &file{was: info, it: it}
			byID[id] = f
			p.files = append(p.files, f)
		}
		if f.it.action != it.action {
			return where.In(it.source.Path, where.New(where.Unsupported, "is a hard link of %s, and another action is decided for it", f.names[0]))
		}
		if it.of == nil {
			f.it = it
		}
		f.names = append(f.names, path)
	}
	return nil
}
