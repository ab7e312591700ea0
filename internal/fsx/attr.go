package fsx

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// osFile is a File of the real file system.
type osFile struct{ *os.File }

// maxAttr bounds what is read of attributes: XATTR_LIST_MAX and XATTR_SIZE_MAX
// (xattr(7)).
const maxAttr = 64 << 10

// Attrs implements File. A file system without attributes has none.
func (f osFile) Attrs() ([]Attr, error) {
	buf := make([]byte, maxAttr)
	n, err := unix.Flistxattr(int(f.Fd()), buf)
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, &fs.PathError{Op: "flistxattr", Path: f.Name(), Err: err}
	}
	names := strings.FieldsFunc(string(buf[:n]), func(r rune) bool { return r == 0 })
	slices.Sort(names)
	var out []Attr
	for _, name := range names {
		n, err := unix.Fgetxattr(int(f.Fd()), name, buf)
		if err != nil {
			return nil, &fs.PathError{Op: "fgetxattr " + name, Path: f.Name(), Err: err}
		}
		out = append(out, Attr{name, slices.Clone(buf[:n])})
	}
	return out, nil
}

// SetAttr implements File.
func (f osFile) SetAttr(a Attr) error {
	if err := unix.Fsetxattr(int(f.Fd()), a.Name, a.Value, 0); err != nil {
		return &fs.PathError{Op: "fsetxattr", Path: f.Name(), Err: err}
	}
	return nil
}

// RemoveAttr implements File.
func (f osFile) RemoveAttr(name string) error {
	if err := unix.Fremovexattr(int(f.Fd()), name); err != nil {
		return &fs.PathError{Op: "fremovexattr", Path: f.Name(), Err: err}
	}
	return nil
}
