// Package symbols holds what a module's ELF symbols and relocations tell of
// the functions and variables that its BTF describes. An encoder reads both
// from one object, so the two can be compared. Package kmod fills it in,
// package evidence compares.
package symbols

import "slices"

// Code is what one module's symbols tell. Names are kept as Hash.
type Code struct {
	// Whole reports whether the symbol table still names what nothing refers to:
	// a local function or variable that no relocation uses. strip --strip-debug
	// keeps such symbols, --strip-unneeded removes them all.
	Whole bool
	// Funcs are the functions by the Hash of their symbols' names, ascending. A clone
	// ("foo.isra.0") stands under its own name and under the one it was cloned
	// from, by which pahole encodes it.
	Funcs []uint32
	// Stored are the places in data objects that relocations fill with the
	// address of a function, in the order of sections and offsets.
	Stored []Stored
	// PerCPU are the variables of the section .data..percpu, by offset.
	PerCPU []Variable
}

// Stored is one place in a data object that holds a function's address.
type Stored struct {
	Func uint32 // Hash of the function, one entry for each of its names
	Size uint32 // of the object, in bytes (st_size)
	Off  uint32 // of the place in the object, in bytes
}

// Variable is one variable of a section.
type Variable struct {
	Name      uint32 // Hash
	Off, Size uint32 // bytes
}

// Hash is the 32-bit FNV-1a hash of a name. Two names may share one: what is
// looked up by it may be found where it is not, never the other way round.
func Hash[T ~string | ~[]byte](name T) uint32 {
	h := uint32(2166136261)
	for i := range len(name) {
		h = (h ^ uint32(name[i])) * 16777619
	}
	return h
}

// HasFunc reports whether a function's name is among the symbols.
func (c *Code) HasFunc(hash uint32) bool {
	_, ok := slices.BinarySearch(c.Funcs, hash)
	return ok
}
