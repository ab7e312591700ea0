package fsx

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"kpkg-btf/internal/where"
)

// Leftover is a temporary file that a killed run left.
type Leftover struct {
	Name string // in its directory
	ID   ID
}

// Replaces reports whether the file is the new content of the name base beside it,
// which Replace did not come to rename.
func (l *Leftover) Replaces(base string) bool {
	end := nameSum(base) + tempSuffix
	return len(l.Name) > len(end) && l.Name[len(l.Name)-len(end):] == end
}

// Leftovers lists the temporary files in a directory, by name. The caller
// knows that no other run is at work there: see Lock.
func Leftovers(dir string, fsys FS) ([]Leftover, error) {
	if fsys == nil {
		fsys = OS{}
	}
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return nil, where.In(dir, ioError(err))
	}
	defer d.Close()
	return leftovers(dir, d)
}

func leftovers(dir string, d Dir) ([]Leftover, error) {
	names, err := d.Names()
	if err != nil {
		return nil, where.In(dir, ioError(err))
	}
	slices.Sort(names)
	var out []Leftover
	for _, name := range names {
		if !IsTemp(name) {
			continue
		}
		if fi, err := d.Lstat(name); err == nil && fi.Mode().IsRegular() {
			id, _ := Identity(fi)
			out = append(out, Leftover{name, id})
		}
	}
	return out, nil
}

// Resume finishes a Replace that was interrupted between its renames, with the
// new file it left under the path left: that is given to verify and put under
// the names of t. They become further names of the file it already is
// elsewhere, which has its owner, mode, times and attributes from t. The
// leftover stays, for Sweep; errors are as of Replace.
func Resume(t Target, left string, verify func(r io.ReaderAt, size int64) error, opts Options) error {
	return t.replace(opts, func(r *replacement) error { return r.resume(left, verify) })
}

func (r *replacement) resume(left string, verify func(io.ReaderAt, int64) error) error {
	dir, base := filepath.Split(left)
	d, err := r.opts.FS.OpenDir(filepath.Clean(dir))
	if err != nil {
		return ioError(err)
	}
	defer d.Close()
	f, fi, err := openStat(d, base)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := verify(f, fi.Size()); err != nil {
		return err
	}
	if err := r.link(r.names, d, base); err != nil {
		return err
	}
	return r.rename()
}

// Sweep removes temporary files that killed runs left in a directory, and
// gives their number. The caller knows that no other run is at work there:
// see Lock.
func Sweep(dir string, fsys FS) (int, error) {
	if fsys == nil {
		fsys = OS{}
	}
	d, err := fsys.OpenDir(dir)
	if err != nil {
		return 0, where.In(dir, ioError(err))
	}
	defer d.Close()
	list, err := leftovers(dir, d)
	if err != nil {
		return 0, err
	}
	for n, l := range list {
		if err := d.Remove(l.Name); err != nil {
			return n, where.In(filepath.Join(dir, l.Name), ioError(err))
		}
	}
	return len(list), nil
}

// ErrBusy is a directory that another run holds.
var ErrBusy = errors.New("another run is at work here")

// Lock keeps other runs out of a directory until release is called; the
// kernel releases it when the process ends, however it does. A directory that
// another run holds is of kind IO.
func Lock(dir string) (release func(), err error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, where.In(dir, ioError(err))
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	switch {
	case err == nil, errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOLCK):
		return func() { f.Close() }, nil
	case errors.Is(err, syscall.EWOULDBLOCK):
		err = where.New(where.IO, "%w", ErrBusy).WithHint("wait for it to end")
	default:
		err = where.New(where.IO, "lock: %w", err)
	}
	f.Close()
	return nil, where.In(dir, err)
}
