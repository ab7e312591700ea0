package judge

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/symvers"
)

// compareTypes compares the types of what both kernels export, where both
// bases and the symbols of both sides are at hand.
func (w *window) compareTypes(c *meaning.Classes) {
	if w.p.old.Symvers == nil || w.r.Symvers == nil || c == nil {
		return
	}
	old, new := c.Raw(meaning.Old), c.Raw(meaning.New)
	if old.BigEndian() != new.BigEndian() {
		return // another architecture; pair has refused it
	}
	w.types = abi.CompareTypes(w.p.old.Symvers, w.r.Symvers, typeSide(w.p.old, old), typeSide(w.r, new), c)
}

// typeSide finds where the exports of a release are described: in its base and
// in its modules. Those of a manifest are not there.
func typeSide(r *release.Release, base *btf.Raw) abi.TypeSide {
	open := map[string]func() []byte{}
	for _, m := range r.Modules {
		if len(m.Facts.BTFBase) == 0 {
			open[symvers.OwnerOf(m.Path)] = func() []byte { return m.Facts.BTF }
		}
	}
	for _, p := range r.Packed {
		open[symvers.OwnerOf(p.Path)] = func() []byte {
			f, err := p.Open()
			if err != nil || len(f.BTFBase) > 0 {
				return nil
			}
			return f.BTF
		}
	}
	return abi.TypeSide{Base: base, Module: func(owner string) *btf.Raw { return splitOf(open[owner], base) }}
}

// splitOf is a module's BTF on its base; nil when there is none that describes
// anything. What is wrong with it is told in self.
func splitOf(open func() []byte, base *btf.Raw) *btf.Raw {
	if open == nil {
		return nil
	}
	blob := open()
	if len(blob) == 0 {
		return nil
	}
	split, err := btf.ParseSplit(blob, base)
	if err != nil {
		return nil
	}
	return split
}

// typeFindings: what BTF says of exported symbols beside their checksums.
func (w *windowState) typeFindings(t *abi.Types) {
	if t == nil {
		if w.old.Base == nil && w.new.Base == nil {
			return // kernels without BTF: their checksums are all there is
		}
		w.add(model.Finding{Rule: "abi.types-unknown", Severity: model.Info,
			Message: "no base on one side: whether types of exported symbols changed without their checksums is not known"})
		return
	}
	w.typeChanges("abi.layout", "with another layout of what they hold by value, though no checksum says so", model.Bump, t.Layout, firstWhy(t.Layout))
	var deep, open []abi.TypeChange
	for _, c := range t.Deep {
		if c.Old.HasCRC && c.New.HasCRC {
			deep = append(deep, c)
		} else {
			open = append(open, c)
		}
	}
	w.typeChanges("abi.deep", "with equal checksums and changed types behind pointers", model.Keep, deep, deepWhy(t, deep))
	w.typeChanges("abi.deep-unversioned", "with changed types behind pointers, and without a checksum to vouch for them", model.Bump, open, deepWhy(t, open))
	w.crcOnly(t)
	var bare []string
	for _, c := range t.Undescribed {
		if c.Old.HasCRC && c.New.HasCRC { // those without are told in abi.uncovered
			bare = append(bare, c.New.Name)
		}
	}
	if n := len(bare); n > 0 && w.res.BaseEqual != model.Equal {
		w.add(model.Finding{Rule: "abi.undescribed", Severity: model.Info, Count: n, Subjects: bare,
			Message: fmt.Sprintf("%s no type in BTF on one side or both (variables that are not per-CPU, assembly, functions the compiler reshaped): their checksums alone speak for them",
				model.Plural(n, "exported symbol has", "exported symbols have"))})
	}
}

func (w *windowState) typeChanges(rule, what string, action model.Action, list []abi.TypeChange, why string) {
	if len(list) == 0 {
		return
	}
	f := model.Finding{Rule: rule, Severity: model.Error, Action: action, Count: len(list)}
	if action == model.Keep {
		f.Severity = model.Warning
	}
	for _, c := range list {
		f.Subjects = append(f.Subjects, c.New.Name)
	}
	w.addText(f, func(n int) string { return model.Plural(n, "exported symbol", "exported symbols") + " " + what + why })
}

// firstWhy tells of the first symbol whose change can be told.
func firstWhy(list []abi.TypeChange) string {
	for _, c := range list {
		if c.Why != "" {
			return fmt.Sprintf(" (%s: %s)", c.New.Name, c.Why)
		}
	}
	return ""
}

// shownRoots bounds the definitions told in one message.
const shownRoots = 3

// deepWhy tells which definitions changed, and who reaches the first of them.
func deepWhy(t *abi.Types, list []abi.TypeChange) string {
	if len(t.Roots) == 0 {
		return firstWhy(list)
	}
	var parts []string
	for i := range t.Roots[:min(len(t.Roots), shownRoots)] {
		r := &t.Roots[i]
		s := r.Text
		if i == 0 {
			s += ", reached by " + strings.Join(r.Symbols[:min(len(r.Symbols), shownUsers)], ", ")
			if len(r.Symbols) > shownUsers {
				s += fmt.Sprintf(" and %d more", len(r.Symbols)-shownUsers)
			}
		}
		parts = append(parts, s)
	}
	if n := len(t.Roots) - shownRoots; n > 0 {
		parts = append(parts, model.Plural(n, "definition more", "definitions more"))
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

// crcOnly: a checksum also covers what is no type in memory: names of typedefs
// and parameters, how much of a structure the exporting file sees.
func (w *windowState) crcOnly(t *abi.Types) {
	n := len(t.CRCOnly)
	if n == 0 {
		return
	}
	w.add(model.Finding{Rule: "abi.crc-only", Severity: model.Info, Count: n, Subjects: changedNames(t.CRCOnly),
		Message: fmt.Sprintf("%s another checksum although their types, with all that they reach, are the same in BTF (first: %s)",
			model.Plural(n, "exported symbol has", "exported symbols have"), t.CRCOnly[0].New.Name),
		Hint: "modules built before are refused for the checksum alone; abi.crc-changed may be waived for these symbols where none is left"})
}

func changedNames(list []abi.Change) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = c.New.Name
	}
	return out
}
