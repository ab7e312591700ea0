package release

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/where"
)

// ReadRefs reads a file of references.
func ReadRefs(path string) (*manifest.Refs, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, where.In(path, where.New(where.IO, "%w", err))
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limits.MaxText+1))
	if err != nil {
		return nil, where.In(path, where.New(where.IO, "%w", err))
	}
	x, err := manifest.ReadRefs(text)
	return x, where.In(path, err)
}

// Refer gives a release that was read from a manifest its references; false
// when they are those of another manifest.
func (r *Release) Refer(x *manifest.Refs) (bool, error) {
	if !r.bare() {
		return false, nil
	}
	if d, err := r.Doc.Digest(); err != nil || d != x.Manifest {
		return false, err
	}
	r.refs = x
	return true, x.Check(r.Doc)
}

// bare: all that is there of the modules is the manifest.
func (r *Release) bare() bool {
	return r.Doc != nil && len(r.Doc.Modules) > 0 && len(r.Modules) == 0 && len(r.Packed) == 0
}

// WholeRefs returns the references of a manifest's modules: those given with
// Refer, else the file beside the manifest that `record --refs FOLDER` wrote
// (manifest.RefsName). nil where there are none; a file of this name that
// belongs to another manifest, or is damaged, is an error.
func (r *Release) WholeRefs() (*manifest.Refs, error) {
	if r.refs != nil || !r.bare() {
		return r.refs, nil
	}
	digest, err := r.Doc.Digest()
	if err != nil {
		return nil, err
	}
	for _, p := range r.Packages {
		path := filepath.Join(filepath.Dir(p.File), manifest.RefsName(digest))
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		x, err := ReadRefs(path)
		if err != nil {
			return nil, err
		}
		if err := x.Check(r.Doc); err != nil {
			return nil, where.In(path, err)
		}
		r.refs = x
		return x, nil
	}
	return nil, nil
}
