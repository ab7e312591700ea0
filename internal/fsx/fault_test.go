package fsx

import (
	"io/fs"
	"os"
)

// faultFS counts the operations on the real file system and makes the one
// numbered fail (from 1) fail with err. With dead set every later one fails
// too, as if the process had been killed there.
type faultFS struct {
	fail int
	err  error
	dead bool

	n   int
	ops []string
}

func (f *faultFS) step(op string) error {
	f.n++
	f.ops = append(f.ops, op)
	if f.n == f.fail || f.dead && f.fail > 0 && f.n > f.fail {
		return &fs.PathError{Op: op, Path: "x", Err: f.err}
	}
	return nil
}

func (f *faultFS) OpenDir(path string) (Dir, error) {
	if err := f.step("opendir"); err != nil {
		return nil, err
	}
	d, err := OS{}.OpenDir(path)
	if err != nil {
		return nil, err
	}
	return &faultDir{f, d}, nil
}

type faultDir struct {
	f *faultFS
	d Dir
}

func (d *faultDir) Lstat(name string) (fs.FileInfo, error) {
	if err := d.f.step("lstat"); err != nil {
		return nil, err
	}
	return d.d.Lstat(name)
}

func (d *faultDir) Create(name string, perm fs.FileMode) (File, error) {
	if err := d.f.step("create"); err != nil {
		return nil, err
	}
	return d.file(d.d.Create(name, perm))
}

func (d *faultDir) Open(name string) (File, error) {
	if err := d.f.step("open"); err != nil {
		return nil, err
	}
	return d.file(d.d.Open(name))
}

func (d *faultDir) file(f File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return &faultFile{d.f, f}, nil
}

func (d *faultDir) Rename(old, new string, replace bool) error {
	if err := d.f.step("rename"); err != nil {
		return err
	}
	return d.d.Rename(old, new, replace)
}

func (d *faultDir) Remove(name string) error {
	if err := d.f.step("remove"); err != nil {
		return err
	}
	return d.d.Remove(name)
}

func (d *faultDir) Sync() error {
	if err := d.f.step("syncdir"); err != nil {
		return err
	}
	return d.d.Sync()
}

// Free and Close change nothing and are not steps.
func (d *faultDir) Free() (int64, error) { return 3 << 20, nil }
func (d *faultDir) Close() error         { return d.d.Close() }

type faultFile struct {
	f    *faultFS
	file File
}

// Write fails half-way, as a full disk does.
func (w *faultFile) Write(b []byte) (int, error) {
	if err := w.f.step("write"); err != nil {
		n, _ := w.file.Write(b[:len(b)/2])
		return n, err
	}
	return w.file.Write(b)
}

func (w *faultFile) ReadAt(b []byte, off int64) (int, error) {
	if err := w.f.step("read"); err != nil {
		return 0, err
	}
	return w.file.ReadAt(b, off)
}

func (w *faultFile) Stat() (os.FileInfo, error) {
	if err := w.f.step("fstat"); err != nil {
		return nil, err
	}
	return w.file.Stat()
}

func (w *faultFile) Sync() error {
	if err := w.f.step("sync"); err != nil {
		return err
	}
	return w.file.Sync()
}

func (w *faultFile) Close() error {
	if err := w.f.step("close"); err != nil {
		w.file.Close()
		return err
	}
	return w.file.Close()
}
