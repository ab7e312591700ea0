package build

import (
	"fmt"
	"io"
	"path/filepath"

	"kpkg-btf/internal/companion"
	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/toolversion"
	"kpkg-btf/internal/where"
)

// Main is the program kpkg-btf-package: it reads a companion.Request from stdin,
// builds the package, prints its path and returns the exit code, which is
// kpkg-btf's own.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	switch {
	case len(args) == 1 && args[0] == "--version":
		fmt.Fprintln(stdout, companion.Program, toolversion.Version)
		return model.ExitDone
	case len(args) == 2 && args[0] == companion.ReadWord:
		return readMain(args[1], stdin, stdout, stderr)
	case len(args) > 0:
		fmt.Fprintf(stderr, "%s: builds packages for kpkg-btf package, which gives it its orders on standard input\n", companion.Program)
		return model.ExitUsage
	}
	path, err := run(stdin)
	if err == nil {
		_, err = fmt.Fprintln(stdout, where.Clean(path))
	}
	return companion.Ended(err, stderr)
}

func run(stdin io.Reader) (string, error) {
	r, err := readRequest(stdin)
	if err != nil {
		return "", err
	}
	spec, err := specOf(r)
	if err != nil {
		return "", err
	}
	kind := Kind(r.Kind)
	if r.Folder {
		name, err := spec.FileName(kind)
		if err != nil {
			return "", err
		}
		r.Output = filepath.Join(r.Output, name)
	}
	o := fsx.Options{Force: r.Force}
	for _, f := range r.Inputs {
		o.Inputs = append(o.Inputs, fsx.ID{Dev: f.Dev, Ino: f.Ino})
	}
	return r.Output, fsx.WriteFile(r.Output, 0o644, func(w io.Writer) error { return spec.Write(w, kind) }, nil, o)
}

func readRequest(stdin io.Reader) (r companion.Request, err error) {
	if err := companion.ReadRequest(stdin, "package", &r); err != nil {
		return r, err
	}
	return r, companion.SameVersion(companion.Program, r.Tool)
}

// specOf reads the files that a request names.
func specOf(r companion.Request) (*Spec, error) {
	text, err := companion.ReadFile(r.Manifest, limits.MaxText)
	if err != nil {
		return nil, err
	}
	m, err := manifest.Read(text)
	if err != nil {
		return nil, where.In(r.Manifest, err)
	}
	spec := &Spec{Manifest: m, Version: r.Version, Maintainer: r.Maintainer, MTime: r.MTime}
	if r.Base != "" {
		if spec.Base, err = companion.ReadFile(r.Base, limits.MaxBTF); err != nil {
			return nil, err
		}
	}
	return spec, nil
}
