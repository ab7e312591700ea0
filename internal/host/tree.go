package host

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"kpkg-btf/internal/where"
)

// tree is the files below a root folder. A link in it leads where it would if
// the folder were "/" and never out of it, as after chroot: the root of another
// machine has absolute links. Names are relative to the root.
type tree string

// linkSteps is how many links a kernel follows (MAXSYMLINKS).
const linkSteps = 40

// resolve returns the path of what a name leads to; below the root there is no
// link in it. Trees that change in the meantime are not guarded against.
func (t tree) resolve(name string) (string, error) {
	at, links := "/", 0
	for name != "" {
		var step string
		step, name, _ = strings.Cut(name, "/")
		next := path.Join(at, step) // of "/" and ".." it is "/"
		if len(next) <= len(at) {
			at = next // "", "." or "..": known to be no link, and the root may be one
			continue
		}
		file := filepath.Join(string(t), next)
		info, err := os.Lstat(file)
		if err != nil {
			return "", err
		}
		if info.Mode()&fs.ModeSymlink == 0 {
			at = next
			continue
		}
		if links++; links > linkSteps {
			return "", where.New(where.Malformed, "more than %d links", linkSteps)
		}
		to, err := os.Readlink(file)
		if err != nil {
			return "", err
		}
		if path.IsAbs(to) {
			at = "/"
		}
		name = to + "/" + name
	}
	return filepath.Join(string(t), at), nil
}

// open does not wait for the other end of a pipe.
func (t tree) open(name string) (*os.File, error) {
	file, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	return os.OpenFile(file, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}

// Open and Stat make a tree an fs.FS.
func (t tree) Open(name string) (fs.File, error) {
	f, err := t.open(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (t tree) Stat(name string) (fs.FileInfo, error) {
	file, err := t.resolve(name)
	if err != nil {
		return nil, err
	}
	return os.Lstat(file)
}
