package judge

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
)

// btf decides what becomes of the new modules' BTF on the old kernel. With
// one base on both sides nothing changes. With another, the old kernel is asked
// module by module, by its own rules, where its image is there; what it takes
// may still mean something else, which only equal bases rule out.
func (w *windowState) btf() error {
	old, err := kernelOf(w.p.old)
	if err != nil {
		return err
	}
	reads := readsModuleBTF(w.old)
	t := &tally{verdicts: counter{}, meanings: counter{}, fates: fates{}}
	t.repair, t.why = w.repair()
	var sims []simulated
	if old != nil && t.repair == model.Distill && reads != kimage.No && w.res.BaseEqual == model.Differs {
		if sims, err = w.simulateDistill(old); err != nil {
			return err
		}
	}
	for i := range w.new.Modules {
		m := &w.new.Modules[i]
		x := &w.mods[i]
		x.Verdict, x.Meaning = model.VerdictUnknown, model.MeaningUnknown
		switch {
		case w.blocked(i, x):
		case reads == kimage.No:
			x.Verdict = model.Inert
		case m.BTF.Kind == manifest.BTFNone:
			w.without(m, x, t)
		case w.res.BaseEqual == model.Equal:
			x.Verdict, x.Meaning = model.Attached, model.Same
		case old != nil && w.res.BaseEqual == model.Differs && i < len(w.r.Modules):
			a := old.ask(w.r.Modules[i].Facts)
			w.asked(a, w.r.Modules[i].Facts, m, x, t)
			if i < len(sims) && sims[i] != "" && x.Action == model.Distill {
				undistillable(a, m, x, t, string(sims[i]))
			}
		default:
			w.unasked(m, x, t)
		}
		t.verdicts.add(string(x.Verdict))
		t.meanings.add(string(x.Meaning))
	}
	w.res.Verdicts, w.res.Meanings = t.verdicts.sorted(), t.meanings.sorted()
	w.btfFindings(t)
	w.undecided(t.undecided)
	return nil
}

// tally gathers what the modules need.
type tally struct {
	repair             model.Action // what a module of another base needs
	why                string
	verdicts, meanings counter
	changed            []string // to be repaired
	fates              fates    // why those are
	dropped            []string // load without BTF until reboot; nothing to do
	fatal              []string // cannot be repaired
	undecided          []string
	notDistilled       []string // of changed: relocation fails
	notDistilledWhy    string   // of the first of them
	words              string   // the old kernel's, of the first module it refuses
}

// fates counts the modules to be repaired by what the old kernel does with them.
type fates map[model.Verdict]int

func (f fates) text() string {
	var parts []string
	for _, p := range []struct {
		verdict model.Verdict
		format  string
	}{
		{model.Attached, "the old kernel takes %s with types that may mean something else"},
		{model.Rejected, "the old kernel refuses to load %s"},
		{model.InitFails, "the old kernel fails the init of %s"},
		{model.Dropped, "the old kernel drops the BTF of %s with an id list that would be stale"},
		{model.VerdictUnknown, "the old kernel refuses %s or takes them with other types: which is not known without its image"},
	} {
		if n := f[p.verdict]; n > 0 {
			parts = append(parts, fmt.Sprintf(p.format, plural(n, "module", "modules")))
		}
	}
	return strings.Join(parts, ", ")
}

// without: a module that has no BTF.
func (w *windowState) without(m *manifest.Module, x *model.ModuleWindow, t *tally) {
	x.Verdict, x.Meaning = model.Inert, model.MeaningNone
	if w.missingIsFatal(m) == manifest.Yes {
		x.Verdict, x.Action, x.Why = model.InitFails, model.Bump, "BTF missing is fatal to its init there"
		t.fatal = append(t.fatal, m.Path)
	}
}

// asked: the old kernel's own verdict. What it refuses and may load without
// BTF is kept, unless an id list of the module, which no kernel checks, would
// be read with the old base.
func (w *windowState) asked(a answer, f *kmod.Facts, m *manifest.Module, x *model.ModuleWindow, t *tally) {
	x.Verdict, x.Why, x.Words = a.verdict, a.words, a.words
	if t.words == "" {
		t.words = a.words
	}
	if a.verdict == model.Dropped && !w.staleList(f) {
		x.Meaning = model.MeaningNone
		t.dropped = append(t.dropped, m.Path)
		return
	}
	t.changed = append(t.changed, m.Path)
	t.fates[a.verdict]++
	x.Action = t.repair
	if x.Why == "" {
		x.Why = t.why
	}
	if t.repair == model.Strip && a.bareFails {
		x.Action, x.Why = model.Bump, "built on another base, and the old kernel fails its init without BTF"
		t.fatal = append(t.fatal, m.Path)
	}
}

// undistillable: a module that one of the kernels would refuse once distilled
// can only do without BTF.
func undistillable(a answer, m *manifest.Module, x *model.ModuleWindow, t *tally, why string) {
	x.Action, x.Why = model.Strip, why
	t.notDistilled = append(t.notDistilled, m.Path)
	if t.notDistilledWhy == "" {
		t.notDistilledWhy = why
	}
	if a.bareFails {
		x.Action = model.Bump
		t.fatal = append(t.fatal, m.Path)
	}
}

