package judge

import (
	"fmt"
	"strings"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/symvers"
)

// compareABI compares what two kernels offer to modules, their types where the
// classes of both bases are at hand; imported is what external modules
// import.
func compareABI(oldR *release.Release, oldM *manifest.Manifest, newR *release.Release, newM *manifest.Manifest, imported []string, c *meaning.Classes) *abi.Result {
	old, new := abiSide(oldR, oldM), abiSide(newR, newM)
	if own := new.Imports; own != nil { // else each may be imported anyway
		new.Imports = func(yield func(string) bool) {
			for _, name := range imported {
				if !yield(name) {
					return
				}
			}
			own(yield)
		}
	}
	// Bases of two byte orders are of two architectures; pair has refused that.
	if c != nil && c.Raw(meaning.Old).BigEndian() == c.Raw(meaning.New).BigEndian() {
		was, is := typeSide(oldR, c.Raw(meaning.Old)), typeSide(newR, c.Raw(meaning.New))
		old.Types, new.Types = &was, &is
	}
	return abi.Compare(old, new, c)
}

// typeSide finds where the exports of a release are described: in its base and
// in its modules. Those of a manifest are missing.
func typeSide(r *release.Release, base *btf.Raw) abi.TypeSide {
	open := map[string]func() []byte{}
	for _, m := range r.Modules {
		if m.Facts.BTFBase.Len() == 0 {
			open[symvers.OwnerOf(m.Path)] = m.Facts.BTF.Bytes
		}
	}
	for _, p := range r.Packed {
		if p.Facts.BTFBase.Len() == 0 {
			open[symvers.OwnerOf(p.Path)] = p.Facts.BTF.Bytes
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

// typeFindings are what BTF says of exported symbols beside their checksums.
// bases reports whether either side has a base, equal whether both are one.
func typeFindings(t *abi.Types, bases, equal bool) (out []note) {
	if t == nil {
		if !bases {
			return nil // kernels without BTF: their checksums are all there is
		}
		return []note{said(model.Finding{Rule: "abi.types-unknown", Severity: model.Info,
			Message: "no base on one side: whether types of exported symbols changed without their checksums is not known"})}
	}
	out = append(out, typeChanges("abi.layout", "with another layout of what they hold by value, though no checksum says so", model.Bump, t.Layout, firstWhy(t.Layout))...)
	var deep, open []abi.TypeChange
	for _, c := range t.Deep {
		if c.Old.HasCRC && c.New.HasCRC {
			deep = append(deep, c)
		} else {
			open = append(open, c)
		}
	}
	out = append(out, typeChanges("abi.deep", "with equal checksums and changed types behind pointers", model.Keep, deep, typesWhy(t, deep))...)
	out = append(out, typeChanges("abi.deep-unversioned", "with changed types behind pointers, and without a checksum to vouch for them", model.Bump, open, typesWhy(t, open))...)
	out = append(out, crcOnly(t)...)
	if n := len(t.Unversioned); n > 0 {
		out = append(out, said(model.Finding{Rule: "abi.same-by-types", Severity: model.Info, Count: n,
			Message: model.Plural(n, "exported symbol has", "exported symbols have") + " no checksum; by BTF their types are the same as before, with all that they reach"}))
	}
	var versioned []string
	for _, c := range t.Undescribed {
		if c.Old.HasCRC && c.New.HasCRC { // of those without tells bareFindings
			versioned = append(versioned, c.New.Name)
		}
	}
	if n := len(versioned); n > 0 && !equal {
		out = append(out, said(model.Finding{Rule: "abi.undescribed", Severity: model.Info, Count: n, Subjects: versioned,
			Message: fmt.Sprintf("%s no type in BTF on one side or both (variables that are not per-CPU, assembly, functions the compiler reshaped): their checksums alone speak for them",
				model.Plural(n, "exported symbol has", "exported symbols have"))}))
	}
	return out
}

func typeChanges(rule, what string, action model.Action, list []abi.TypeChange, why string) []note {
	if len(list) == 0 {
		return nil
	}
	f := model.Finding{Rule: rule, Severity: model.Error, Action: action, Count: len(list)}
	if action == model.Keep {
		f.Severity = model.Warning
	}
	for _, c := range list {
		f.Subjects = append(f.Subjects, c.New.Name)
	}
	return []note{worded(f, func(n int) string { return model.Plural(n, "exported symbol", "exported symbols") + " " + what + why })}
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

// shownTypes bounds the definitions told in one message.
const shownTypes = 3

// typesWhy names the definitions that changed and that symbols of a list reach,
// and who reaches the first of them.
func typesWhy(t *abi.Types, list []abi.TypeChange) string {
	in := map[string]bool{}
	for _, c := range list {
		in[c.New.Name] = true
	}
	var parts []string
	total := 0
	for _, x := range t.Changed {
		var users []string
		for _, s := range x.Symbols {
			if in[s] {
				users = append(users, s)
			}
		}
		if len(users) == 0 {
			continue
		}
		if total++; total > shownTypes {
			continue
		}
		s := x.Text
		if total == 1 {
			s += ", reached by " + strings.Join(users[:min(len(users), shownUsers)], ", ")
			if len(users) > shownUsers {
				s += fmt.Sprintf(" and %d more", len(users)-shownUsers)
			}
		}
		parts = append(parts, s)
	}
	if total == 0 {
		return ""
	}
	if n := total - shownTypes; n > 0 {
		parts = append(parts, model.Plural(n, "definition more", "definitions more"))
	}
	return ": " + strings.Join(parts, "; ")
}

// crcOnly: a checksum also covers what is no type in memory: names of typedefs
// and parameters, how much of a structure the exporting file sees.
func crcOnly(t *abi.Types) []note {
	n := len(t.CRCOnly)
	if n == 0 {
		return nil
	}
	return []note{said(model.Finding{Rule: "abi.crc-only", Severity: model.Info, Count: n, Subjects: changedNames(t.CRCOnly),
		Message: model.Plural(n, "exported symbol has", "exported symbols have") + " another checksum although their types, with all that they reach, are the same in BTF",
		Hint:    "modules built before are refused for the checksum alone; abi.crc-changed may be waived for these symbols where none is left"})}
}

func changedNames(list []abi.Change) []string {
	out := make([]string, len(list))
	for i, c := range list {
		out[i] = c.New.Name
	}
	return out
}
