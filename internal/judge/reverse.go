package judge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// meetBack asks the new kernel about the modules of the old release. They stand
// for all that was built on the old base and that no repair of the new modules
// reaches: a stale initrd, external modules that nobody rebuilt because the
// name did not change. Modules of the new release may be loaded already.
func (w *window) meetBack(ctx context.Context, o *Options) (m meetings, res model.ReverseResult, err error) {
	res = noReverse(w.p.why)
	switch {
	case len(w.p.old.Packed) > 0:
		m.mods, res.Why = packedModules(w), ""
	case len(w.old.Modules) == 0:
		res.Why = "the old side has no modules to ask with"
		return m, res, nil
	default:
		if m.mods, err = recordedModules(w.p.old, w.old, w.oldK); err != nil {
			return m, res, err
		}
		if !w.recordsTell(m.mods) {
			res.Why = "the old side is a manifest: it does not hold the modules' BTF, and there are no references (record --refs) with its base"
			return meetings{}, res, nil
		}
		res.Why = "by the references recorded with the manifest"
		if kernel.SameBase(w.oldK, w.newK) == tri.Yes {
			res.Why = "by the manifest: both kernels have one base"
		}
	}
	around := encounter.Around{SameRelease: true, Loaded: true, Trust: o.trust()}
	loads := encounter.Loads(w.newK, m.mods, around, o.Jobs)
	if m.cells, err = encounter.All(ctx, w.newK, m.mods, loads, o.bases, o.Jobs); err != nil {
		return m, res, err
	}
	res.Judged, res.Modules = true, len(m.cells)
	verdicts, meanings, counts := model.Counter{}, model.Counter{}, model.LoadCounter{}
	for i := range m.cells {
		c := &m.cells[i]
		x := model.ReverseModule{Path: m.mods[i].Path, Verdict: c.Verdict, Meaning: c.Meaning, Words: c.Words, Load: encounter.ModuleLoad(c.Load)}
		if c.Load != nil && c.Load.Why(false) != nil {
			x.Verdict, x.Words = model.Blocked, ""
		}
		verdicts.Add(string(x.Verdict))
		meanings.Add(string(x.Meaning))
		counts.Add(&x.Load)
		res.Each = append(res.Each, x)
	}
	res.Verdicts, res.Meanings, res.Loads = verdicts.Sorted(), meanings.Sorted(), counts.Counts()
	if len(w.p.old.Packed) == 0 && slices.ContainsFunc(m.cells, func(c encounter.Cell) bool { return c.Verdict == model.VerdictUnknown }) {
		res.Why += ": whether the new kernel takes them is not known"
	}
	return m, res, nil
}

// noReverse is a reverse encounter that was not judged.
func noReverse(why string) model.ReverseResult {
	none := []model.Count{}
	return model.ReverseResult{Why: why, Verdicts: none, Meanings: none, Loads: model.LoadCounts{Ignored: none, Enforced: none}, Each: []model.ReverseModule{}}
}

// recordsTell reports whether what is recorded of the old modules says
// anything of them on the new kernel.
func (w *window) recordsTell(mods []encounter.Module) bool {
	return kernel.SameBase(w.oldK, w.newK) == tri.Yes ||
		w.oldK.Base != nil && w.newK.Base != nil && slices.ContainsFunc(mods, func(m encounter.Module) bool { return m.Refs != nil || m.Distilled != nil })
}

// packedModules are the modules of a condensed release.
func packedModules(w *window) []encounter.Module {
	out := make([]encounter.Module, len(w.p.old.Packed))
	for i, p := range w.p.old.Packed {
		out[i] = encounter.Module{Path: p.Path, Name: w.old.Modules[i].Name, Facts: p.Facts,
			Build: encounter.Build{On: w.oldK, By: model.ByAssumed}}
	}
	return out
}

// sound reports whether every module of the old release is on the new kernel
// what it was: then whatever else was built like them is, too.
func (w *window) sound() bool {
	return w.reverse.Judged && !slices.ContainsFunc(w.back.cells, func(c encounter.Cell) bool {
		return c.Meaning != model.Same && c.Meaning != model.MeaningNone ||
			c.Verdict != model.Attached && c.Verdict != model.Inert && c.Verdict != model.Blocked && c.Verdict != model.VerdictUnknown
	})
}

