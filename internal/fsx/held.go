package fsx

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"kpkg-btf/internal/where"
)

// A temporary file is locked (flock) for as long as somebody works on it. The
// kernel drops the lock when the process ends, however it does: what is locked
// by nobody was left by a killed run.

// hold locks a temporary file through a descriptor of its own, so that the lock
// outlives the writing. held is nil where the file system has no locks, and
// behind a seam of tests; taken says that another process has the lock.
func hold(f File) (held *os.File, taken bool) {
	file, ok := f.(osFile)
	if !ok {
		return nil, false
	}
	fd, err := unix.FcntlInt(file.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, false
	}
	held = os.NewFile(uintptr(fd), file.Name())
	if err := unix.Flock(fd, unix.LOCK_EX|unix.LOCK_NB); err != nil {
		held.Close()
		return nil, err == unix.EWOULDBLOCK
	}
	return held, false
}

// createHeld creates a temporary file and locks it. Between the two another run
// may take the file for a leftover: then the next name is tried.
func createHeld(d Dir, perm fs.FileMode) (name string, f File, held *os.File, err error) {
	for range createTries {
		name = tempName()
		if f, err = d.Create(name, perm); err != nil {
			return "", nil, nil, err
		}
		var taken bool
		if held, taken = hold(f); held == nil && !taken {
			return name, f, nil, nil
		}
		if held != nil {
			fi, err := f.Stat()
			if err == nil && sameFile(d, name, fi) {
				return name, f, held, nil
			}
			held.Close()
		}
		f.Close()
		d.Remove(name)
	}
	return "", nil, nil, errors.New("other runs keep removing the temporary file")
}

const createTries = 100

// sweepUnheld removes the temporary files in a directory that no run holds any
// more. A file with further names is left: it may be the other half of a
// Replace that was cut short, which Resume finishes. What cannot be looked at
// or removed is left too; it is another user's.
func sweepUnheld(d Dir) {
	if _, ok := d.(*osDir); !ok {
		return
	}
	names, err := d.Names()
	if err != nil {
		return
	}
	for _, name := range slices.DeleteFunc(names, func(n string) bool { return !IsTemp(n) }) {
		if unheld(d, name) {
			d.Remove(name)
		}
	}
}

func unheld(d Dir, name string) bool {
	f, err := d.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	held, _ := hold(f)
	if held == nil {
		return false
	}
	defer held.Close()
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() {
		return false
	}
	st, ok := fi.Sys().(*syscall.Stat_t)
	return ok && st.Nlink == 1 && sameFile(d, name, fi)
}

// sameFile reports whether name is still the file that was opened.
func sameFile(d Dir, name string, fi fs.FileInfo) bool {
	now, err := d.Lstat(name)
	if err != nil {
		return false
	}
	a, okA := Identity(fi)
	b, okB := Identity(now)
	return okA && okB && a == b
}

// folderPrefix begins their names.
const folderPrefix = "kpkg-btf-temp-"

// TempFolder makes a folder for temporary files in the system's own place for them
// and returns its path, and a function that removes it with all it holds. It is
// locked as a temporary file is; folders of the same user that killed runs left
// are removed on the way.
func TempFolder() (dir string, remove func(), err error) {
	top := os.TempDir()
	sweepFolders(top)
	var release func()
	for range createTries {
		if dir, err = os.MkdirTemp(top, folderPrefix); err != nil {
			return "", nil, where.New(where.IO, "temporary folder: %w", err)
		}
		// Before it is locked another run may take it for a leftover, as createHeld says.
		if release, err = Lock(dir); err == nil {
			if _, err = os.Lstat(dir); err == nil {
				return dir, func() { os.RemoveAll(dir); release() }, nil
			}
			release()
		}
		os.RemoveAll(dir)
	}
	return "", nil, where.New(where.IO, "temporary folder: %w", err)
}

func sweepFolders(top string) {
	list, err := os.ReadDir(top)
	if err != nil {
		return
	}
	for _, e := range list {
		if !strings.HasPrefix(e.Name(), folderPrefix) || !e.IsDir() {
			continue
		}
		fi, err := e.Info()
		if err != nil {
			continue
		}
		if st, ok := fi.Sys().(*syscall.Stat_t); !ok || int(st.Uid) != os.Geteuid() {
			continue
		}
		path := filepath.Join(top, e.Name())
		if release, err := Lock(path); err == nil {
			os.RemoveAll(path)
			release()
		}
	}
}
