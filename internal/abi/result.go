package abi

import (
	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/symvers"
)

// Side is one kernel by what it offers to modules. What is nil is not known.
type Side struct {
	Exports *symvers.Table
	// Modules are those that the kernel comes with.
	Modules *ModuleSet
	// Types are where the exports are described.
	Types *TypeSide
	// Imports yields what its modules import, external ones that are present
	// included; a name may come more than once.
	Imports func(yield func(symbol string) bool)
	// Code returns for a module, by the owner word of its symbols, a digest of
	// everything but its BTF, signature and build id; false where there is none.
	Code  func(owner string) (uint64, bool)
	Build Build
}

// Result is what happened to the interface for modules from one kernel to
// another. Nothing changes it after Compare.
type Result struct {
	Exports *Exports // nil: those of one side are not known
	Types   *Types   // nil: the types of one side are not known
	Bare    *Bare    // nil as Exports is
	Modules *Modules // nil: those of one side are not known
}

// Compare compares what two kernels offer to modules. classes are of both
// bases; nil where a side has no Types.
func Compare(old, new *Side, classes *meaning.Classes) *Result {
	r := &Result{}
	if old.Exports != nil && new.Exports != nil {
		r.Exports = CompareExports(old.Exports, new.Exports)
		if old.Types != nil && new.Types != nil && classes != nil {
			r.Types = CompareTypes(old.Exports, new.Exports, *old.Types, *new.Types, classes)
		}
		r.Bare = bare(old, new, r.Types)
	}
	if old.Modules != nil && new.Modules != nil {
		r.Modules = CompareModules(*old.Modules, *new.Modules)
	}
	return r
}
