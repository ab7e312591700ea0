package encounter

import (
	"cmp"

	"kpkg-btf/internal/btf/distill"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/btf/verdict"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/kmod/loadcheck"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/tri"
)

// Module is one module that meets kernels: as its facts, or as what a manifest
// keeps of it, with its references where there are some.
type Module struct {
	Path   string // below lib/modules/RELEASE, or as the source has it
	Name   string // what the kernel calls it
	Facts  *kmod.Facts
	Record *manifest.Module     // where there are no Facts
	Refs   *manifest.ModuleRefs // of Record, nil: none
	// Distilled are the references of a Record with a .BTF.base, nil: none.
	Distilled *manifest.DistilledRefs
	Build     Build

	stand *kmod.Facts // made of Distilled, while it meets a kernel
}

// types is the module as far as its types are asked about: its facts, or what
// stands for them (standIn); nil where neither is at hand.
func (m *Module) types() *kmod.Facts {
	if m.Facts != nil {
		return m.Facts
	}
	return m.stand
}

// opened is the module with its BTF as it is, or with what stands for it:
// whoever meets a kernel reads it several times.
func (m *Module) opened(d *distill.Distiller) *Module {
	if m.stand != nil {
		return m
	}
	if m.Facts == nil {
		out := *m
		out.stand = standIn(m, d)
		return &out
	}
	f := m.Facts.Opened()
	if f == m.Facts {
		return m
	}
	out := *m
	out.Facts = f
	return &out
}

// kind is what BTF the module carries.
func (m *Module) kind() manifest.BTFKind {
	switch {
	case m.Facts == nil:
		return m.Record.BTF.Kind
	case m.Facts.BTF.Len() == 0:
		return manifest.BTFNone
	case m.Facts.BTFBase.Len() > 0:
		return manifest.BTFDistilled
	}
	return manifest.BTFSplit
}

// registers reports whether the module imports a function through which BTF
// ids are handed to the kernel.
func (m *Module) registers(symbol string) bool {
	if m.Facts != nil {
		return imports(m.Facts, symbol)
	}
	for _, s := range m.Record.Registers {
		if s == symbol {
			return true
		}
	}
	return false
}

// Topic is what a question is about.
type Topic uint8

const (
	AboutLoad    Topic = iota // whether the kernel loads it at all
	AboutVerdict              // what the kernel does with its BTF
	AboutMeaning              // what its types are present
	AboutInit                 // whether its init needs BTF
)

// Question is what could not be answered, and why.
type Question struct {
	About Topic
	Why   string
}

// Cell is the answer for one module on one kernel.
type Cell struct {
	// Load is what becomes of it before its BTF is looked at, in both states of
	// enforcement of signatures; nil where nobody could be asked.
	Load *loadcheck.Result
	// KnowsKey reports whether the kernel knows the key that signed it, or does
	// not look at signatures.
	KnowsKey tri.State

	// Verdict is what the kernel does with the module, Words why not, the
	// kernel's own where it has any; "" where it takes the module silently.
	Verdict model.Verdict
	Words   string
	// Result is the kernel's answer to its BTF, the zero Result where it was not
	// asked.
	Result verdict.Result
	// BareFails reports whether its init fails there without BTF.
	BareFails tri.State
	// Kfuncs reports whether it registers kfuncs, which go with its BTF.
	Kfuncs bool
	// KfuncNames are these kfuncs, where the module or its references say so.
	KfuncNames []string

	// Meaning is as the package comment defines it, and where types were
	// compared Compared is true and SameAt says so at each depth.
	Meaning  model.Meaning
	Compared bool
	SameAt   [meaning.NumDepths]bool
	// Differs is the first thing that is read otherwise, or why that is not
	// known; Deeper the first one behind a pointer that the meaning passes over.
	Differs, Deeper string
	// Layouts are the types that the module embeds and that the kernel lays out
	// otherwise: code and kernel disagree.
	Layouts []string
	// Movable: it would mean the same had the kernel's base been made as its own.
	Movable bool

	// Lists are its plain lists of BTF ids, Stale those of them that the kernel
	// would compare with other types than they were meant.
	Lists, Stale Lists

	// Distilled is what distilling the module gives; tried where it may help.
	Distilled Trial

	Open []Question
}

// Sound reports whether nothing needs to be done about the module's BTF.
func (c *Cell) Sound() bool { return c.Verdict == model.Attached && c.Meaning == model.Same }

// Asks returns the first question about a topic, "" where there is none.
func (c *Cell) Asks(about Topic) string {
	for _, q := range c.Open {
		if q.About == about {
			return q.Why
		}
	}
	return ""
}

func (c *Cell) ask(about Topic, why string) { c.Open = append(c.Open, Question{about, why}) }

// Peers is what a meeting shares with others of its kind.
type Peers struct {
	// Load is what the loader says, with the modules around it (Loads); nil
	// where it was not asked.
	Load *loadcheck.Result
	// Bases remembers comparisons of bases; it may be shared.
	Bases *Bases
	// Distiller is not shared between goroutines.
	Distiller *distill.Distiller
}