// reverseNotes: nothing here is repaired by rewriting the new modules;
// the policy reports whether it asks for a new name.
func (w *window) reverseNotes(p *policy.Policy) (list []note) {
	res := &w.reverse
	f := model.Finding{Encounter: model.Reverse, Severity: model.Warning, Hint: "rebuild external modules (DKMS, kmod) and initrds when the new kernel is installed"}
	if p.Reverse == policy.Bump {
		f.Severity, f.Action = model.Error, model.Bump
	}
	if w.equal == model.Differs && !w.sound() {
		f := f
		f.Rule = "reverse.base"
		f.Message = "external modules and initrds built on the old base do not match the new kernel; repairing the new modules cannot reach them"
		switch {
		case res.Judged && res.Why != "":
			f.Message += fmt.Sprintf(". Of the old release's own %s, by their references: %s", model.Plural(res.Modules, "module", "modules"), meaningText(res.Meanings))
		case res.Judged:
			f.Message += fmt.Sprintf(". Of the old release's own %s: %s", model.Plural(res.Modules, "module", "modules"), verdictText(res.Verdicts))
		}
		list = append(list, said(f))
	}
	blocked := loadGroup{rule: "reverse.blocked", what: "of the old release, and what was built like them, that the new kernel refuses to load"}
	for i := range w.back.cells {
		if load := w.back.cells[i].Load; load != nil {
			if why := load.Why(false); why != nil {
				blocked.add(w.back.mods[i].Path, why.String())
			}
		}
	}
	return append(list, blocked.notes(f)...)
}

// mismatchOpen is what is said where nothing reports whether a kernel allows a
// mismatch.
const mismatchOpen = "whether it allows a BTF mismatch, and then loads them without their BTF, is not known (CONFIG_MODULE_ALLOW_BTF_MISMATCH): its config tells"

// mismatchUnknown: whether the old kernel refuses modules or drops their BTF is
// not known. They are judged as refused, and repaired in either case.
func (w *window) mismatchUnknown() []note {
	f := model.Finding{Rule: "window.mismatch-unknown", Severity: model.Warning, Hint: "give the older package with its config (boot/config-RELEASE) with --against"}
	if w.oldK.Abilities.AllowMismatch.Is != tri.Unknown {
		return nil
	}
	for i := range w.forth.cells {
		if w.forth.cells[i].Verdict == model.Rejected {
			f.Subjects = append(f.Subjects, w.forth.mods[i].Path)
		}
	}
	if f.Count = len(f.Subjects); f.Count == 0 {
		return nil
	}
	return []note{worded(f, func(n int) string {
		return model.Plural(n, "module is", "modules are") + " judged as refused by the old kernel for the BTF: " + mismatchOpen
	})}
}

// mismatch: where the old kernel loads modules whose BTF it refuses and the
// new one does not, what was stale and worked without its BTF no longer loads.
func (w *window) mismatch() []note {
	old, new := w.oldK.Abilities.AllowMismatch, w.newK.Abilities.AllowMismatch
	if old.Is != tri.Yes || new.Is == tri.Yes || w.newK.ReadsBTF().Is == tri.No || new.Is == tri.Unknown && w.sound() {
		return nil
	}
	f := model.Finding{Rule: "window.mismatch-lost", Encounter: model.Reverse, Severity: model.Warning,
		Message: "the new kernel no longer allows a BTF mismatch (CONFIG_MODULE_ALLOW_BTF_MISMATCH): external modules and initrds built on another base, which loaded without their BTF, will be refused",
		Hint:    "rebuild external modules (DKMS, kmod) and initrds before the new kernel is booted, or keep the option"}
	if new.Is == tri.Unknown {
		f.Message = "whether the new kernel still allows a BTF mismatch, as the old one does, is not known (CONFIG_MODULE_ALLOW_BTF_MISMATCH): if not, external modules and initrds built on another base, which loaded without their BTF, will be refused"
		f.Hint = "give the config of the new kernel (boot/config-RELEASE)"
	}
	if w.reverse.Judged {
		n := 0
		for i := range w.back.cells {
			if w.back.cells[i].Verdict == model.Rejected {
				n++
				f.Subjects = append(f.Subjects, w.back.mods[i].Path)
			}
		}
		f.Count = max(n, 1)
		f.Message += fmt.Sprintf("; of the old release's own %s that is %d", model.Plural(len(w.back.cells), "module", "modules"), n)
	}
	return []note{said(f)}
}

// meaningText says in words what modules mean on another base.
func meaningText(list []model.Count) string {
	words := map[string]string{
		string(model.Same): "mean the same", string(model.Different): "mean something else", string(model.MeaningNone): "have no BTF that is read",
		string(model.MeaningUnknown): "are not known",
	}
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%d %s", c.Count, words[c.Word])
	}
	return strings.Join(parts, ", ")
}

// verdictText says in words what a kernel does with modules.
func verdictText(list []model.Count) string {
	words := map[string]string{
		string(model.Attached): "load with their BTF", string(model.Dropped): "load without it", string(model.Rejected): "are refused for it",
		string(model.InitFails): "fail in init", string(model.Inert): "load without BTF", string(model.Blocked): "do not load at all",
		string(model.VerdictUnknown): "are not known",
	}
	parts := make([]string, len(list))
	for i, c := range list {
		parts[i] = fmt.Sprintf("%d %s", c.Count, words[c.Word])
	}
	return strings.Join(parts, ", ")
}
