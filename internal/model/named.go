package model

import (
	"fmt"
	"strings"
)

// shownSubjects bounds the subjects that a finding's sentence names.
const shownSubjects = 3

// NameSubjects puts the first three subjects of a finding into its sentence,
// where it does not name them yet, and how many more there are. Done twice it
// changes nothing.
func (f *Finding) NameSubjects() {
	first := f.Subjects[:min(len(f.Subjects), shownSubjects)]
	var missing []string
	for _, s := range first {
		if !namesWord(f.Message, s) {
			missing = append(missing, s)
		}
	}
	if len(missing) == 0 {
		return
	}
	names := strings.Join(missing, ", ")
	if len(missing) < len(first) {
		names = "also " + names
	}
	if more := f.Count - len(first); more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	f.Message += " (" + names + ")"
}

// namesWord reports whether a text holds a name that is not a part of a longer
// one.
func namesWord(text, name string) bool {
	for from := 0; ; {
		i := strings.Index(text[from:], name)
		if i < 0 || name == "" {
			return name == ""
		}
		i += from
		if !nameByte(text, i-1) && !nameByte(text, i+len(name)) {
			return true
		}
		from = i + 1
	}
}

func nameByte(text string, i int) bool {
	if i < 0 || i >= len(text) {
		return false
	}
	c := text[i]
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}
