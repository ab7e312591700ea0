package repair

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// uploaded refuses a package that a .changes or .buildinfo beside it lists
// with its checksum: the upload would no longer be what it says.
func (j *job) uploaded(p *placed) error {
	if j.o.Force || j.o.DryRun || j.o.Export != nil {
		return nil
	}
	dir := filepath.Dir(p.input.Path)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return where.New(where.IO, "%w", err)
	}
	name := []byte(filepath.Base(p.input.Path))
	for _, e := range entries {
		if ext := strings.ToLower(filepath.Ext(e.Name())); ext != ".changes" && ext != ".buildinfo" {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || info.Size() > limits.MaxText {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return where.In(e.Name(), where.New(where.IO, "%w", err))
		}
		for word := range bytes.FieldsSeq(text) {
			if bytes.Equal(word, name) {
				return usage("%s lists this package with its checksum", e.Name()).
					WithHint("repair before dpkg-genchanges (debian/rules, or apply --in-place on debian/PACKAGE/); --force writes it nevertheless, and the upload must be made anew")
			}
		}
	}
	return nil
}
