package evidence

import (
	"kpkg-btf/internal/btf"
)

// Kernels is a kind of kernel, as far as it decides how often a wrong base is
// noticed.
type Kernels uint8

const (
	// Versioned: modules have __versions (CONFIG_MODVERSIONS), whose array names
	// one id of the base in every module.
	Versioned Kernels = iota
	// Unversioned: no __versions, the base in the order of compilation.
	Unversioned
	// SortedBase: no __versions, the base sorted by name (from 7.0): of types
	// without names, prototypes lie by themselves.
	SortedBase
	numKernels
)

func (k Kernels) String() string {
	return [...]string{"with symbol versions", "without symbol versions", "without symbol versions, types sorted by name"}[k]
}

// KernelsOf is the kind of kernel that a base and its modules are of.
func KernelsOf(base *btf.Raw, versions bool) Kernels {
	switch {
	case versions:
		return Versioned
	case sortedByName(base):
		return SortedBase
	}
	return Unversioned
}

// sortedByName reports whether nearly all named types stand behind nearly all
// others: the last tenth of the base has no type without a name, as the first
// has none with one. Only the tendency matters here.
func sortedByName(base *btf.Raw) bool {
	n, named, unnamed := btf.ID(base.NumTypes()), 0, 0
	for t := range base.Types {
		switch {
		case t.ID < n/10 && t.Name != 0 && t.Kind != btf.Struct && t.Kind != btf.Union && t.Kind != btf.Enum:
			named++
		case t.ID > n-n/10 && t.Name == 0:
			unnamed++
		}
	}
	return n > 1000 && named < int(n)/1000 && unnamed < int(n)/1000
}

// Change is how a base can differ from the one a module was encoded against.
type Change uint8

const (
	Rebuilt      Change = iota // a real rebuild of the same version, ids permuted (Debian's pairs)
	MovedArray                 // one ARRAY moved by 6000 ids: another length of the version banner
	MovedProto                 // one FUNC_PROTO moved by 500
	MovedPointer               // one PTR moved by 2000
	MovedStruct                // one named STRUCT moved by 6000
	MovedBlock                 // 50 types moved by 3000
	MovedString                // one string moved by half of the section
	Swapped                    // the .BTF of the next module of the same build
	StepUp                     // all references into the base +1
	StepDown                   // all references into the base -1
	OtherName                  // one own name led to another own string
	NumChanges   = int(OtherName) + 1
)

// Rate is how many of a hundred truly wrong modules are noticed, contradicted
// or doubted: Alone when one is among right ones, Together when all modules of
// the release are as wrong. Rebuilt of SortedBase is not measured: the archive
// has no two builds of one version.
type Rate struct{ Alone, Together int8 }

// Worst is the lowest rate over the changes that a rebuild or another link of
// vmlinux makes to a base.
func (k Kernels) Worst() Rate {
	alone, together := rates[k][MovedArray].Alone, rates[k][MovedArray].Together
	for _, c := range relinks {
		alone, together = min(alone, rates[k][c].Alone), min(together, rates[k][c].Together)
	}
	return Rate{alone, together}
}

// relinks are the changes that come of linking vmlinux again.
var relinks = []Change{MovedArray, MovedProto, MovedPointer, MovedStruct, MovedBlock, MovedString}

// rates are measured, rounded down; the test TestE2ERates holds them to what it
// finds and writes docs/detection-rates.md.
var rates = [numKernels][NumChanges]Rate{
	Versioned: {
		Rebuilt: {100, 100}, MovedArray: {65, 86}, MovedProto: {100, 100}, MovedPointer: {35, 35}, MovedStruct: {61, 61}, MovedBlock: {86, 86},
		MovedString: {99, 99}, Swapped: {99, 99}, StepUp: {100, 100}, StepDown: {100, 100}, OtherName: {0, 0},
	},
	Unversioned: {
		Rebuilt: {71, 85}, MovedArray: {65, 86}, MovedProto: {100, 100}, MovedPointer: {38, 43}, MovedStruct: {63, 84}, MovedBlock: {87, 87},
		MovedString: {99, 99}, Swapped: {99, 99}, StepUp: {100, 100}, StepDown: {100, 100}, OtherName: {0, 0},
	},
	SortedBase: {
		MovedArray: {91, 99}, MovedProto: {4, 99}, MovedPointer: {82, 85}, MovedStruct: {100, 100}, MovedBlock: {81, 90},
		MovedString: {99, 99}, Swapped: {99, 99}, StepUp: {99, 99}, StepDown: {99, 99}, OtherName: {13, 13},
	},
}
