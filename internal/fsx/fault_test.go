package fsx_test

import (
	"io/fs"

	. "kpkg-btf/internal/fsx"
	"kpkg-btf/internal/fsx/fsxtest"
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
	d, err := (&fsxtest.Intercept{FS: OS{}, Before: f.step}).OpenDir(path)
	if err != nil {
		return nil, err
	}
	return roomyDir{d}, nil
}

// roomyDir always has 3 MiB free.
type roomyDir struct{ Dir }

func (roomyDir) Free() (int64, error) { return 3 << 20, nil }

func (d roomyDir) Link(name string, to Dir, as string) error {
	return d.Dir.Link(name, to.(roomyDir).Dir, as)
}