// staleList tells whether a module has plain id words that name types of its
// own base: they are compared with the old base's ids and never checked.
func (w *windowState) staleList(f *kmod.Facts) bool {
	if f.IDs == nil || w.new.Base == nil {
		return false
	}
	if !f.IDs.Located {
		return true // nothing says which words are ids
	}
	return slices.ContainsFunc(f.IDs.Words, func(x kmod.IDWord) bool {
		return x.Set < 0 && x.ID != 0 && int64(x.ID) < w.new.Base.Types
	})
}

// unasked: the old kernel's image is not there. The action is the one that is
// safe whatever its verdict is.
func (w *windowState) unasked(m *manifest.Module, x *model.ModuleWindow, t *tally) {
	x.Action, x.Why = t.repair, t.why
	t.changed = append(t.changed, m.Path)
	t.fates[model.VerdictUnknown]++
	if t.repair != model.Strip {
		return
	}
	switch w.missingIsFatal(m) {
	case manifest.Yes:
		x.Action, x.Why = model.Bump, "built on another base, and the old kernel fails its init without BTF"
		t.fatal = append(t.fatal, m.Path)
	case manifest.Unknown:
		t.undecided = append(t.undecided, m.Path)
	}
}

// repair is the lowest action that is safe for a module of another base:
// distill where both kernels honour .BTF.base, else strip.
func (w *windowState) repair() (model.Action, string) {
	if ability(w.old, kimage.AbilityDistilled) == manifest.Yes && ability(w.new, kimage.AbilityDistilled) == manifest.Yes {
		return model.Distill, "built on another base; both kernels honour .BTF.base"
	}
	if ability(w.old, kimage.AbilityDistilled) == manifest.Yes {
		return model.Strip, "built on another base; the new kernel does not honour .BTF.base"
	}
	return model.Strip, "built on another base; the old kernel does not honour .BTF.base"
}

// missingIsFatal: on some kernels a module that registers kfuncs or
// destructors fails its init without BTF (KERNEL-BTF.md §2.3); whether this
// one does was read off its image.
func (w *windowState) missingIsFatal(m *manifest.Module) manifest.Answer {
	answer := manifest.No
	for _, c := range [...]struct{ symbol, ability string }{
		{"register_btf_kfunc_id_set", kimage.AbilityKfuncMissing},
		{"register_btf_id_dtor_kfuncs", kimage.AbilityDtorMissing},
	} {
		if !slices.Contains(m.Registers, c.symbol) {
			continue
		}
		switch a := ability(w.old, c.ability); a {
		case manifest.Yes:
			return a
		case manifest.Unknown:
			answer = a
		}
	}
	return answer
}

// undecided reports modules of which it is not known whether they can be
// stripped.
func (w *windowState) undecided(list []string) {
	if len(list) == 0 {
		return
	}
	w.add(model.Finding{Rule: "window.missing-unknown", Severity: model.Error, Inconclusive: true, Count: len(list), Subjects: list,
		Message: plural(len(list), "module registers", "modules register") + " kfuncs or destructors, and whether the old kernel fails their init without BTF is not known",
		Hint:    "give the older vmlinuz with --against"})
}

func (w *windowState) btfFindings(t *tally) {
	if w.res.BaseEqual == model.NotKnownSame && len(t.changed)+len(t.fatal) > 0 {
		w.add(model.Finding{Rule: "window.base-unknown", Severity: model.Error, Inconclusive: true,
			Message: "no base on one side: whether the modules' BTF fits the old kernel is not known",
			Hint:    "give the package with the older vmlinuz, or linux-headers with its vmlinux, with --against"})
		return
	}
	if len(t.changed) > 0 {
		w.add(model.Finding{Rule: "window.base", Severity: model.Error, Action: t.repair, Count: len(t.changed), Subjects: t.changed,
			Message: fmt.Sprintf("the base changed from %s to %s: %s; %s: %s them",
				short(w.old.Base), short(w.new.Base), t.fates.text(), t.why, t.repair),
			Hint: "equal counts are no comfort: ids and string offsets of the base move with every rebuild that is not bit-for-bit reproducible"})
	}
	if len(t.notDistilled) > 0 {
		w.add(model.Finding{Rule: "window.not-distillable", Severity: model.Error, Action: model.Strip, Count: len(t.notDistilled), Subjects: t.notDistilled,
			Message: fmt.Sprintf("distilling does not help %s: strip (first: %s)", plural(len(t.notDistilled), "module", "modules"), t.notDistilledWhy)})
	}
	if len(t.dropped) > 0 {
		w.add(model.Finding{Rule: "window.dropped", Severity: model.Warning, Count: len(t.dropped), Subjects: t.dropped,
			Message: fmt.Sprintf("%s without BTF until reboot: the old kernel refuses it and allows the mismatch (it says: %s)",
				plural(len(t.dropped), "module loads", "modules load"), t.words)})
	}
	fatal := t.fatal
	if len(fatal) > 0 {
		w.add(model.Finding{Rule: "window.missing-fatal", Severity: model.Error, Action: model.Bump, Count: len(fatal), Subjects: fatal,
			Message: plural(len(fatal), "module", "modules") + " can neither keep BTF of another base nor do without BTF on the old kernel"})
	}
}

func short(b *manifest.Base) string {
	if b == nil {
		return "none"
	}
	return fmt.Sprintf("%x…", b.SHA256[:4])
}
