package cli

import "strings"

// nearest returns the word of a list that is most like one that was typed,
// "" where none is near: by the number of letters to change, of which a third
// of the word, and at least two, may be wrong.
func nearest(typed string, list []string) string {
	best, most := "", max(2, len(typed)/3)+1
	for _, w := range list {
		if d := distance(strings.ToLower(typed), strings.ToLower(w)); d < most {
			best, most = w, d
		}
	}
	return best
}

// distance is Levenshtein's: letters inserted, removed or replaced.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			next := min(row[j], row[j-1]) + 1
			if a[i-1] == b[j-1] {
				next = min(next, diagonal)
			} else {
				next = min(next, diagonal+1)
			}
			diagonal, row[j] = row[j], next
		}
	}
	return row[len(b)]
}

// didYouMean is a suggestion as the end of a message, "" without one.
func didYouMean(typed string, list []string) string {
	if n := nearest(typed, list); n != "" {
		return "; did you mean " + n + "?"
	}
	return ""
}
