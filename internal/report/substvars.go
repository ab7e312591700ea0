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
// Provides field of the image; btf:Decision. Several releases are one list.
func Substvars(w io.Writer, r *model.Report) error {
	var sums, provides []string
	for i := range r.Releases {
		if s := r.Releases[i].Release.Base.SHA256; len(s) == 64 {
			sums = append(sums, s)
			provides = append(provides, model.BaseProvide(s))
		}
	}
	for _, list := range []*[]string{&sums, &provides} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	_, err := fmt.Fprintf(w, "btf:Base=%s\nbtf:Provides=%s\nbtf:Decision=%s\n", strings.Join(sums, " "), strings.Join(provides, ", "), r.Decision)
	return err
}
