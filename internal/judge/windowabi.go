package judge

import (
	"fmt"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
)

// abi turns the comparison of exported symbols into findings.
func (w *windowState) abi(x *abi.Exports, types *abi.Types) {
	if x == nil {
		w.add(model.Finding{Rule: "abi.unknown", Severity: model.Error, Inconclusive: true,
			Message: "no exported symbols on " + w.sidesWithout() + ": whether the ABI changed is not known",
			Hint:    "give the linux-headers (kernel-devel) package with Module.symvers, or the image"})
		return
	}
	w.changes("abi.crc-changed", "changed {its|their} checksum (CRC)", model.Bump, x.Changed)
	w.symbolsLost(x.Lost)
	w.changes("abi.left-image", "moved from vmlinux into a module: the old kernel refuses the module that exports what vmlinux exports", model.Bump, x.LeftImage)
	w.changes("abi.joined-image", "moved from a module into vmlinux: on the old kernel nothing exports them any more", model.Bump, x.JoinedImage)
	w.changes("abi.stricter", "are now exported to GPL modules only", model.Bump, x.Stricter)
	w.changes("abi.namespace", "now need a namespace that modules built before do not import", model.Bump, x.NamespaceNeeded)
	w.changes("abi.moved", "moved between modules: no change, depmod finds the new owner", model.Keep, x.Moved)
	if len(x.Added) > 0 {
		w.add(model.Finding{Rule: "abi.added", Encounter: model.Window, Severity: model.Info, Count: len(x.Added), Subjects: symbolNames(x.Added),
			Message: model.Plural(len(x.Added), "symbol is", "symbols are") + " new"})
	}
	w.typeFindings(types)
	w.uncovered(x, types)
}

// uncovered: a symbol without a CRC may have changed or not. On kernels
// without symbol versions BTF tells: where base and module carry the same as
// before, or where the symbol's types were compared. Elsewhere, and where only
// one side lost the CRC, nothing is known of it.
func (w *windowState) uncovered(x *abi.Exports, types *abi.Types) {
	same, judged := w.unchangedOwners(), map[string]bool{}
	settled := 0
	if types != nil {
		for _, c := range types.Unversioned {
			judged[c.New.Name] = true
			settled++
		}
		for _, l := range [][]abi.TypeChange{types.Layout, types.Deep} {
			for _, c := range l {
				judged[c.New.Name] = true // told already
			}
		}
	}
	var open []string
	for _, c := range x.Uncovered {
		switch {
		case judged[c.New.Name] && !c.Old.HasCRC && !c.New.HasCRC:
		case c.Old.HasCRC || c.New.HasCRC || !same[c.New.Owner] || !same[c.Old.Owner]:
			open = append(open, c.New.Name)
		default:
			settled++
		}
	}
	if settled > 0 {
		w.add(model.Finding{Rule: "abi.uncovered-same", Severity: model.Info, Count: settled,
			Message: model.Plural(settled, "exported symbol has", "exported symbols have") + " no CRC; by BTF their types are the same as before, with all that they reach"})
	}
	if len(open) == 0 {
		return
	}
	w.add(model.Finding{Rule: "abi.uncovered", Severity: model.Error, Inconclusive: true, Count: len(open), Subjects: open,
		Message: fmt.Sprintf("%s without a CRC on one side or both: %d of %d common ones were compared, the rest may have changed",
			model.Plural(len(open), "exported symbol is", "exported symbols are"), x.Compared, x.Common),
		Hint: "without CONFIG_MODVERSIONS no symbol has a CRC; with it, a CRC of zero means that modpost could not compute one"})
}

// unchangedOwners are the owners of exports (vmlinux, modules) whose BTF is
// the same on both sides.
func (w *windowState) unchangedOwners() map[string]bool {
	same := map[string]bool{}
	if w.res.BaseEqual != model.Equal || w.old.Base == nil {
		return same
	}
	same[symvers.Vmlinux] = true
	old := map[string]*manifest.Module{}
	for i := range w.old.Modules {
		old[w.old.Modules[i].Path] = &w.old.Modules[i]
	}
	for i := range w.new.Modules {
		m := &w.new.Modules[i]
		if o := old[m.Path]; o != nil && o.BTF == m.BTF && m.BTF.Kind != manifest.BTFNone {
			same[symvers.OwnerOf(m.Path)] = true
		}
	}
	return same
}

func (w *windowState) sidesWithout() string {
	switch {
	case w.p.old.Symvers == nil && w.r.Symvers == nil:
		return "either side"
	case w.p.old.Symvers == nil:
		return "the old side"
	}
	return "the new side"
}

func (w *windowState) changes(rule, what string, action model.Action, list []abi.Change) {
	if len(list) == 0 {
		return
	}
	f := model.Finding{Rule: rule, Severity: model.Error, Action: action, Count: len(list)}
	if action == model.Keep {
		f.Severity = model.Info
	}
	for _, c := range list {
		f.Subjects = append(f.Subjects, c.New.Name)
	}
	w.addText(f, func(n int) string {
		return model.Plural(n, "exported symbol", "exported symbols") + " " + model.Agree(n, what)
	})
}

func (w *windowState) symbolsLost(list []symvers.Symbol) {
	if len(list) == 0 {
		return
	}
	w.addText(model.Finding{Rule: "abi.lost", Severity: model.Error, Action: model.Bump, Count: len(list), Subjects: symbolNames(list)},
		func(n int) string { return model.Plural(n, "exported symbol is", "exported symbols are") + " gone" })
}

func symbolNames(list []symvers.Symbol) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Name
	}
	return out
}
