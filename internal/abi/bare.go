package abi

import (
	"strings"

	"kpkg-btf/internal/symvers"
)

// Sort is what a symbol is that neither a checksum nor BTF describes.
type Sort uint8

const (
	// OtherSort: its source does not tell (Module.symvers alone).
	OtherSort Sort = iota
	// Assembly is code without a prototype in BTF: of assembly, or what the
	// compiler or pahole left out of it.
	Assembly
	// Data is a variable: pahole describes per-CPU ones alone.
	Data
	// Rust is of the Rust parts of the kernel: their interface is the compiler's
	// own, and only Rust modules import it.
	Rust
)

// sortOf tells by the mangling of Rust's v0 scheme (RFC 2603) and by the
// section that either side has the symbol in.
func sortOf(c *Change) Sort {
	switch {
	case strings.HasPrefix(c.New.Name, "_R"):
		return Rust
	case c.New.What == symvers.Code || c.New.What == symvers.Unknown && c.Old.What == symvers.Code:
		return Assembly
	case c.New.What == symvers.Data || c.Old.What == symvers.Data:
		return Data
	}
	return OtherSort
}

// Build is what a kernel was built from and with; "" is not known.
type Build struct {
	// Exact tells a build from every other one, rebuilds of the same source
	// included: what its image calls itself, its base, the content of its modules.
	Exact   string
	Source  string // name and version of the source package
	Config  string // digest of the whole configuration, names of the build apart
	C, Rust string // the compilers; "" of Rust as well where the kernel has none
}

// Same reports whether two kernels are one build, or builds of one source
// version with equal configuration and compilers.
func (b *Build) Same(o *Build) bool {
	if b.Exact == o.Exact && b.Exact != "" {
		return true
	}
	return b.Source == o.Source && b.Config == o.Config && b.C == o.C && b.Rust == o.Rust &&
		b.Source != "" && b.Config != "" && b.C != ""
}

// BareSymbol is an export of both kernels for which neither a checksum nor a
// type speaks.
type BareSymbol struct {
	Change
	Sort Sort
}

// Bare is all of them, parted by what can be known all the same. Every list is
// sorted by name; a symbol is in one.
type Bare struct {
	// SameBuild: both kernels are one build, or builds of one source version
	// with equal configuration and compilers.
	SameBuild []BareSymbol
	// SameOwner: the module that exports them is byte for byte as before, but
	// for its BTF, signature and build id.
	SameOwner []BareSymbol
	// Used are imported by a module of either side, or by one whose imports are
	// not known: whether they changed decides.
	Used []BareSymbol
	// Unused are imported by no module there is.
	Unused []BareSymbol
}

// Count counts symbols of each sort.
func Count(list []BareSymbol) (n [Rust + 1]int) {
	for _, s := range list {
		n[s.Sort]++
	}
	return n
}

// bare parts the exports that nothing describes.
func bare(old, new *Side, types *Types) *Bare {
	b, same := &Bare{}, old.Build.Same(&new.Build)
	used, known := imports(old, new)
	for _, c := range undescribed(old, new, types) {
		s := BareSymbol{c, sortOf(&c)}
		switch {
		case same:
			b.SameBuild = append(b.SameBuild, s)
		case sameOwner(old, new, &c):
			b.SameOwner = append(b.SameOwner, s)
		case !known || used[c.New.Name]:
			b.Used = append(b.Used, s)
		default:
			b.Unused = append(b.Unused, s)
		}
	}
	return b
}

// undescribed are the common exports without a CRC on one side or both that no
// BTF describes.
func undescribed(old, new *Side, types *Types) (out []Change) {
	list := bothExport(old.Exports, new.Exports)
	if types != nil {
		list = types.Undescribed
	}
	for _, c := range list {
		if !c.Old.HasCRC || !c.New.HasCRC {
			out = append(out, c)
		}
	}
	return out
}

func sameOwner(old, new *Side, c *Change) bool {
	if c.Old.Owner != c.New.Owner || c.New.Owner == symvers.Vmlinux || old.Code == nil || new.Code == nil {
		return false
	}
	a, okA := old.Code(c.Old.Owner)
	b, okB := new.Code(c.New.Owner)
	return okA && okB && a == b
}

// imports gathers what the modules of both sides import; known is false where
// one side does not tell.
func imports(old, new *Side) (used map[string]bool, known bool) {
	used = map[string]bool{}
	for _, s := range []*Side{old, new} {
		if s.Imports == nil {
			return nil, false
		}
		s.Imports(func(name string) bool { used[name] = true; return true })
	}
	return used, true
}
