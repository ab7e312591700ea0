package abi

import (
	"slices"

	"kpkg-btf/internal/symvers"
)

// Breaks reports whether a module built for old may not load on new, or would run
// against types that are not its own: symbols lost, changed, exported more
// strictly or under another namespace. It says nothing about Uncovered, and
// nothing about LeftImage and JoinedImage: they only matter while the old
// kernel is booted with new modules installed (BreaksWindow).
func (x *Exports) Breaks() bool {
	return len(x.Lost)+len(x.Changed)+len(x.Stricter)+len(x.NamespaceNeeded) > 0
}

// BreaksWindow reports whether new modules may not load on the old kernel: what they
// may import from its image is missing, not the same, or under a condition
// they no longer meet. Nothing here knows what a module really imports.
func (x *Exports) BreaksWindow() bool {
	if len(x.Changed)+len(x.Looser)+len(x.LeftImage)+len(x.JoinedImage)+len(x.NamespaceFreed) > 0 {
		return true
	}
	// An added symbol of a module comes with that module.
	if slices.ContainsFunc(x.Added, func(s symvers.Symbol) bool { return s.Owner == symvers.Vmlinux }) {
		return true
	}
	return slices.ContainsFunc(x.NamespaceNeeded, func(c Change) bool { return !freed(c.New.Namespace, c.Old.Namespace) })
}

// Complete reports whether the CRCs of all common names were compared.
func (x *Exports) Complete() bool { return len(x.Uncovered) == 0 }

// Breaks reports whether a module of old cannot be loaded from new.
func (m *Modules) Breaks() bool { return len(m.Vanished)+len(m.BecameBuiltIn) > 0 }
