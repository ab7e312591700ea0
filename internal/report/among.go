package report

import (
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/model"
)

// OriginsText writes on which bases modules were encoded, for people. Verbose
// lists every base.
func OriginsText(w io.Writer, x *model.Origins, o Options) error {
	t := newText(w, o)
	t.ignored(x.Ignored)
	for i := range x.Modules {
		t.origin(&x.Modules[i], x.Bases)
	}
	return t.w.Flush()
}

func (t *text) origin(m *model.ModuleOrigin, bases int) {
	of := model.Plural(bases, "base", "bases")
	switch m.Found {
	case 0:
		t.f("%s: encoded on none of the %s\n", m.Module, of)
	case 1:
		t.f("%s: encoded on %s, of %s\n", m.Module, baseName(&m.Ranks[0]), of)
	default:
		t.f("%s: %d of %s fit equally, nothing in the module tells them apart\n", m.Module, m.Found, of)
	}
	if m.Vermagic != "" {
		t.f("  vermagic: %s\n", m.Vermagic)
	}
	contradicted := 0
	for i := range m.Ranks {
		r := &m.Ranks[i]
		if r.Grade == model.GradeContradicted && i >= max(1, m.Found) && !t.verbose {
			contradicted++
			continue
		}
		t.rank(r)
	}
	if contradicted > 0 {
		t.f("  contradicted: %s (-v lists them)\n", model.Plural(contradicted, "other base", "other bases"))
	}
}

func (t *text) rank(r *model.BaseRank) {
	t.f("  %s: %s", string(r.Grade), baseName(r))
	if len(r.For) > 0 {
		t.f(" by %s", strings.Join(r.For, ", "))
	}
	if r.Looked > 0 {
		t.f(", %s compared", model.Plural(r.Looked, "fact", "facts"))
	}
	if r.Named {
		t.f(", named by its vermagic")
	}
	t.f("\n    sha256 %s", r.Base.SHA256)
	if r.Base.Types > 0 {
		t.f(", %d types, %d string bytes", int(r.Base.Types), int(r.Base.StringBytes))
	}
	t.f("\n")
	for i, f := range r.Files {
		if i == 4 && !t.verbose {
			t.f("    and %d more files (-v lists them)\n", len(r.Files)-i)
			break
		}
		t.f("    in %s\n", f)
	}
	if r.Against != "" {
		t.f("    %s\n", r.Against)
	}
}

// baseName is what people call a base: the releases on it, else its checksum.
func baseName(r *model.BaseRank) string {
	switch {
	case len(r.Releases) > 2:
		return fmt.Sprintf("the base of %s and %d more", r.Releases[0], len(r.Releases)-1)
	case len(r.Releases) > 0:
		return "the base of " + strings.Join(r.Releases, " and ")
	}
	return "the base " + r.Base.SHA256[:min(12, len(r.Base.SHA256))]
}
