package model

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Counter counts words.
type Counter map[string]int

// Add counts a word again.
func (c Counter) Add(word string) { c[word]++ }

// Sorted returns the counts, the largest first, equal ones by word; never nil.
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

// Agree chooses the words of a text by a number: of "{one|many}" the first for
// one, else the second.
func Agree(n int, text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "{")
		b.WriteString(before)
		choice, after, closed := strings.Cut(rest, "}")
		one, many, both := strings.Cut(choice, "|")
		switch {
		case !ok:
			return b.String()
		case !closed || !both: // a brace of its own
			b.WriteString("{")
			text = rest
			continue
		case n == 1:
			b.WriteString(one)
		default:
			b.WriteString(many)
		}
		text = after
	}
}

// Plural spells a number with its noun.
func Plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
