package judge

import (
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/kernel/ability"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// btf decides what becomes of the new modules' BTF on the old kernel. With
// one base on both sides nothing changes. With another, the old kernel is asked
// module by module, by its own rules, where its image is there; and what it
// takes is compared with what it meant, where its base is.
func (w *windowState) btf() error {
	looks, err := w.look()
	if err != nil {
		return err
	}
	reads := readsModuleBTF(w.old)
	t := &tally{verdicts: model.Counter{}, meanings: model.Counter{}, fates: fates{}}
	t.repair, t.why = w.repair()
	for i := range w.new.Modules {
		m := &w.new.Modules[i]
		x := &w.mods[i]
		x.Verdict, x.Meaning = model.VerdictUnknown, model.MeaningUnknown
		switch {
		case w.blocked(i, x):
		case reads == tri.No:
			x.Verdict = model.Inert
			if m.BTF.Kind == manifest.BTFNone {
				x.Meaning = model.MeaningNone
			}
		case m.BTF.Kind == manifest.BTFNone:
			w.without(i, x, t)
		case w.res.BaseEqual == model.Equal:
			x.Verdict, x.Meaning = model.Attached, model.Same
		default:
			w.settle(i, &looks[i], x, t)
		}
		t.verdicts.Add(string(x.Verdict))
		t.meanings.Add(string(x.Meaning))
	}
	w.res.Verdicts, w.res.Meanings = t.verdicts.Sorted(), t.meanings.Sorted()
	w.btfFindings(t)
	w.undecided(t.undecided)
	w.cause()
	return nil
}

// settle turns what was found out about a module of another base into what
// has to be done with it.
func (w *windowState) settle(i int, l *looked, x *model.ModuleWindow, t *tally) {
	m := &w.new.Modules[i]
	w.meant(l, x)
	if l.asked {
		w.asked(i, l, x, t)
	} else {
		w.unasked(m, x, t)
	}
	if len(l.read.layouts) > 0 { // code and kernel disagree: no BTF repairs that
		x.Action, x.Why = model.Bump, l.read.layouts[0]
		t.layouts = append(t.layouts, m.Path)
		t.layoutsWhy = firstOf(t.layoutsWhy, m.Path+": "+x.Why)
	}
}

// meant puts what a module's BTF says on the old base.
func (w *windowState) meant(l *looked, x *model.ModuleWindow) {
	x.Differs = l.read.differs
	if !l.read.known {
		return
	}
	x.Meaning = l.read.word()
	s := &w.res.SameAt
	s.Known++
	for _, p := range []struct {
		d meaning.Depth
		n *int
	}{{meaning.Named, &s.Named}, {meaning.Identity, &s.Identity}, {meaning.ByValue, &s.ByValue}, {meaning.Deep, &s.Deep}} {
		if l.read.res.Same(p.d) {
			*p.n++
		}
	}
	if l.read.movable {
		s.Movable++
	}
}

// asked: the old kernel's own verdict. What it takes with the same types stays.
// So does what it refuses and loads without BTF, unless an id list of the
// module, which no kernel checks, would be read with the old base.
func (w *windowState) asked(i int, l *looked, x *model.ModuleWindow, t *tally) {
	a, m, f := l.answer, &w.new.Modules[i], w.r.Modules[i].Facts
	x.Verdict, x.Why, x.Words = a.verdict, a.words, a.words
	switch {
	case a.verdict == model.Attached && x.Meaning == model.Same:
		t.same++
		if l.read.deeper != "" {
			t.deeper = append(t.deeper, m.Path)
			t.deeperWhy = firstOf(t.deeperWhy, m.Path+": "+l.read.deeper)
		}
		return
	case a.verdict == model.Dropped:
		t.words = firstOf(t.words, a.words)
		x.Meaning = model.MeaningNone
		if !w.staleList(f) && w.policy.Window.Dropped == policy.DroppedKeep {
			t.dropped = append(t.dropped, m.Path)
			return
		}
	}
	t.fates[fate{a.verdict, x.Meaning}]++
	w.mend(i, l, x, t)
}

// mend finds the lowest repair of one module that both kernels take.
func (w *windowState) mend(i int, l *looked, x *model.ModuleWindow, t *tally) {
	m, f := &w.new.Modules[i], w.r.Modules[i].Facts
	t.changed = append(t.changed, m.Path)
	x.Action = t.repair
	if x.Why == "" {
		x.Why = t.why
	}
	switch {
	case t.repair == model.Distill && l.trial.why != "":
		x.Action, x.Why = model.Strip, l.trial.why
		t.notDistilled = append(t.notDistilled, m.Path)
		t.notDistilledWhy = firstOf(t.notDistilledWhy, m.Path+": "+l.trial.why)
	case l.trial.deeper != "":
		t.deeper = append(t.deeper, m.Path)
		t.deeperWhy = firstOf(t.deeperWhy, m.Path+": "+l.trial.deeper)
	}
	if x.Action == model.Strip && l.answer.bareFails {
		x.Action, x.Why = model.Bump, "built on another base, and the old kernel fails its init without BTF"
		t.fatal = append(t.fatal, m.Path)
		t.fatalWhy = firstOf(t.fatalWhy, m.Path+": "+x.Why)
	}
	if names := plainLists(f); len(names) > 0 {
		if !w.policy.MayZeroIDs(Spellings(m.Path)...) {
			x.Action, x.Why = model.Bump, "its lists of ids would have to be zeroed, which the policy forbids (zero-id-lists)"
			t.fatal = append(t.fatal, m.Path)
			t.fatalWhy = firstOf(t.fatalWhy, m.Path+": "+x.Why)
			return
		}
		t.zeroed = append(t.zeroed, m.Path)
		t.zeroedWhat = firstOf(t.zeroedWhat, m.Path+": "+strings.Join(names, ", "))
	}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// plainLists are the names in a module's plain lists of ids, which no kernel
// relocates: distilled or stripped, they are zeroed.
func plainLists(f *kmod.Facts) []string {
	if f.IDs == nil {
		return nil
	}
	var names []string
	for _, w := range f.IDs.Words {
		if w.Set < 0 && w.ID != 0 {
			names = append(names, w.Name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// tally gathers what the modules need.
type tally struct {
	repair             model.Action // what a module of another base needs
	why                string
	verdicts, meanings model.Counter
	same               int      // taken, and with the types they meant
	changed            []string // to be repaired
	fates              fates    // why those are
	dropped            []string // load without BTF until reboot; nothing to do
	fatal              []string // cannot be repaired
	stale              []string // no BTF, but a list of ids of the new base
	undecided          []string
	notDistilled       []string // of changed: distilling does not help
	zeroed             []string // of changed: with plain lists of ids
	layouts            []string // embed what the old kernel lays out otherwise
	deeper             []string // point at what is another type on the old kernel
	words              string   // the old kernel's, of the first module it refuses

	// of the first of each
	fatalWhy, notDistilledWhy, zeroedWhat, layoutsWhy, deeperWhy string
}

// fate is what becomes of a module that is to be repaired.
type fate struct {
	verdict model.Verdict
	meaning model.Meaning
}

type fates map[fate]int

func (f fates) text() string {
	var parts []string
	for _, p := range []struct {
		format string
		fates  []fate
	}{
		{"the old kernel takes %s with types that mean something else", []fate{{model.Attached, model.Different}}},
		{"the old kernel takes %s with types that may mean something else", []fate{{model.Attached, model.MeaningUnknown}}},
		{"the old kernel refuses to load %s", []fate{{model.Rejected, model.Different}, {model.Rejected, model.MeaningUnknown}, {model.Rejected, model.Same}}},
		{"the old kernel fails the init of %s", []fate{{model.InitFails, model.Different}, {model.InitFails, model.MeaningUnknown}, {model.InitFails, model.Same}}},
		{"the old kernel drops the BTF of %s", []fate{{model.Dropped, model.MeaningNone}}},
		{"the old kernel refuses %s or takes them with other types: which is not known without its image", []fate{{model.VerdictUnknown, model.Different}}},
		{"%s have the types they meant on the old base; whether the old kernel takes them is not known without its image", []fate{{model.VerdictUnknown, model.Same}}},
		{"the old kernel refuses %s or takes them with types that may mean something else: which is not known without its image and base", []fate{{model.VerdictUnknown, model.MeaningUnknown}}},
	} {
		n := 0
		for _, k := range p.fates {
			n += f[k]
		}
		if n > 0 {
			parts = append(parts, fmt.Sprintf(p.format, model.Plural(n, "module", "modules")))
		}
	}
	return strings.Join(parts, ", ")
}

// without: a module that has no BTF. What it can still have is a list of ids
// of the base it was built on (objcopy -R leaves it): the kernel compares them
// whether the module has BTF or not.
func (w *windowState) without(i int, x *model.ModuleWindow, t *tally) {
	m := &w.new.Modules[i]
	x.Verdict, x.Meaning = model.Inert, model.MeaningNone
	switch {
	case missingIsFatal(w.old, m) == tri.Yes:
		x.Verdict, x.Action, x.Why = model.InitFails, model.Bump, "BTF missing is fatal to its init there"
		t.fatal = append(t.fatal, m.Path)
		t.fatalWhy = firstOf(t.fatalWhy, m.Path+": "+x.Why)
	case w.res.BaseEqual == model.Differs && i < len(w.r.Modules) && w.staleList(w.r.Modules[i].Facts):
		x.Action, x.Why = model.Strip, "it has no BTF, yet a list of ids in .BTF_ids that are the new base's"
		t.stale = append(t.stale, m.Path)
	}
}

// staleList tells whether a module has plain id words that are another type
// on the old base: they are compared with its ids and never checked. Without
// that base, all that name types of a base are.
func (w *windowState) staleList(f *kmod.Facts) bool {
	if w.cmp != nil {
		names, all := w.cmp.staleLists(f)
		return all || len(names) > 0
	}
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
	t.fates[fate{model.VerdictUnknown, x.Meaning}]++
	if t.repair != model.Strip {
		return
	}
	switch missingIsFatal(w.old, m) {
	case tri.Yes:
		x.Action, x.Why = model.Bump, "built on another base, and the old kernel fails its init without BTF"
		t.fatal = append(t.fatal, m.Path)
		t.fatalWhy = firstOf(t.fatalWhy, m.Path+": "+x.Why)
	case tri.Unknown:
		t.undecided = append(t.undecided, m.Path)
	}
}

// repair is the lowest action that is safe for a module of another base:
// distill where both kernels honour .BTF.base, else strip.
func (w *windowState) repair() (model.Action, string) {
	if recorded(w.old, ability.Distilled) == tri.Yes && recorded(w.new, ability.Distilled) == tri.Yes {
		return model.Distill, "built on another base; both kernels honour .BTF.base"
	}
	if recorded(w.old, ability.Distilled) == tri.Yes {
		return model.Strip, "built on another base; the new kernel does not honour .BTF.base"
	}
	return model.Strip, "built on another base; the old kernel does not honour .BTF.base"
}

// missingIsFatal: on some kernels a module that registers kfuncs or
// destructors fails its init without BTF (KERNEL-BTF.md §2.3); whether this
// one does was read off its image.
func missingIsFatal(on *manifest.Manifest, m *manifest.Module) tri.State {
	answer := tri.No
	for _, c := range [...]struct{ symbol, ability string }{
		{"register_btf_kfunc_id_set", ability.KfuncMissing},
		{"register_btf_id_dtor_kfuncs", ability.DtorMissing},
	} {
		if !slices.Contains(m.Registers, c.symbol) {
			continue
		}
		switch a := recorded(on, c.ability); a {
		case tri.Yes:
			return a
		case tri.Unknown:
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
		Message: model.Plural(len(list), "module registers", "modules register") + " kfuncs or destructors, and whether the old kernel fails their init without BTF is not known",
		Hint:    "give the older vmlinuz with --against"})
}
