// Package abi compares what two kernels offer to modules: exported symbols with
// their checksums, their types by BTF, which modules there are, and what can be
// known of the symbols that nothing describes. Compare gives one Result.
package abi

import (
	"slices"
	"strings"

	"kpkg-btf/internal/symvers"
)

// Change is one symbol on both sides.
type Change struct{ Old, New symvers.Symbol }

// Exports is the difference of two symbol tables. Every list is sorted by
// name; one symbol may be in several of the lists of changes.
type Exports struct {
	// OldCount and NewCount are the names on each side, Common those on both.
	OldCount, NewCount, Common int
	// OldCovered and NewCovered are the names with a CRC on each side.
	OldCovered, NewCovered int
	// Compared are the common names whose CRCs both sides give. Unchanged of
	// them are equal, the rest is in Changed.
	Compared, Unchanged int

	Lost    []symvers.Symbol // in old only
	Added   []symvers.Symbol // in new only
	Changed []Change         // another CRC
	// Uncovered are the common names without a CRC on one side or both: they
	// may have changed or not.
	Uncovered []Change

	// Moved is from one module to another: no change by itself, depmod finds
	// the new owner.
	Moved []Change
	// LeftImage is from vmlinux into a module: on the old kernel the new owner
	// is refused for exporting what vmlinux exports (verify_exported_symbols,
	// -ENOEXEC), and with it all that depends on it.
	LeftImage []Change
	// JoinedImage is from a module into vmlinux: on the old kernel nothing
	// that is installed exports it any more.
	JoinedImage []Change

	Stricter []Change // from EXPORT_SYMBOL to EXPORT_SYMBOL_GPL
	Looser   []Change // the reverse
	// NamespaceNeeded is a namespace that became required, another one, or a
	// "module:" list without a module that it had: importers that were right
	// are refused (verify_namespace_is_imported). NamespaceFreed is one that
	// is no longer required, or a longer list.
	NamespaceNeeded []Change
	NamespaceFreed  []Change
}

// CompareExports compares two symbol tables.
func CompareExports(old, new *symvers.Table) *Exports {
	x := &Exports{
		OldCount: old.Len(), NewCount: new.Len(),
		OldCovered: old.Covered(), NewCovered: new.Covered(),
	}
	a, b := old.Symbols(), new.Symbols()
	for len(a) > 0 || len(b) > 0 {
		switch {
		case len(b) == 0 || len(a) > 0 && a[0].Name < b[0].Name:
			x.Lost = append(x.Lost, a[0])
			a = a[1:]
		case len(a) == 0 || a[0].Name > b[0].Name:
			x.Added = append(x.Added, b[0])
			b = b[1:]
		default:
			x.compare(&a[0], &b[0])
			a, b = a[1:], b[1:]
		}
	}
	return x
}

func (x *Exports) compare(a, b *symvers.Symbol) {
	x.Common++
	c := Change{*a, *b}
	switch {
	case !a.HasCRC || !b.HasCRC:
		x.Uncovered = append(x.Uncovered, c)
	case a.CRC != b.CRC:
		x.Compared++
		x.Changed = append(x.Changed, c)
	default:
		x.Compared++
		x.Unchanged++
	}
	switch {
	case a.Owner == b.Owner:
	case a.Owner == symvers.Vmlinux:
		x.LeftImage = append(x.LeftImage, c)
	case b.Owner == symvers.Vmlinux:
		x.JoinedImage = append(x.JoinedImage, c)
	default:
		x.Moved = append(x.Moved, c)
	}
	switch {
	case a.Export == symvers.ExportAny && b.Export == symvers.ExportGPL:
		x.Stricter = append(x.Stricter, c)
	case a.Export == symvers.ExportGPL && b.Export == symvers.ExportAny:
		x.Looser = append(x.Looser, c)
	}
	if a.Namespace == b.Namespace {
		return
	}
	if freed(a.Namespace, b.Namespace) {
		x.NamespaceFreed = append(x.NamespaceFreed, c)
	} else {
		x.NamespaceNeeded = append(x.NamespaceNeeded, c)
	}
}

// moduleList begins the namespace of EXPORT_SYMBOL_FOR_MODULES (6.16+): the
// modules that may import the symbol, comma-separated, "*" at an end allowed.
const moduleList = "module:"

// freed says that every importer that satisfied namespace a satisfies b.
func freed(a, b string) bool {
	if b == "" {
		return true
	}
	la, okA := strings.CutPrefix(a, moduleList)
	lb, okB := strings.CutPrefix(b, moduleList)
	if !okA || !okB {
		return false
	}
	allowed := strings.Split(lb, ",")
	for m := range strings.SplitSeq(la, ",") {
		if !slices.ContainsFunc(allowed, func(p string) bool { return covers(p, m) }) {
			return false
		}
	}
	return true
}

// covers says that every module name that pattern m matches, p matches too.
func covers(p, m string) bool {
	if stem, ok := strings.CutSuffix(p, "*"); ok {
		return strings.HasPrefix(m, stem)
	}
	return p == m
}
