package report

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/report/page"
)

// healthFact is one thing about what a build encoded.
type healthFact struct {
	what, found string
	wrong       bool
}

// healthOf are the facts of a release; none where nobody looked.
func healthOf(h *model.Health, all bool) (out []healthFact) {
	if h == nil {
		return nil
	}
	if h.Kfuncs > 0 {
		found := fmt.Sprintf("%d in %s", h.Kfuncs, model.Plural(h.KfuncSets, "set", "sets"))
		if len(h.KfuncsWrong) > 0 {
			found += fmt.Sprintf("; wrong: %d, %s", len(h.KfuncsWrong), some(h.KfuncsWrong, all))
		} else {
			found += ", none wrong"
		}
		out = append(out, healthFact{"kfuncs", found, len(h.KfuncsWrong) > 0})
	}
	if r := &h.Repeated; r.Modules > 0 {
		out = append(out, healthFact{"types that the base has too", fmt.Sprintf("%s of %s (%s) in %s: structs and unions %d, typedefs %d, others %d; twice in a module %d",
			Bytes(r.Bytes), Bytes(r.Of), share(r.Bytes, r.Of), model.Plural(r.Modules, "module", "modules"), r.Composites, r.Typedefs, r.Others, r.Twice), false})
	}
	if n := len(h.Doubled); n > 0 {
		out = append(out, healthFact{"types that stand more than once in the base", fmt.Sprintf("%d, %s", n, some(h.Doubled, all)), true})
	}
	if n := len(h.NamesLost); n > 0 {
		out = append(out, healthFact{"base not in the order of names", fmt.Sprintf("%d that the kernel does not find, %s", n, some(h.NamesLost, all)), true})
	}
	return out
}

// some are the first names, or all of them.
func some(names []string, all bool) string {
	const most = 3
	if len(names) <= most || all {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:most], ", ") + ", …"
}

// health shows what the build encoded. It reports false where nobody looked.
func (h *htmlRelease) health() (page.Section, bool) {
	s := h.section("health", "Health of the build")
	facts := healthOf(h.v.Self.Health, true)
	if len(facts) == 0 {
		return s, false
	}
	t := page.Table{Caption: "what the build encoded, whatever it fits"}
	for _, x := range facts {
		tone := page.Plain
		if x.wrong {
			tone = page.Care
		}
		t.Rows = append(t.Rows, []page.Cell{{Text: x.what}, {Text: x.found, Tone: tone}})
	}
	if h.v.Self.Health.Kfuncs == 0 {
		t.Notes = append(t.Notes, "No set of kfuncs was found: an image without its symbols does not show its own.")
	}
	s.Tables = []page.Table{t}
	return s, true
}
