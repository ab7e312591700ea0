package judge

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/encounter"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
	"kpkg-btf/policy"
)

// needs are what the new modules need on the old kernel.
type needs struct {
	each   []model.ModuleWindow // aligned with the new manifest's modules
	sameAt model.SameAt
	tally  windowSummary
}

// needsOf settles it, by what the policy allows.
func (w *window) needsOf(p *policy.Policy) needs {
	n := needs{each: make([]model.ModuleWindow, len(w.new.Modules)), tally: windowSummary{fates: map[fate]int{}}}
	n.tally.repair, n.tally.why = w.repair()
	for i := range w.forth.cells {
		c, x := &w.forth.cells[i], &n.each[i]
		x.Verdict, x.Meaning, x.Words, x.Differs, x.Load = c.Verdict, c.Meaning, c.Words, c.Differs, encounter.ModuleLoad(c.Load)
		if c.Verdict == model.Attached || c.Verdict == model.Inert {
			x.Words = ""
		}
		w.settle(c, &w.new.Modules[i], x, &n.tally, p)
	}
	n.sameAt = sameAt(w.forth.cells)
	return n
}

// counts are the modules by what becomes of them.
func (n *needs) counts() (verdicts, meanings []model.Count, loads model.LoadCounts, same model.SameAt) {
	v, m, l := model.Counter{}, model.Counter{}, model.LoadCounter{}
	for i := range n.each {
		x := &n.each[i]
		v.Add(string(x.Verdict))
		m.Add(string(x.Meaning))
		l.Add(&x.Load)
	}
	return v.Sorted(), m.Sorted(), l.Counts(), n.sameAt
}

// sameAt counts at which depths types are the same.
func sameAt(cells []encounter.Cell) (s model.SameAt) {
	for i := range cells {
		c := &cells[i]
		if !c.Compared {
			continue
		}
		s.Known++
		for d, n := range map[meaning.Depth]*int{meaning.Named: &s.Named, meaning.Identity: &s.Identity, meaning.ByValue: &s.ByValue, meaning.Deep: &s.Deep} {
			if c.SameAt[d] {
				*n++
			}
		}
		if c.Movable {
			s.Movable++
		}
	}
	return s
}

// settle says what has to be done with a module.
func (w *window) settle(c *encounter.Cell, m *manifest.Module, x *model.ModuleWindow, t *windowSummary, p *policy.Policy) {
	switch {
	case c.Verdict == model.Blocked:
		x.Why, x.Words = c.Load.Why(false).String(), ""
		return
	case c.Load != nil && c.Load.Why(false) != nil: // where an older module is loaded
		x.Verdict, x.Why, x.Words = model.Blocked, c.Load.Why(false).String(), ""
		return
	case m.BTF.Kind == manifest.BTFNone:
		w.without(c, m, x, t)
		return
	case c.Verdict == model.Inert:
		return
	}
	x.Why = c.Words
	switch {
	case c.Sound():
		t.same++
		if c.Deeper != "" {
			t.deeper.add(m.Path, c.Deeper)
		}
	case c.Verdict == model.Dropped && !c.Stale.Any() && p.Window.Dropped == policy.DroppedKeep:
		t.words = firstOf(t.words, c.Words)
		t.dropped.add(m.Path, c.Words)
	default:
		t.fates[fate{c.Verdict, c.Meaning, c.Stale.Any()}]++
		chooseRepair(c, m, x, t, p)
	}
	if len(c.Layouts) > 0 { // code and kernel disagree: no BTF repairs that
		x.Action, x.Why = model.Bump, c.Layouts[0]
		t.layouts.add(m.Path, x.Why)
	}
}

// chooseRepair finds the lowest repair of one module that both kernels take.
func chooseRepair(c *encounter.Cell, m *manifest.Module, x *model.ModuleWindow, t *windowSummary, p *policy.Policy) {
	t.changed = append(t.changed, m.Path)
	t.unknown = firstOf(t.unknown, c.Asks(encounter.AboutVerdict))
	x.Action = t.repair
	x.Why = firstOf(x.Why, t.why)
	switch {
	case t.repair == model.Distill && c.Distilled.Tried && !c.Distilled.Helps():
		x.Action, x.Why = model.Strip, c.Distilled.Why
		t.notDistilled.add(m.Path, x.Why)
	case c.Distilled.Deeper != "":
		t.deeper.add(m.Path, c.Distilled.Deeper)
	}
	if x.Action == model.Strip {
		switch c.BareFails {
		case tri.Yes:
			x.Action, x.Why = model.Bump, "built on another base, and the old kernel fails its init without BTF"
			t.fatal.add(m.Path, x.Why)
		case tri.Unknown:
			t.undecided = append(t.undecided, m.Path)
		}
		if c.Kfuncs && x.Action == model.Strip {
			t.kfuncs = append(t.kfuncs, m.Path)
		}
	}
	if !c.Lists.Any() || c.Lists.Unsure {
		return
	}
	if !p.MayZeroIDs(Spellings(m.Path)...) {
		x.Action, x.Why = model.Bump, "its lists of ids would have to be zeroed, which the policy forbids (zero-id-lists)"
		t.fatal.add(m.Path, x.Why)
		return
	}
	t.zeroed.add(m.Path, strings.Join(c.Lists.Names, ", "))
}

