package judge

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/symvers"
	"kpkg-btf/policy"
)

// abiNotes turns what happened to the interface for modules into findings.
func (w *window) abiNotes(p *policy.Policy) []note {
	r := w.offer
	x := r.Exports
	if x == nil {
		return []note{said(model.Finding{Rule: "abi.unknown", Severity: model.Error, Inconclusive: true,
			Message: "no exported symbols on " + w.sidesWithout() + ": whether the ABI changed is not known",
			Hint:    "give the linux-headers (kernel-devel) package with Module.symvers, or the image"})}
	}
	out := exportFindings(x)
	out = append(out, typeFindings(r.Types, w.old.Base != nil || w.new.Base != nil, w.equal == model.Equal)...)
	return append(out, bareFindings(r.Bare, p.Undescribed == policy.UndescribedAccept)...)
}

// exportFindings are about names, checksums, owners and conditions.
func exportFindings(x *abi.Exports) (out []note) {
	for _, c := range []struct {
		rule, what string
		action     model.Action
		list       []abi.Change
	}{
		{"abi.crc-changed", "changed {its|their} checksum (CRC)", model.Bump, x.Changed},
		{"abi.left-image", "moved from vmlinux into a module: the old kernel refuses the module that exports what vmlinux exports", model.Bump, x.LeftImage},
		{"abi.joined-image", "moved from a module into vmlinux: on the old kernel nothing exports them any more", model.Bump, x.JoinedImage},
		{"abi.stricter", "are now exported to GPL modules only", model.Bump, x.Stricter},
		{"abi.namespace", "now need a namespace that modules built before do not import", model.Bump, x.NamespaceNeeded},
		{"abi.moved", "moved between modules: no change, depmod finds the new owner", model.Keep, x.Moved},
	} {
		out = append(out, exportChanges(c.rule, c.what, c.action, changedNames(c.list))...)
	}
	if len(x.Lost) > 0 {
		out = append(out, worded(model.Finding{Rule: "abi.lost", Severity: model.Error, Action: model.Bump, Count: len(x.Lost), Subjects: symbolNames(x.Lost)},
			func(n int) string { return model.Plural(n, "exported symbol is", "exported symbols are") + " gone" }))
	}
	if len(x.Added) > 0 {
		out = append(out, said(model.Finding{Rule: "abi.added", Severity: model.Info, Count: len(x.Added), Subjects: symbolNames(x.Added),
			Message: model.Plural(len(x.Added), "symbol is", "symbols are") + " new"}))
	}
	return out
}

func exportChanges(rule, what string, action model.Action, names []string) []note {
	if len(names) == 0 {
		return nil
	}
	f := model.Finding{Rule: rule, Severity: model.Error, Action: action, Count: len(names), Subjects: names}
	if action == model.Keep {
		f.Severity = model.Info
	}
	return []note{worded(f, func(n int) string {
		return model.Plural(n, "exported symbol", "exported symbols") + " " + model.Agree(n, what)
	})}
}

// bareFindings are about exports that neither a checksum nor BTF describes.
// Only those decide that a module imports.
func bareFindings(b *abi.Bare, accept bool) (out []note) {
	if len(b.Used) > 0 {
		b := *b
		b.Used = rustLast(b.Used) // their names mean nothing to readers of C
		f := model.Finding{Rule: "abi.undescribed-open", Severity: model.Error, Inconclusive: true, Count: len(b.Used), Subjects: bareNames(b.Used),
			Close: []string{"build both kernels from one source version, with equal configuration and compilers",
				"accept them with a reason: policy `undescribed-exports: accept`, or a waiver of abi.undescribed-open"}}
		if accept {
			f.Severity, f.Inconclusive, f.Waived = model.Warning, false, "policy undescribed-exports: accept"
		}
		sorts := " (" + sortsText(b.Used) + ")"
		out = append(out, provided(f, func(n int) string {
			s := ""
			if n == len(b.Used) {
				s = sorts
			}
			return model.Plural(n, "exported symbol that modules import has", "exported symbols that modules import have") +
				" neither a checksum nor a type in BTF" + s + ": whether they changed is not known"
		}, unchangedIf))
	}
	for _, c := range []struct {
		list []abi.BareSymbol
		why  string
	}{
		{b.SameBuild, "both kernels are of one source version, configuration and compiler"},
		{b.SameOwner, "the modules that export them are byte for byte as before, but for BTF, signature and build id"},
	} {
		if n := len(c.list); n > 0 {
			out = append(out, said(model.Finding{Rule: "abi.undescribed-closed", Severity: model.Info, Count: n, Subjects: bareNames(c.list),
				Message: model.Plural(n, "exported symbol has", "exported symbols have") + " neither a checksum nor a type in BTF (" + sortsText(c.list) + ") and cannot have changed: " + c.why}))
		}
	}
	// Rust's names are long and many, and mean nothing to readers of C.
	rust, rest := abi.Count(b.Unused)[abi.Rust], []abi.BareSymbol(nil)
	for _, s := range b.Unused {
		if s.Sort != abi.Rust {
			rest = append(rest, s)
		}
	}
	if n := len(rest); n > 0 {
		out = append(out, said(model.Finding{Rule: "abi.undescribed-unused", Severity: model.Info, Count: n, Subjects: bareNames(rest),
			Message: model.Plural(n, "exported symbol has", "exported symbols have") + " neither a checksum nor a type in BTF (" + sortsText(rest) + "), and no module imports them: they do not decide"}))
	}
	if rust > 0 {
		out = append(out, said(model.Finding{Rule: "abi.undescribed-unused", Severity: model.Info, Count: rust,
			Message: model.Plural(rust, "exported symbol of Rust has", "exported symbols of Rust have") + " neither a checksum nor a type in BTF, and no module imports them: they do not decide"}))
	}
	return out
}

// unchangedIf is the condition under which an answer stands without them.
func unchangedIf(n int) string {
	return model.Plural(n, "export did", "exports did") + " not change"
}

// rustLast puts the symbols of Rust behind the others.
func rustLast(list []abi.BareSymbol) []abi.BareSymbol {
	return slices.SortedStableFunc(slices.Values(list), func(x, y abi.BareSymbol) int {
		return cmp.Compare(max(x.Sort, abi.Data), max(y.Sort, abi.Data))
	})
}

func bareNames(list []abi.BareSymbol) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.New.Name
	}
	return out
}

// sortsText counts symbols of each sort: "assembly 601, data 292, Rust 0".
func sortsText(list []abi.BareSymbol) string {
	n := abi.Count(list)
	var parts []string
	for _, s := range []struct {
		sort abi.Sort
		word string
	}{{abi.Assembly, "assembly and other code"}, {abi.Data, "data"}, {abi.Rust, "Rust"}, {abi.OtherSort, "of unknown sort"}} {
		if n[s.sort] > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", s.word, n[s.sort]))
		}
	}
	return strings.Join(parts, ", ")
}

func (w *window) sidesWithout() string {
	switch {
	case w.p.old.Symvers == nil && w.r.Symvers == nil:
		return "either side"
	case w.p.old.Symvers == nil:
		return "the old side"
	}
	return "the new side"
}

func symbolNames(list []symvers.Symbol) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = s.Name
	}
	return out
}
