package fsx

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// FS is the seam for faults: every operation of a publication on the file
// system goes through it, so that a test can fail, cut short or end any one.
type FS interface {
	// OpenDir opens a directory; what its Dir does stays in that directory
	// even if it is renamed or replaced.
	OpenDir(path string) (Dir, error)
}

// Dir is an open directory. Names are single path elements.
type Dir interface {
	Lstat(name string) (fs.FileInfo, error)
	// Create makes a new file for writing and reading; it never opens one that
	// is present.
	Create(name string, perm fs.FileMode) (File, error)
	// Open opens a file for reading and follows no link.
	Open(name string) (File, error)
	// Rename renames atomically. Without replace it is fs.ErrExist when the
	// new name is present.
	Rename(old, new string, replace bool) error
	Remove(name string) error
	// Link gives a file of this directory a name in another one.
	Link(name string, to Dir, as string) error
	// Chtimes sets the time of modification.
	Chtimes(name string, mtime time.Time) error
	// Names are the names in the directory, in no order.
	Names() ([]string, error)
	// Sync makes the names of the directory survive a power cut.
	Sync() error
	// Free is the number of bytes an ordinary user may still write.
	Free() (int64, error)
	Close() error
}

// File is an open file.
type File interface {
	io.Writer
	io.ReaderAt
	Stat() (fs.FileInfo, error)
	Chown(uid, gid int) error
	Chmod(mode fs.FileMode) error
	// Attrs are the extended attributes, ACLs among them, by name.
	Attrs() ([]Attr, error)
	SetAttr(Attr) error
	RemoveAttr(name string) error
	Sync() error
	Close() error
}

// Attr is an extended attribute.
type Attr struct {
	Name  string
	Value []byte
}

// OS is the real file system.
type OS struct{}

// OpenDir implements FS.
func (OS) OpenDir(path string) (Dir, error) {
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, err
	}
	self, err := root.Open(".")
	if err != nil {
		root.Close()
		return nil, err
	}
	return &osDir{root: root, self: self}, nil
}

// Descriptor returns the open file behind what a verify function of WriteFile
// reads, for a program to read it too; nil when there is a seam between.
func Descriptor(r io.ReaderAt) *os.File {
	f, _ := r.(osFile)
	return f.File
}

// osDir works below file descriptors, never by path again.
type osDir struct {
	root *os.Root
	self *os.File
}

func (d *osDir) Lstat(name string) (fs.FileInfo, error) { return d.root.Lstat(name) }
func (d *osDir) Remove(name string) error               { return d.root.Remove(name) }

func (d *osDir) Create(name string, perm fs.FileMode) (File, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return nil, err // not a File that holds a nil *os.File
	}
	return osFile{f}, nil
}

// Open looks first: opening a FIFO would wait, and a link inside of the
// directory would be followed.
func (d *osDir) Open(name string) (File, error) {
	fi, err := d.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !fi.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ELOOP}
	}
	f, err := d.root.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (d *osDir) Rename(old, new string, replace bool) error {
	if replace {
		return d.root.Rename(old, new)
	}
	fd := int(d.self.Fd())
	err := unix.Renameat2(fd, old, fd, new, unix.RENAME_NOREPLACE)
	switch err {
	case nil:
		return nil
	case unix.ENOSYS, unix.EINVAL, unix.ENOTSUP:
		return d.linkInto(old, new)
	}
	return &os.LinkError{Op: "rename", Old: old, New: new, Err: err}
}

// linkInto is Rename without replacing for file systems that lack
// RENAME_NOREPLACE (NFS, old overlayfs): a hard link never replaces. Where
// there are no links either (vfat) a look must do.
func (d *osDir) linkInto(old, new string) error {
	err := d.root.Link(old, new)
	switch {
	case err == nil:
		return d.root.Remove(old)
	case !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, syscall.ENOSYS):
		return err
	}
	if _, err := d.root.Lstat(new); err == nil {
		return &os.LinkError{Op: "rename", Old: old, New: new, Err: syscall.EEXIST}
	}
	return d.root.Rename(old, new)
}

func (d *osDir) Link(name string, to Dir, as string) error {
	other, ok := to.(*osDir)
	if !ok {
		return syscall.EXDEV
	}
	if err := unix.Linkat(int(d.self.Fd()), name, int(other.self.Fd()), as, 0); err != nil {
		return &os.LinkError{Op: "link", Old: name, New: as, Err: err}
	}
	return nil
}

func (d *osDir) Chtimes(name string, mtime time.Time) error {
	return d.root.Chtimes(name, mtime, mtime)
}

// Names reads through a new descriptor: the position of d.self is used up once.
func (d *osDir) Names() ([]string, error) {
	f, err := d.root.Open(".")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.Readdirnames(-1)
}

func (d *osDir) Sync() error {
	err := d.self.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		return nil // a file system that has no such thing
	}
	return err
}

func (d *osDir) Free() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(int(d.self.Fd()), &st); err != nil {
		return 0, err
	}
	const most = 1<<63 - 1
	if st.Bsize > 0 && st.Bavail > most/uint64(st.Bsize) {
		return most, nil
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

func (d *osDir) Close() error {
	return errors.Join(d.self.Close(), d.root.Close())
}