// without: a module that has no BTF. What it can still have is a list of ids
// of the base it was built on (objcopy -R leaves it): the kernel compares them
// whether the module has BTF or not.
func (w *window) without(c *encounter.Cell, m *manifest.Module, x *model.ModuleWindow, t *windowSummary) {
	switch {
	case c.Verdict == model.InitFails:
		x.Action, x.Why = model.Bump, "BTF missing is fatal to its init there"
		t.fatal.add(m.Path, x.Why)
	case c.Verdict == model.VerdictUnknown:
		t.undecided = append(t.undecided, m.Path)
	case w.equal == model.Differs && c.Stale.Any():
		x.Action, x.Why = model.Strip, "it has no BTF, yet a list of ids in .BTF_ids that are the new base's"
		t.stale = append(t.stale, m.Path)
	}
}

// repair is the lowest action that is safe for a module of another base:
// distill where both kernels honour .BTF.base, else strip.
func (w *window) repair() (model.Action, string) {
	old, new := w.oldK.HonoursDistilled() == tri.Yes, w.newK.HonoursDistilled() == tri.Yes
	switch {
	case old && new:
		return model.Distill, "built on another base; both kernels honour .BTF.base"
	case old:
		return model.Strip, "built on another base; the new kernel does not honour .BTF.base"
	}
	return model.Strip, "built on another base; the old kernel does not honour .BTF.base"
}

// group is modules of one kind, with what is said of the first.
type group struct {
	paths []string
	first string
}

func (g *group) add(path, why string) {
	if len(g.paths) == 0 {
		g.first = path + ": " + why
	}
	g.paths = append(g.paths, path)
}

// windowSummary gathers what the modules need.
type windowSummary struct {
	repair       model.Action // what a module of another base needs
	why          string
	same         int          // taken, and with the types they meant
	changed      []string     // to be repaired
	fates        map[fate]int // why those are
	dropped      group        // load without BTF until reboot; nothing to do
	fatal        group        // cannot be repaired
	stale        []string     // no BTF, but a list of ids of the new base
	undecided    []string
	notDistilled group    // of changed: distilling does not help
	kfuncs       []string // of changed: register kfuncs, and are to be stripped
	zeroed       group    // of changed: with plain lists of ids
	layouts      group    // embed what the old kernel lays out otherwise
	deeper       group    // point at what is another type on the old kernel
	words        string   // the old kernel's, of the first module it refuses
	unknown      string   // why the verdict on one of changed is not known
}

// fate is what becomes of a module that is to be repaired.
type fate struct {
	verdict model.Verdict
	meaning model.Meaning
	stale   bool // it has a list of ids that are other types there
}

// fateTexts say what the old kernel does with modules, in the order in which
// it is said; a zero meaning stands for any.
var fateTexts = []struct {
	verdict model.Verdict
	meaning model.Meaning
	text    string
}{
	{model.Attached, model.Different, "the old kernel takes %s with types that mean something else"},
	{model.Attached, model.MeaningUnknown, "the old kernel takes %s with types that may mean something else"},
	{model.Rejected, "", "the old kernel refuses to load %s"},
	{model.InitFails, "", "the old kernel fails the init of %s"},
	{model.Dropped, "", "the old kernel drops the BTF of %s"},
	{model.VerdictUnknown, model.Different, "the old kernel refuses %s or takes them with other types: which is not known"},
	{model.VerdictUnknown, model.Same, "%s have the types they meant on the old base; whether the old kernel takes them is not known"},
	{model.VerdictUnknown, model.MeaningUnknown, "the old kernel refuses %s or takes them with types that may mean something else: which is not known"},
}

// text says why modules are to be repaired.
func (t *windowSummary) text() string {
	var parts []string
	for _, p := range fateTexts {
		n, stale := 0, 0
		for f, k := range t.fates {
			if f.verdict == p.verdict && (p.meaning == "" || f.meaning == p.meaning) {
				n += k
				if f.stale {
					stale += k
				}
			}
		}
		if n == 0 {
			continue
		}
		text := fmt.Sprintf(p.text, model.Plural(n, "module", "modules"))
		switch {
		case p.verdict != model.Dropped || stale == 0:
		case stale == n: // those without such a list may need no repair, and are counted elsewhere
			text = fmt.Sprintf("the old kernel reads a list of ids in each of %s, whose BTF it drops, as its own types", model.Plural(n, "module", "modules"))
		default:
			text += fmt.Sprintf(", and reads a list of ids in each of %d of them as its own types", stale)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, ", ")
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// mayRefuse reports whether the old kernel refuses a module only where another
// one is loaded already.
func mayRefuse(why *loadcheck.Reason) bool { return why != nil && why.When == loadcheck.IfLoaded }
