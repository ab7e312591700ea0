package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"kpkg-btf/internal/model"
)

// Substvars writes a decision as deb-substvars(5): btf:Base, the base
// checksums; btf:Provides, the virtual packages that go with them, for the
// Provides field of the image; btf:Depends, those of the bases that modules
// built elsewhere need, for theirs: of modules with split BTF, as those with a
// distilled base or without BTF need none; btf:Decision. Several releases are
// one list.
func Substvars(w io.Writer, r *model.Report) error {
	var sums, provides, depends []string
	for i := range r.Releases {
		if s := r.Releases[i].Release.Base.SHA256; len(s) == 64 {
			sums = append(sums, s)
			provides = append(provides, model.BaseProvide(s))
		}
	}
	for i := range r.Releases {
		for k := range r.Releases[i].Modules {
			if m := &r.Releases[i].Modules[k]; m.BTF != "" && m.BTFBase == "" && len(m.BuiltOn) == 64 {
				depends = append(depends, model.BaseProvide(m.BuiltOn))
			}
		}
	}
	for _, list := range []*[]string{&sums, &provides, &depends} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	_, err := fmt.Fprintf(w, "btf:Base=%s\nbtf:Provides=%s\nbtf:Depends=%s\nbtf:Decision=%s\n",
		strings.Join(sums, " "), strings.Join(provides, ", "), strings.Join(depends, ", "), r.Decision)
	return err
}
