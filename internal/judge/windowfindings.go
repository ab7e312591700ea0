package judge

import (
	"fmt"
	"slices"

	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
)

// btfNotes turns what the modules need into findings.
func (w *window) btfNotes() []note {
	t := &w.needs.tally
	list := undecided(t.undecided)
	if w.equal == model.NotKnownSame && len(t.changed)+len(t.fatal.paths) > 0 {
		return append(list, said(model.Finding{Rule: "window.base-unknown", Severity: model.Error, Inconclusive: true,
			Message: "no base on one side: whether the modules' BTF fits the old kernel is not known",
			Hint:    "give the package with the older vmlinuz, or linux-headers with its vmlinux, with --against"}))
	}
	return slices.Concat(list, w.repairNotes(t), meaningNotes(t))
}

// notes is one about the group; none where nobody is in it.
func (g *group) notes(rule string, severity model.Severity, action model.Action, format string) []note {
	n := len(g.paths)
	if n == 0 {
		return nil
	}
	return []note{said(model.Finding{Rule: rule, Severity: severity, Action: action, Count: n, Subjects: g.paths,
		Message: fmt.Sprintf(model.Agree(n, format), model.Plural(n, "module", "modules"), g.first)})}
}

// repairNotes: what has to be done because the base is another one.
func (w *window) repairNotes(t *windowSummary) (list []note) {
	if len(t.changed) > 0 {
		text := t.text()
		if t.same > 0 {
			text += fmt.Sprintf(", and %d with the types they meant", t.same)
		}
		f := model.Finding{Rule: "window.base", Severity: model.Error, Action: t.repair, Count: len(t.changed), Subjects: t.changed,
			Message: fmt.Sprintf("the base changed from %s to %s: %s; %s: %s them", short(w.old.Base), short(w.new.Base), text, t.why, t.repair)}
		if w.old.Base != nil && w.new.Base != nil && w.old.Base.Types == w.new.Base.Types && w.old.Base.StrLen == w.new.Base.StrLen {
			f.Hint = "that both bases have equal counts means nothing: ids and string offsets of the base move with every rebuild that is not bit-for-bit reproducible"
		}
		f.Hint = joined(f.Hint, t.unknown)
		if n := len(t.kfuncs); n > 0 {
			f.Hint = joined(f.Hint, kfuncsVanish(n, t.kfuncs[0]))
		}
		list = append(list, said(f))
	}
	list = slices.Concat(list,
		t.notDistilled.notes("window.not-distillable", model.Error, model.Strip, "distilling does not help %s: strip (first: %s)"),
		t.fatal.notes("window.missing-fatal", model.Error, model.Bump, "%s can neither keep BTF of another base nor do without BTF on the old kernel (first: %s)"),
		t.zeroed.notes("window.ids-zeroed", model.Info, model.Keep,
			"to be repaired, %s must lose plain lists of BTF ids, which no kernel relocates: what looks types up by them is off until the next build (first: %s)"))
	if len(t.stale) > 0 {
		list = append(list, said(model.Finding{Rule: "window.stale-ids", Severity: model.Error, Action: model.Strip, Count: len(t.stale), Subjects: t.stale,
			Message: model.Plural(len(t.stale), "module", "modules") + " without BTF whose .BTF_ids still holds ids of the base it was built on: the old kernel takes them for its own types",
			Hint:    "objcopy -R .BTF leaves such ids behind; apply zeroes them"}))
	}
	if n := len(t.dropped.paths); n > 0 {
		list = append(list, said(model.Finding{Rule: "window.dropped", Severity: model.Warning, Count: n, Subjects: t.dropped.paths,
			Message: fmt.Sprintf("%s without BTF until reboot: the old kernel refuses it and allows the mismatch (it says: %s)",
				model.Plural(n, "module loads", "modules load"), t.words),
			Hint: "policy `window: {dropped: repair}` repairs them too"}))
	}
	return list
}

// kfuncsVanish says what stripping costs n modules that register kfuncs.
func kfuncsVanish(n int, first string) string {
	return fmt.Sprintf("the kfuncs of %s vanish with the BTF, and bpf programs that call them no longer load (first: %s)", model.Plural(n, "module", "modules"), first)
}

// joined puts two hints into one, either of which may be "".
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "; " + b
}

// meaningNotes: types that changed, whatever becomes of the BTF.
func meaningNotes(t *windowSummary) []note {
	return append(
		t.layouts.notes("window.layout", model.Error, model.Bump,
			"%s {embeds|embed} types that the old kernel lays out otherwise, though no checksum of a symbol says so (first: %s)"),
		t.deeper.notes("window.deep", model.Warning, model.Keep,
			"%s {points|point} at types that changed, though no checksum of a symbol says so (first: %s)")...)
}

// undecided reports modules of which it is unknown whether they can do
// without BTF.
func undecided(list []string) []note {
	if len(list) == 0 {
		return nil
	}
	return []note{said(model.Finding{Rule: "window.missing-unknown", Severity: model.Error, Inconclusive: true, Count: len(list), Subjects: list,
		Message: model.Plural(len(list), "module registers", "modules register") + " kfuncs or destructors, and whether the old kernel fails their init without BTF is not known",
		Hint:    "give the older vmlinuz with --against"})}
}

func short(b *manifest.Base) string {
	if b == nil {
		return "none"
	}
	return fmt.Sprintf("%x…", b.SHA256[:4])
}
