package repair

import (
	"path/filepath"

	"kpkg-btf/internal/pack"
)

// uploaded refuses a package that a .changes or .buildinfo beside it lists
// with its checksum: the upload would no longer be what it says.
func (j *job) uploaded(p *placed) error {
	if j.o.Force || j.o.DryRun || j.o.Export != nil {
		return nil
	}
	in, err := pack.ListedIn(p.input.Path)
	if err != nil || len(in) == 0 {
		return err
	}
	return usage("%s lists this package with its checksum", filepath.Base(in[0])).
		WithHint("repair before dpkg-genchanges (apply --in-place on debian/PACKAGE/); --force writes it nevertheless, and the upload must be made anew")
}
