package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"kpkg-btf/internal/model"
)

// Fate is what becomes of one module on one kernel, in the words for people.
type Fate uint8

const (
	Fine    Fate = iota // loads with its types
	Bare                // loads without BTF
	Wrong               // loads with types that mean something else
	Refused             // does not load, or fails in init
	Open                // not known
	fateCount
)

var fateNames = [...]string{"fine", "without BTF", "wrong types", "refused", "not known"}

func (f Fate) String() string { return fateNames[f] }

// FateOf returns what a verdict and a meaning come to.
func FateOf(v model.Verdict, m model.Meaning) Fate {
	switch v {
	case model.Attached:
		switch m {
		case model.Same:
			return Fine
		case model.Different:
			return Wrong
		case model.MeaningNone:
			return Bare
		}
		return Open
	case model.Dropped, model.Inert:
		return Bare
	case model.Rejected, model.InitFails, model.Blocked:
		return Refused
	}
	return Open
}

// fates counts modules on one kernel.
type fates struct {
	of [fateCount]int
	// enforced are refused where the kernel enforces signatures.
	enforced int
	total    int
}

func (c *fates) add(v model.Verdict, m model.Meaning, l *model.ModuleLoad) {
	f := FateOf(v, m)
	c.of[f]++
	c.total++
	if f == Refused || l.IfEnforced == model.LoadsNo {
		c.enforced++
	}
}

// meeting is one row of the table: which modules meet which kernel.
type meeting struct {
	modules, on string
	fates       fates
	judged      bool
	why         string // why it was not judged
	needs       string
	tone        model.Action
	warns       bool
}

// meetings are the encounters of a release in the order in which they are
// shown: its own kernel, then each older one with its reverse.
func meetings(v *model.ReleaseVerdict) []meeting {
	names := sideNames(v)
	self := meeting{modules: names.fresh, on: "new", judged: v.Self.Judged, why: "no kernel image to ask"}
	for i := range v.Modules {
		m := &v.Modules[i]
		self.fates.add(m.Verdict, m.Meaning, &m.Load)
	}
	self.asked(v, model.Self, "")
	out := []meeting{self}
	for k := range v.Windows {
		w := &v.Windows[k]
		if !w.Judged {
			continue
		}
		row := meeting{modules: names.fresh, on: names.old[k] + ", running"}
		for i := range v.Modules {
			if k < len(v.Modules[i].Windows) {
				x := &v.Modules[i].Windows[k]
				row.fates.add(x.Verdict, x.Meaning, &x.Load)
			}
		}
		row.judged = row.fates.total > 0
		row.asked(v, model.Window, w.Old.Name)
		back := meeting{modules: names.old[k] + " and initrd", on: "new", why: w.Reverse.Why}
		for i := range w.Reverse.Each {
			x := &w.Reverse.Each[i]
			back.fates.add(x.Verdict, x.Meaning, &x.Load)
		}
		back.judged = back.fates.total > 0
		back.asked(v, model.Reverse, w.Old.Name)
		out = append(out, row, back)
	}
	return out
}

// asked sets what the findings of the encounter ask for.
func (m *meeting) asked(v *model.ReleaseVerdict, e model.Encounter, against string) {
	open := false
	for i := range v.Findings {
		f := &v.Findings[i]
		if f.Encounter != e || f.Against != against && e != model.Self {
			continue
		}
		m.tone = max(m.tone, f.Action)
		open = open || f.Inconclusive
		m.warns = m.warns || f.Severity != model.Info
	}
	switch {
	case m.tone != model.Keep:
		m.needs = strings.ToUpper(m.tone.String())
	case open || !m.judged:
		m.needs = "open"
	case m.warns:
		m.needs = "note"
	default:
		m.needs = "ok"
	}
}

// sides are what new and old are called on one screen.
type sides struct {
	fresh string
	old   []string
}

// sideNames are "new VERSION" and "old"; where there are several old ones, each
// with its version or name.
func sideNames(v *model.ReleaseVerdict) sides {
	s := sides{fresh: "new " + shortName(&v.Release)}
	for i := range v.Windows {
		name := "old"
		if len(v.Windows) > 1 {
			name += " " + shortName(&v.Windows[i].Old)
		}
		if len(v.Windows) > 1 && slices.Contains(s.old, name) {
			name = fmt.Sprintf("old (%d) %s", i+1, shortName(&v.Windows[i].Old))
		}
		s.old = append(s.old, name)
	}
	return s
}

// shortName is the version that all packages of a release share, or its name.
func shortName(r *model.ReleaseRef) string {
	version := ""
	for _, p := range r.Packages {
		_, v, ok := strings.Cut(p, " ")
		if !ok || version != "" && v != version || strings.Contains(v, " ") {
			return r.Name
		}
		version = v
	}
	if version == "" {
		return r.Name
	}
	return version
}

// cell spells a count; "-" is none.
func cell(n int) string {
	if n == 0 {
		return "-"
	}
	return strconv.Itoa(n)
}

// refusedCell spells how many are refused, and with a star how many are where
// signatures are enforced, if that differs.
func (c *fates) refusedCell() string {
	switch n := c.of[Refused]; {
	case c.enforced == n:
		return cell(n)
	case n == 0:
		return strconv.Itoa(c.enforced) + "*"
	default:
		return fmt.Sprintf("%d, %d*", n, c.enforced)
	}
}
