package encounter

import (
	"sync"

	"kpkg-btf/internal/btf/meaning"
	"kpkg-btf/internal/kernel"
	"kpkg-btf/internal/tri"
)

// Bases remembers comparisons of bases, so that two are compared once however
// many modules ask. It is safe for concurrent use; the zero Bases is ready.
type Bases struct {
	mu   sync.Mutex
	made map[[2]*kernel.Base]*meaning.Classes
}

// classes are the types of the base of k (old) and of that a module was built
// on (new), in classes; both must be at hand.
func (b *Bases) classes(k, on *kernel.Kernel) *meaning.Classes {
	b.mu.Lock()
	defer b.mu.Unlock()
	if c := b.made[[2]*kernel.Base{k.Base, on.Base}]; c != nil {
		return c
	}
	if b.made == nil {
		b.made = map[[2]*kernel.Base]*meaning.Classes{}
	}
	c := b.made[[2]*kernel.Base{on.Base, k.Base}]
	if c != nil {
		c = c.Reversed()
	} else {
		c = meaning.Classify(k.Base.Raw, on.Base.Raw)
	}
	b.made[[2]*kernel.Base{k.Base, on.Base}] = c
	return c
}

// Classes compares the base of a kernel (old) with that of another (new); nil
// where one is not at hand.
func (b *Bases) Classes(k, on *kernel.Kernel) *meaning.Classes {
	if k == nil || on == nil || k.Base == nil || on.Base == nil {
		return nil
	}
	return b.classes(k, on)
}

// sameBase reports whether a module built on one kernel finds its base on the
// other for certain.
func sameBase(k, on *kernel.Kernel) bool {
	return on != nil && k.Sum != nil && on.Sum != nil && kernel.SameBase(k, on) == tri.Yes
}
