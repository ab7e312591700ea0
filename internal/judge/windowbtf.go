package judge

import (
	"fmt"
	"slices"

	"kpkg-btf/internal/kimage"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/policy"
)

// btf decides what becomes of the new modules' BTF on the old kernel. With
// one base on both sides nothing changes. With another, kernel rules and
// meaning would have to be judged module by module; until then each is
// unknown and the action is the one that is safe whatever the answer is.
func (w *windowState) btf() {
	reads := readsModuleBTF(w.old)
	verdicts, meanings := counter{}, counter{}
	repair, why := w.repair()
	var fatal, changed, undecided []string
	for i := range w.new.Modules {
		m := &w.new.Modules[i]
		x := &w.mods[i]
		x.Verdict, x.Meaning = model.VerdictUnknown, model.MeaningUnknown
		switch {
		case reads == kimage.No:
			x.Verdict = model.Inert
		case m.BTF.Kind == manifest.BTFNone:
			x.Verdict, x.Meaning = model.Inert, model.MeaningNone
			if w.missingIsFatal(m) == manifest.Yes {
				x.Verdict, x.Action, x.Why = model.InitFails, model.Bump, "BTF missing is fatal to its init there"
				fatal = append(fatal, m.Path)
			}
		case w.res.BaseEqual == model.Equal:
			x.Verdict, x.Meaning = model.Attached, model.Same
		default:
			x.Action, x.Why = repair, why
			changed = append(changed, m.Path)
			if repair != model.Strip {
				break
			}
			switch w.missingIsFatal(m) {
			case manifest.Yes:
				x.Action, x.Why = model.Bump, "built on another base, and the old kernel fails its init without BTF"
				fatal = append(fatal, m.Path)
			case manifest.Unknown:
				undecided = append(undecided, m.Path)
			}
		}
		verdicts.add(string(x.Verdict))
		meanings.add(string(x.Meaning))
	}
	w.res.Verdicts, w.res.Meanings = verdicts.sorted(), meanings.sorted()
	w.btfFindings(repair, why, changed, fatal)
	w.undecided(undecided)
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
	w.add(model.Finding{Rule: "window.missing-unknown", Severity: model.Error, Inconclusive: true, Count: len(list), Subjects: capped(list),
		Message: plural(len(list), "module registers", "modules register") + " kfuncs or destructors, and whether the old kernel fails their init without BTF is not known",
		Hint:    "give the older vmlinuz with --against"})
}

func (w *windowState) btfFindings(repair model.Action, why string, changed, fatal []string) {
	if w.res.BaseEqual == model.NotKnownSame && len(changed)+len(fatal) > 0 {
		w.add(model.Finding{Rule: "window.base-unknown", Severity: model.Error, Inconclusive: true,
			Message: "no base on one side: whether the modules' BTF fits the old kernel is not known",
			Hint:    "give the package with the older vmlinuz, or linux-headers with its vmlinux, with --against"})
		return
	}
	if len(changed) > 0 {
		w.add(model.Finding{Rule: "window.base", Severity: model.Error, Action: repair, Count: len(changed), Subjects: capped(changed),
			Message: fmt.Sprintf("the base changed from %s to %s: %s would be refused by the old kernel, or taken with types that mean something else; %s: %s them",
				short(w.old.Base), short(w.new.Base), plural(len(changed), "module", "modules"), why, repair),
			Hint: "equal counts are no comfort: ids and string offsets of the base move with every rebuild that is not bit-for-bit reproducible"})
	}
	if len(fatal) > 0 {
		w.add(model.Finding{Rule: "window.missing-fatal", Severity: model.Error, Action: model.Bump, Count: len(fatal), Subjects: capped(fatal),
			Message: plural(len(fatal), "module", "modules") + " can neither keep BTF of another base nor do without BTF on the old kernel"})
	}
	if w.res.BaseEqual == model.Differs {
		f := model.Finding{Rule: "reverse.base", Encounter: model.Reverse, Severity: model.Warning,
			Message: "external modules and initrds built on the old base do not match the new kernel; repairing the new modules cannot reach them",
			Hint:    "rebuild external modules (DKMS, kmod) and initrds when the new kernel is installed"}
		if w.policy.Reverse == policy.Bump {
			f.Severity, f.Action = model.Error, model.Bump
		}
		w.add(f)
	}
}

func short(b *manifest.Base) string {
	if b == nil {
		return "none"
	}
	return fmt.Sprintf("%x…", b.SHA256[:4])
}

func capped(list []string) []string { return list[:min(len(list), limits.MaxFindings)] }
