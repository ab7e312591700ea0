package report

import (
	"fmt"

	"kpkg-btf/internal/model"
)

// origins tell, of external modules, what BTF they carry and how it is known
// which base it was encoded against.
func origins(v *model.ReleaseVerdict) []string {
	counts := model.Counter{}
	for i := range v.Modules {
		counts.Add(originOf(v, &v.Modules[i]))
	}
	var out []string
	for _, c := range counts.Sorted() {
		out = append(out, fmt.Sprintf("%s: %s", model.Plural(c.Count, "module", "modules"), c.Word))
	}
	return out
}

func originOf(v *model.ReleaseVerdict, m *model.ModuleDecision) string {
	kind := "split BTF"
	switch {
	case m.BTF == "":
		return "without BTF: " + m.MissingWhy
	case m.BTFBase != "":
		kind = "distilled BTF"
	}
	for i := range v.On {
		if k := &v.On[i].Kernel; m.BuiltOn != "" && m.BuiltOn == k.Base.SHA256 {
			return fmt.Sprintf("%s, encoded against the base %s… of %s%s", kind, m.BuiltOn[:8], k.Name, knownBy(m))
		}
	}
	return kind + ", which none of the bases of these kernels is known to be the base of"
}

func knownBy(m *model.ModuleDecision) string {
	switch m.BuildBaseBy {
	case model.ByStamp:
		return " (the stamp of its encoder says so)"
	case model.ByWord:
		return " (its stamp says so)"
	case model.ByAssumed:
		return " (its vermagic says so)"
	}
	return fmt.Sprintf(" (its vermagic says so, its BTF agrees: %s)", m.BuildBaseBy)
}
