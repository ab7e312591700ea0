package pack

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sort"
	"strconv"
	"syscall"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// walkTree returns the entries of a directory, each directory before what is in
// it, names in byte order. Symlinks are reported and never followed, whether
// lib is a link to usr/lib or not, so a file is met once. Owners are numbers:
// the tree's own names live in its own passwd. Files are opened when their
// content is first read. What a killed run of apply left is not part of the
// tree: it may be a further link of a module.
func (p *Package) walkTree(_ context.Context, w *walker) error {
	root, err := os.OpenRoot(p.at)
	if err != nil {
		return ioError(err)
	}
	defer root.Close()
	t := &tree{root: root, w: w, first: map[inode]string{}}
	stack := []string{"."}
	for len(stack) > 0 {
		name := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		below, err := t.visit(name)
		if err != nil {
			return err
		}
		if len(stack)+len(below) > limits.MaxEntries {
			return where.New(where.Limit, "more than %d entries", limits.MaxEntries)
		}
		stack = append(stack, below...)
	}
	return nil
}

type inode struct{ dev, ino uint64 }

type tree struct {
	root  *os.Root
	w     *walker
	first map[inode]string // path that was given for an inode with several names
}

// visit gives one entry and returns what is below it, last name first.
func (t *tree) visit(name string) ([]string, error) {
	if len(name) > limits.MaxName {
		return nil, where.New(where.Limit, "entry name of %d bytes", len(name))
	}
	info, err := t.root.Lstat(name)
	if err != nil {
		return nil, where.In(name, ioError(err))
	}
	e, err := t.entry(name, info)
	if err != nil {
		return nil, where.In(name, err)
	}
	if e.Type != Regular {
		err = t.w.give(e, noContent{})
	} else {
		err = t.giveFile(e, info)
	}
	if err != nil || e.Type != Directory {
		return nil, err
	}
	names, err := t.list(name)
	if err != nil {
		return nil, where.In(name, err)
	}
	return names, nil
}

func (t *tree) entry(name string, info fs.FileInfo) (*Entry, error) {
	e := &Entry{Path: name, Mode: modeBits(info.Mode()), ModTime: info.ModTime().UTC(), Type: Other}
	e.Owner, e.Group = ids(info)
	var err error
	switch info.Mode().Type() {
	case fs.ModeDir:
		e.Type = Directory
	case fs.ModeSymlink:
		e.Type = Symlink
		if e.Link, err = t.root.Readlink(name); err != nil {
			return nil, ioError(err)
		}
	case 0:
		e.Type, e.Size = Regular, info.Size()
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink > 1 {
			key := inode{uint64(st.Dev), st.Ino}
			if other, seen := t.first[key]; seen {
				e.Type, e.Size, e.Link = Hardlink, 0, other
			} else {
				t.first[key] = name
			}
		}
	}
	return e, nil
}

func (t *tree) giveFile(e *Entry, info fs.FileInfo) error {
	f := &lazyFile{root: t.root, name: e.Path, was: info}
	err := t.w.give(e, f)
	if cerr := f.close(); err == nil && cerr != nil {
		err = where.In(e.Path, cerr)
	}
	return err
}

func (t *tree) list(name string) ([]string, error) {
	d, err := t.root.Open(name)
	if err != nil {
		return nil, ioError(err)
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	if err != nil {
		return nil, ioError(err)
	}
	names = slices.DeleteFunc(names, fsx.IsTemp)
	sort.Sort(sort.Reverse(sort.StringSlice(names)))
	for i := range names {
		names[i] = path.Join(name, names[i])
	}
	return names, nil
}

// lazyFile opens a file of the tree at the first read, makes sure it is the
// one that was listed, and at the end that it did not change.
type lazyFile struct {
	root *os.Root
	name string
	was  fs.FileInfo
	file *os.File
	exactReader
	err error
}

func (f *lazyFile) Read(p []byte) (int, error) {
	if f.err == nil && f.file == nil {
		f.err = f.open()
	}
	if f.err != nil {
		return 0, f.err
	}
	n, err := f.exactReader.Read(p)
	if err != nil && err != io.EOF {
		f.err = err
	}
	return n, err
}

func (f *lazyFile) open() error {
	// Not to be blocked by a FIFO that took the file's place.
	file, err := f.root.OpenFile(f.name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return ioError(err)
	}
	f.file = file
	f.exactReader = exactReader{r: file, left: f.was.Size()}
	return f.unchanged()
}

func (f *lazyFile) unchanged() error {
	info, err := f.file.Stat()
	if err != nil {
		return ioError(err)
	}
	if !os.SameFile(info, f.was) || info.Size() != f.was.Size() || !info.ModTime().Equal(f.was.ModTime()) {
		return where.New(where.IO, "file changed while it was read")
	}
	return nil
}

// close reports a read error even if the caller passed over it.
func (f *lazyFile) close() error {
	if f.file == nil {
		if errors.Is(f.err, fs.ErrPermission) {
			return nil // whoever read it was told, and may go on without it
		}
		return f.err
	}
	err := f.err
	if err == nil {
		err = f.unchanged()
	}
	_ = f.file.Close()
	return err
}

// modeBits are the permission bits as the kernel numbers them.
func modeBits(m fs.FileMode) uint32 {
	bits := uint32(m.Perm())
	if m&fs.ModeSetuid != 0 {
		bits |= 0o4000
	}
	if m&fs.ModeSetgid != 0 {
		bits |= 0o2000
	}
	if m&fs.ModeSticky != 0 {
		bits |= 0o1000
	}
	return bits
}

func ids(info fs.FileInfo) (uid, gid string) {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return "", ""
	}
	return strconv.FormatUint(uint64(st.Uid), 10), strconv.FormatUint(uint64(st.Gid), 10)
}
