package release

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/where"
)

// WholeBase returns the release's base as bytes: the image's, or for a manifest
// that of the file which `record -o` wrote beside it (manifest.BaseName). It
// is nil where there is none; a file beside the manifest that is not what its
// name promises is an error.
func (r *Release) WholeBase() ([]byte, error) {
	if b, _ := r.Base(); b != nil || r.Doc == nil || r.Doc.Base == nil {
		return b, nil
	}
	for _, p := range r.Packages {
		path := filepath.Join(filepath.Dir(p.File), manifest.BaseName(r.Doc.Base.SHA256))
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, where.In(path, where.New(where.IO, "%w", err))
		}
		b, err := manifest.ReadBase(f, r.Doc.Base.SHA256)
		f.Close()
		if err != nil {
			return nil, where.In(path, err)
		}
		return b, nil
	}
	return nil, nil
}
