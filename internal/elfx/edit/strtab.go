package edit

import (
	"slices"
	"strings"
)

// strtab builds a string table as bfd does (bfd/elf-strtab.c): each string
// once, in the order in which it was first added, and a string that is the end
// of another lies within that one.
type strtab struct {
	index map[string]int
	list  []string // 0 is the empty string
}

func newStrtab(n int) *strtab {
	return &strtab{index: make(map[string]int, n), list: append(make([]string, 0, n+1), "")}
}

// add returns the number of a string.
func (t *strtab) add(s string) int {
	if s == "" {
		return 0
	}
	id, ok := t.index[s]
	if !ok {
		id = len(t.list)
		t.index[s] = id
		t.list = append(t.list, s)
	}
	return id
}

// finish returns the table and the offset of each string by its number
// (_bfd_elf_strtab_finalize).
func (t *strtab) finish() (table []byte, at []uint32) {
	in := t.suffixes()
	at = make([]uint32, len(t.list))
	table = []byte{0}
	for id, s := range t.list {
		if id != 0 && in[id] == 0 {
			at[id] = uint32(len(table))
			table = append(append(table, s...), 0)
		}
	}
	for id, s := range t.list {
		if host := in[id]; host != 0 {
			at[id] = at[host] + uint32(len(t.list[host])-len(s))
		}
	}
	return table, at
}

// suffixes returns for each string the one that it is the end of, or 0. Sorted
// from their ends, a string's hosts follow it; the last of them is taken that
// is no end of yet another.
func (t *strtab) suffixes() []int {
	sorted := make([]int, 0, len(t.list))
	for id := 1; id < len(t.list); id++ {
		sorted = append(sorted, id)
	}
	slices.SortFunc(sorted, func(a, b int) int { return compareEnds(t.list[a], t.list[b]) })
	in := make([]int, len(t.list))
	for i := len(sorted) - 2; i >= 0; i-- {
		host := sorted[i+1]
		if in[host] != 0 {
			host = in[host]
		}
		if strings.HasSuffix(t.list[host], t.list[sorted[i]]) {
			in[sorted[i]] = host
		}
	}
	return in
}

// compareEnds compares strings from their last byte on (strrevcmp).
func compareEnds(a, b string) int {
	for i, j := len(a)-1, len(b)-1; i >= 0 && j >= 0; i, j = i-1, j-1 {
		if a[i] != b[j] {
			return int(a[i]) - int(b[j])
		}
	}
	return len(a) - len(b)
}
