package judge

import (
	"fmt"
	"slices"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/policy"
)

// pillars are types that most tracing programs name. One that stands twice in the
// base leaves them without an answer which one is meant.
var pillars = []string{"task_struct", "mm_struct", "file", "inode", "dentry", "path", "sk_buff", "sock", "net_device", "net", "cgroup", "bpf_prog", "bpf_map", "bio", "request", "pt_regs"}

// manyDoubles is how many types may stand twice in a base without a word: Debian's
// have two to five, which are different types of one name.
const manyDoubles = 50

// healthNotes are about the types that the build encoded.
func (s *selfSide) healthNotes(h *model.Health) (list []note) {
	if h == nil {
		return nil
	}
	if r := &h.Repeated; r.Bytes > 0 && percent(r.Bytes, r.Of) >= int64(s.policy.Health.Repeated) {
		list = append(list, said(model.Finding{Rule: "health.repeated", Severity: model.Info, Encounter: model.Self, Count: r.Modules,
			Message: fmt.Sprintf("%s of the modules' %s of BTF (%d %%) are types that the base has already: %s, %s, %s",
				megabytes(r.Bytes), megabytes(r.Of), percent(r.Bytes, r.Of), model.Plural(r.Modules, "module has some", "modules have some"),
				model.Plural(r.Composites, "struct or union", "structs and unions"), model.Plural(r.Typedefs, "typedef", "typedefs")),
			Hint: "merging failed when the modules were encoded" + encoder(s.r.Options) + "; the modules work, and are larger"}))
	}
	doubled := slices.DeleteFunc(slices.Clone(h.Doubled), func(name string) bool { return !slices.Contains(pillars, name) })
	if len(doubled) == 0 && len(h.Doubled) > manyDoubles {
		doubled = h.Doubled
	}
	if n := len(doubled); n > 0 {
		list = append(list, worded(model.Finding{Rule: "health.base-doubled", Severity: model.Warning, Encounter: model.Self, Count: n, Subjects: doubled,
			Hint: "merging failed when vmlinux was encoded" + encoder(s.r.Options) + ": build it again"},
			func(n int) string {
				return model.Plural(n, "type stands more than once in the base", "types stand more than once in the base") + ": programs that name it find the first, functions may use another"
			}))
	}
	if n := len(h.NamesLost); n > 0 {
		list = append(list, worded(model.Finding{Rule: "health.names-lost", Severity: model.Error, Action: model.Rebuild, Encounter: model.Self, Count: n, Subjects: h.NamesLost,
			Hint: "this kernel searches its base by halves (7.0 and later): resolve_btfids must sort it, and nothing may change its order afterwards"},
			func(n int) string {
				return "the base is not in the order of names, and the kernel does not find " + model.Plural(n, "type", "types") + " by name, without a word"
			}))
	}
	return list
}

// bareKfuncs are the kfuncs that are missing on the release's own kernel.
func (s *selfSide) bareKfuncs(mods []moduleSelf) []note {
	met, cells := make([]encounter.Module, len(mods)), make([]encounter.Cell, len(mods))
	for i := range mods {
		met[i], cells[i] = mods[i].mod, mods[i].cell
	}
	return bareKfuncs("the release's own kernel", s.kernel, met, cells)
}

// healthNotes compare the size of the modules' BTF with the older release.
func (w *window) healthNotes(p *policy.Policy) []note {
	old, new := btfBytes(w.old), btfBytes(w.new)
	if old == 0 || new <= old || percent(new-old, old) < int64(p.Health.Growth) || len(w.new.Modules) > 2*len(w.old.Modules) {
		return nil
	}
	return []note{said(model.Finding{Rule: "health.growth", Severity: model.Info,
		Message: fmt.Sprintf("the modules carry %s of BTF, %d %% more than the %s of the older release", megabytes(new), percent(new-old, old), megabytes(old)),
		Hint:    "types that were not merged are the usual reason: kpkg-btf inspect shows them"})}
}

func btfBytes(m *manifest.Manifest) (n int64) {
	for i := range m.Modules {
		n += m.Modules[i].BTF.Size
	}
	return n
}

// encoder names the tool where the config does.
func encoder(c manifest.Config) string {
	if v, ok := c.Value("CONFIG_PAHOLE_VERSION"); ok && v != "n" {
		return " (CONFIG_PAHOLE_VERSION=" + v + ")"
	}
	return ""
}

func percent(part, whole int64) int64 {
	if whole == 0 {
		return 0
	}
	return part * 100 / whole
}

// megabytes writes a size with one digit behind the point.
func megabytes(n int64) string {
	return fmt.Sprintf("%d.%d MB", n/1e6, n%1e6/1e5)
}
