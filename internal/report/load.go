package report

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/model"
)

// loadWords say whether modules load at all.
var loadWords = map[string]string{
	string(model.LoadsYes):     "load",
	string(model.LoadsNo):      "do not",
	string(model.LoadsMaybe):   "do not where older modules are loaded",
	string(model.LoadsUnknown): "are not known to",
}

// loads tells whether modules load at all, before any look at their BTF; it
// says nothing when all do, in both states of enforcement.
func (t *text) loads(l model.LoadCounts) {
	ignored, enforced := loadText(l.Ignored), loadText(l.Enforced)
	if all(l.Ignored) && all(l.Enforced) {
		return
	}
	t.f("  by signature, vermagic and symbols: %s; where signatures are enforced: %s\n", ignored, enforced)
}

func all(list []model.Count) bool {
	return len(list) == 0 || len(list) == 1 && list[0].Word == string(model.LoadsYes)
}

func loadText(list []model.Count) string {
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%d %s", c.Count, loadWords[c.Word])
	}
	return strings.Join(parts, ", ")
}

// reverse tells what becomes of the older modules on the new kernel.
func (t *text) reverse(name string, w *model.WindowResult) {
	r := &w.Reverse
	if !r.Judged {
		return
	}
	t.f("%s on %s: what was built on the old base and not rebuilt\n", w.Old.Name, name)
	t.f("  %s: %s; meaning %s\n", model.Plural(r.Modules, "module", "modules"), fate(r.Verdicts), words(r.Meanings))
	if r.Why != "" {
		t.f("  %s\n", r.Why)
		return
	}
	t.loads(r.Loads)
}
