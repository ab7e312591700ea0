package abi

import "kpkg-btf/internal/btf"

// Description reports whether BTF describes an exported symbol.
type Description uint8

const (
	// Described: there is one FUNC, or one VAR, of that name.
	Described Description = iota
	// Undescribed: there is none. pahole describes per-CPU variables alone
	// (others only with its feature global_var, 1.28+), and no function that
	// assembly defines, whose parameters the compiler optimised away, or of
	// which two units have different prototypes.
	Undescribed
	// Ambiguous: several functions have that name and nothing says which one
	// is exported.
	Ambiguous
)

// Describe finds the FUNC or VAR that describes an exported symbol among the
// blob's own records: those of the base for what vmlinux exports, those of a
// module's split for what that exports.
func Describe(r *btf.Raw, symbol string) (btf.ID, Description) {
	switch found := candidates(r, symbol); len(found) {
	case 0:
		return 0, Undescribed
	case 1:
		return found[0], Described
	}
	return 0, Ambiguous
}

// candidates are the own FUNCs and VARs of a name.
func candidates(r *btf.Raw, symbol string) (found []btf.ID) {
	for t := range r.Named(symbol) {
		if t.Kind == btf.Func || t.Kind == btf.Var {
			found = append(found, t.ID)
		}
	}
	return found
}
