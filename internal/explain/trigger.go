package explain

import "sync"

// triggers finds in one pass whether any of many words stands in a text: the
// automaton of Aho and Corasick over bytes. Most lines of a log hold none.
type triggers struct {
	next [][256]int32
	word []bool // a word ends in this state
}

// newTriggers builds the automaton. A word is not empty.
func newTriggers(words []string) *triggers {
	t := &triggers{next: make([][256]int32, 1), word: make([]bool, 1)}
	for _, w := range words {
		at := int32(0)
		for i := range len(w) {
			to := t.next[at][w[i]]
			if to == 0 {
				to = int32(len(t.next))
				t.next, t.word = append(t.next, [256]int32{}), append(t.word, false)
				t.next[at][w[i]] = to
			}
			at = to
		}
		t.word[at] = true
	}
	// Breadth first: where a state has no way on, its longest proper suffix does.
	fail := make([]int32, len(t.next))
	var queue []int32
	for _, to := range t.next[0] {
		if to != 0 {
			queue = append(queue, to)
		}
	}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		t.word[at] = t.word[at] || t.word[fail[at]]
		for c := range 256 {
			to := t.next[at][c]
			if to == 0 {
				t.next[at][c] = t.next[fail[at]][c]
				continue
			}
			fail[to] = t.next[fail[at]][c]
			queue = append(queue, to)
		}
	}
	return t
}

// in reports whether s holds one of the words.
func (t *triggers) in(s string) bool {
	at := int32(0)
	for i := range len(s) {
		if at = t.next[at][s[i]]; t.word[at] {
			return true
		}
	}
	return false
}

// wordsOfAll are the triggers of every known message: of those with several
// words the longest, which is the rarest.
var wordsOfAll = sync.OnceValue(func() *triggers {
	words := []string{prefix}
	for _, k := range knownWords {
		words = append(words, k.word)
	}
	for i := range buildMessages {
		longest := ""
		for _, w := range buildMessages[i].words {
			if len(w) > len(longest) {
				longest = w
			}
		}
		words = append(words, longest)
	}
	return newTriggers(words)
})