// Meet asks a kernel about a module.
func Meet(k *kernel.Kernel, m *Module, p *Peers) Cell {
	c := Cell{Load: p.Load, KnowsKey: knowsKey(k, m), Verdict: model.VerdictUnknown, Meaning: model.MeaningUnknown}
	m = m.opened(p.Distiller)
	c.loads()
	c.judge(k, m, p.Bases)
	c.means(k, m, p.Bases)
	c.lists(k, m, p.Bases)
	if c.Verdict != model.Blocked {
		c.Distilled = c.trial(k, m, p)
	}
	return c
}

// loads: a module that never loads is blocked, whatever its BTF. What depends
// on modules that are loaded already does not block here.
func (c *Cell) loads() {
	if c.Load == nil {
		c.ask(AboutLoad, "the module is not at hand")
		return
	}
	if why := c.Load.Why(false); why != nil && why.When == loadcheck.Always {
		c.Verdict = model.Blocked
	}
	for _, g := range c.Load.Gaps {
		c.ask(AboutLoad, g)
	}
}

// judge is what the kernel does with the module's BTF, and its init with the
// ids.
func (c *Cell) judge(k *kernel.Kernel, m *Module, bases *Bases) {
	c.BareFails, c.Kfuncs = bareFails(k, m), m.registers("register_btf_kfunc_id_set")
	switch {
	case !c.Kfuncs:
	case m.Facts != nil && m.Facts.IDs != nil:
		c.KfuncNames = m.Facts.IDs.KfuncNames()
	case m.Distilled != nil:
		c.KfuncNames = m.Distilled.Kfuncs
	case m.Refs != nil:
		c.KfuncNames = m.Refs.Kfuncs
	}
	blocked := c.Verdict == model.Blocked
	v := c.verdict(k, m, bases)
	if !blocked {
		c.Verdict = v
	}
}

func (c *Cell) verdict(k *kernel.Kernel, m *Module, bases *Bases) model.Verdict {
	switch {
	case k.ReadsBTF().Is == tri.No:
		return model.Inert
	case m.kind() == manifest.BTFNone:
		return c.bare(k, m)
	case k.Rules() != nil && (m.Facts != nil || m.stand != nil && sameForm(k, m.Build.On)):
		return c.asked(k, m)
	case m.Build.On != nil && kernel.SameBase(k, m.Build.On) == tri.Yes && (m.kind() == manifest.BTFSplit || k.HonoursDistilled() == tri.Yes):
		return model.Attached
	case takenAsThere(k, m, bases):
		return model.Attached
	}
	why := k.Unasked()
	if why == "" {
		why = "the module's BTF is not at hand"
	}
	c.ask(AboutVerdict, why+": what the kernel does with the BTF is not known")
	return model.VerdictUnknown
}

// bare is a module without BTF.
func (c *Cell) bare(k *kernel.Kernel, m *Module) model.Verdict {
	switch c.BareFails {
	case tri.Yes:
		c.Words = "missing module BTF: its init fails"
		if k.Rules() != nil && m.Facts != nil {
			c.Words = cmp.Or(Ask(k.Rules(), m.Facts).Init.Text, c.Words)
		}
		return model.InitFails
	case tri.No:
		return model.Inert
	}
	c.ask(AboutInit, "whether the kernel fails the init of a module without BTF is not known")
	return model.VerdictUnknown
}

// asked is the kernel's own answer.
func (c *Cell) asked(k *kernel.Kernel, m *Module) model.Verdict {
	a := Ask(k.Rules(), m.types())
	c.Result = a.Result
	v := k.Rules().Profile().Outcome(&c.Result)
	switch {
	case !c.Result.OK:
		c.Words = c.Result.String()
		if v == model.Dropped && c.BareFails == tri.Yes {
			c.Words = a.Init.Text
			return model.InitFails
		}
		if v == model.Rejected && k.Abilities.AllowMismatch.Is == tri.Unknown {
			c.ask(AboutVerdict, "whether the kernel loads a module whose BTF it refuses is not known (CONFIG_MODULE_ALLOW_BTF_MISMATCH)")
		}
	case v == model.Attached && !a.Init.OK:
		c.Words = a.Init.String()
		return model.InitFails
	}
	return v
}

// bareFails: on some kernels a module that registers kfuncs or destructors
// fails its init without BTF (docs/kernel-rules.md, "Modules without BTF").
func bareFails(k *kernel.Kernel, m *Module) tri.State {
	if k.ReadsBTF().Is == tri.No {
		return tri.No
	}
	if r := k.Rules(); r != nil && m.types() != nil {
		init := r.Profile().InitMissing(Registered(m.types()))
		return tri.Of(!init.OK)
	}
	answer := tri.No
	for _, c := range [...]struct {
		symbol string
		fails  tri.State
	}{
		{"register_btf_kfunc_id_set", k.Abilities.KfuncMissing.Is},
		{"register_btf_id_dtor_kfuncs", k.Abilities.DtorMissing.Is},
	} {
		switch {
		case !m.registers(c.symbol) || c.fails == tri.No:
		case c.fails == tri.Yes:
			return tri.Yes
		default:
			answer = tri.Unknown
		}
	}
	return answer
}
