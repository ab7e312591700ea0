package evidence

import (
	"slices"

	"kpkg-btf/internal/btf"
)

// Raw returns the base that was indexed.
func (b *Base) Raw() *btf.Raw { return b.raw }

func (c Change) String() string {
	return [...]string{"rebuilt", "one array moved", "one prototype moved", "one pointer moved", "one struct moved", "a block moved", "one string moved",
		".BTF of another module", "references +1", "references -1", "a name replaced"}[c]
}

// Relinks reports whether a change comes of linking vmlinux again.
func (c Change) Relinks() bool { return slices.Contains(relinks, c) }

func (c Conclusion) String() string {
	return [...]string{"silent", "consistent", "doubtful", "contradicted"}[c]
}

// Of returns what was measured for a kind of kernel.
func (k Kernels) Of(c Change) Rate { return rates[k][c] }
