package release

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/where"
)

// RecordRefs gives what the modules use of the release's base, for a check that
// will have no more of them than the manifest m. A module whose BTF is not
// well-formed on the base, which self tells, has no entry.
func (r *Release) RecordRefs(m *manifest.Manifest, jobs int) (*manifest.Refs, error) {
	digest, err := m.Digest()
	if err != nil {
		return nil, err
	}
	x := &manifest.Refs{Tool: m.Tool, Manifest: digest, Release: m.Release, Arch: m.Arch}
	blob, im := r.Base()
	if blob == nil || len(r.Modules) == 0 {
		return nil, where.In(r.Name, where.New(where.Inconclusive, "no references to record: they need the modules and the base of the release").
			WithHint("give the packages that hold the image and the modules"))
	}
	base, err := btf.Parse(blob)
	if err != nil {
		return nil, im.Source.In(where.In("base BTF", err))
	}
	all := make([]*manifest.ModuleRefs, len(r.Modules))
	jobs = max(jobs, 1)
	var g errgroup.Group
	for j := range jobs {
		g.Go(func() error {
			for i := j; i < len(all); i += jobs {
				all[i] = r.Modules[i].refs(base)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, one := range all {
		if one != nil {
			x.Modules = append(x.Modules, *one)
		}
	}
	return x, nil
}

// refs are those of one module with split BTF, else nil.
func (m *Module) refs(base *btf.Raw) *manifest.ModuleRefs {
	f := m.Facts
	if f.BTF.Len() == 0 || f.BTFBase.Len() > 0 {
		return nil
	}
	split, err := btf.ParseSplit(f.BTF.Bytes(), base)
	if err != nil {
		return nil
	}
	ids, sure := f.TypeIDs()
	x := &manifest.ModuleRefs{Path: m.Path, Refs: *meaning.RefsOf(split, ids), UnsureIDs: !sure && len(ids) > 0}
	if x.UnsureIDs {
		x.OwnTypes = meaning.RefsOf(split, nil).OwnTypes // what may be an id proves nothing
	}
	return x
}

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

// WholeRefs gives the references of a manifest's modules: those given with
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
