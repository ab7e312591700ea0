package symvers

import (
	"cmp"
	"slices"
	"strings"
)

// Table is the exported symbols of one kernel: its image and its modules.
// It is immutable and sorted by name, one symbol a name.
type Table struct {
	syms    []Symbol
	covered int
}

// NewTable makes a table of symbols in any order. The slice is not kept. A CRC
// of zero means "not versioned" whatever HasCRC says.
func NewTable(symbols []Symbol) *Table { return newTable(slices.Clone(symbols)) }

// newTable is NewTable over a slice that it may keep.
func newTable(syms []Symbol) *Table {
	for i := range syms {
		s := &syms[i]
		if s.CRC == 0 || !s.HasCRC {
			s.CRC, s.HasCRC = 0, false
		}
	}
	if !slices.IsSortedFunc(syms, order) {
		slices.SortFunc(syms, order)
	}
	t := &Table{syms: syms[:0]}
	for _, s := range syms {
		if n := len(t.syms); n > 0 && t.syms[n-1].Name == s.Name {
			continue // exported again: a kernel refuses the second (verify_exported_symbols)
		}
		if s.HasCRC {
			t.covered++
		}
		t.syms = append(t.syms, s)
	}
	t.syms = slices.Clip(t.syms)
	return t
}

// order is total, so that equal inputs in another order give equal tables.
func order(a, b Symbol) int {
	if c := strings.Compare(a.Name, b.Name); c != 0 {
		return c
	}
	return cmp.Or(
		cmp.Compare(ownerRank(a.Owner), ownerRank(b.Owner)),
		strings.Compare(a.Owner, b.Owner),
		cmp.Compare(a.CRC, b.CRC),
		cmp.Compare(a.Export, b.Export),
		strings.Compare(a.Namespace, b.Namespace),
	)
}

func ownerRank(owner string) int {
	if owner == Vmlinux {
		return 0
	}
	return 1
}

// Len is the number of names.
func (t *Table) Len() int {
	if t == nil {
		return 0
	}
	return len(t.syms)
}

// Symbols are all symbols in name order. The slice belongs to the table.
func (t *Table) Symbols() []Symbol {
	if t == nil {
		return nil
	}
	return t.syms
}

// Lookup returns the symbol of a name, without allocation.
func (t *Table) Lookup(name string) (*Symbol, bool) {
	if t == nil {
		return nil, false
	}
	i, ok := slices.BinarySearchFunc(t.syms, name, func(s Symbol, n string) int { return strings.Compare(s.Name, n) })
	if !ok {
		return nil, false
	}
	return &t.syms[i], true
}

// Covered is the number of symbols with a CRC; it is 0 for a kernel built
// without CONFIG_MODVERSIONS.
func (t *Table) Covered() int {
	if t == nil {
		return 0
	}
	return t.covered
}
