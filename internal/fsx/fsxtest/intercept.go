// Package fsxtest is a file system with faults, for tests.
package fsxtest

import (
	"io/fs"
	"time"

	"kpkg-btf/internal/fsx"
)

// Intercept is a file system whose every operation is told before it is done:
// the place where tests put their faults. An error of Before is the
// operation's, which is then not done; a write is done by half, as on a full
// disk. Operations are "opendir", "lstat", "create", "open", "rename",
// "remove", "link", "chtimes", "readdir", "syncdir", "write", "read", "fstat",
// "chown", "chmod", "attrs", "setattr", "removeattr", "sync" and "close" (of a
// file).
type Intercept struct {
	FS     fsx.FS
	Before func(op string) error
}

// OpenDir implements FS.
func (f *Intercept) OpenDir(path string) (fsx.Dir, error) {
	if err := f.Before("opendir"); err != nil {
		return nil, err
	}
	d, err := f.FS.OpenDir(path)
	if err != nil {
		return nil, err
	}
	return &interceptedDir{d, f.Before}, nil
}

type interceptedDir struct {
	d      fsx.Dir
	before func(op string) error
}

func (d *interceptedDir) Lstat(name string) (fs.FileInfo, error) {
	if err := d.before("lstat"); err != nil {
		return nil, err
	}
	return d.d.Lstat(name)
}

func (d *interceptedDir) Create(name string, perm fs.FileMode) (fsx.File, error) {
	if err := d.before("create"); err != nil {
		return nil, err
	}
	return d.file(d.d.Create(name, perm))
}

func (d *interceptedDir) Open(name string) (fsx.File, error) {
	if err := d.before("open"); err != nil {
		return nil, err
	}
	return d.file(d.d.Open(name))
}

func (d *interceptedDir) file(f fsx.File, err error) (fsx.File, error) {
	if err != nil {
		return nil, err
	}
	return &interceptedFile{f, d.before}, nil
}

func (d *interceptedDir) Rename(old, new string, replace bool) error {
	if err := d.before("rename"); err != nil {
		return err
	}
	return d.d.Rename(old, new, replace)
}

func (d *interceptedDir) Remove(name string) error {
	if err := d.before("remove"); err != nil {
		return err
	}
	return d.d.Remove(name)
}

func (d *interceptedDir) Sync() error {
	if err := d.before("syncdir"); err != nil {
		return err
	}
	return d.d.Sync()
}

func (d *interceptedDir) Link(name string, to fsx.Dir, as string) error {
	if err := d.before("link"); err != nil {
		return err
	}
	return d.d.Link(name, to.(*interceptedDir).d, as)
}

func (d *interceptedDir) Chtimes(name string, mtime time.Time) error {
	if err := d.before("chtimes"); err != nil {
		return err
	}
	return d.d.Chtimes(name, mtime)
}

func (d *interceptedDir) Names() ([]string, error) {
	if err := d.before("readdir"); err != nil {
		return nil, err
	}
	return d.d.Names()
}

// Free and Close change nothing and are no operations here.
func (d *interceptedDir) Free() (int64, error) { return d.d.Free() }
func (d *interceptedDir) Close() error         { return d.d.Close() }

type interceptedFile struct {
	file   fsx.File
	before func(op string) error
}

// Write fails half-way, as a full disk does.
func (w *interceptedFile) Write(b []byte) (int, error) {
	if err := w.before("write"); err != nil {
		n, _ := w.file.Write(b[:len(b)/2])
		return n, err
	}
	return w.file.Write(b)
}

func (w *interceptedFile) ReadAt(b []byte, off int64) (int, error) {
	if err := w.before("read"); err != nil {
		return 0, err
	}
	return w.file.ReadAt(b, off)
}

func (w *interceptedFile) Stat() (fs.FileInfo, error) {
	if err := w.before("fstat"); err != nil {
		return nil, err
	}
	return w.file.Stat()
}

func (w *interceptedFile) Chown(uid, gid int) error {
	if err := w.before("chown"); err != nil {
		return err
	}
	return w.file.Chown(uid, gid)
}

func (w *interceptedFile) Chmod(mode fs.FileMode) error {
	if err := w.before("chmod"); err != nil {
		return err
	}
	return w.file.Chmod(mode)
}

func (w *interceptedFile) Attrs() ([]fsx.Attr, error) {
	if err := w.before("attrs"); err != nil {
		return nil, err
	}
	return w.file.Attrs()
}

func (w *interceptedFile) SetAttr(a fsx.Attr) error {
	if err := w.before("setattr"); err != nil {
		return err
	}
	return w.file.SetAttr(a)
}

func (w *interceptedFile) RemoveAttr(name string) error {
	if err := w.before("removeattr"); err != nil {
		return err
	}
	return w.file.RemoveAttr(name)
}

func (w *interceptedFile) Sync() error {
	if err := w.before("sync"); err != nil {
		return err
	}
	return w.file.Sync()
}

func (w *interceptedFile) Close() error {
	if err := w.before("close"); err != nil {
		w.file.Close()
		return err
	}
	return w.file.Close()
}
