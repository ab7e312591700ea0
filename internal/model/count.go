package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Counter counts words.
type Counter map[string]int

// Add counts a word once more.
func (c Counter) Add(word string) { c[word]++ }

// Sorted gives the counts, the largest first, equal ones by word; never nil.
func (c Counter) Sorted() []Count {
	out := make([]Count, 0, len(c))
	for w, n := range c {
		out = append(out, Count{Word: w, Count: n})
	}
	slices.SortFunc(out, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), strings.Compare(a.Word, b.Word))
	})
	return out
}

// Plural spells a number with its noun.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
