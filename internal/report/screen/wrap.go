package screen

import (
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/where"
)

// Wrap cuts a paragraph at blanks into lines of at most rest columns, the
// first of at most first. A word that is longer than a line is cut, at a slash
// or comma where it has one, else at a hyphen. Control characters are cleaned.
func Wrap(text string, first, rest int) []string {
	var lines []string
	line, room := "", max(first, 1)
	rest = max(rest, 1)
	for _, word := range unbroken(strings.Fields(text), rest) {
		word = where.Clean(word)
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) <= room {
			line += " " + word
			continue
		}
		if line != "" {
			lines = append(lines, line)
			line, room = "", rest
		}
		if utf8.RuneCountInString(word) > room && len(lines) == 0 && room < rest {
			lines = append(lines, "") // the first line is the short one
			room = rest
		}
		parts := breakLong(word, room)
		lines = append(lines, parts[:len(parts)-1]...)
		if line = parts[len(parts)-1]; len(parts) > 1 {
			room = rest
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// unbroken joins the words of a shell's substitution, "$(modinfo -n X)", where they
// fit into one line: broken, a shell would read two commands.
func unbroken(words []string, width int) []string {
	var out []string
	for len(words) > 0 {
		n, open := 1, 0
		if strings.Contains(words[0], "$(") {
			open = parentheses(words[0])
		}
		for open > 0 && n < len(words) {
			open += parentheses(words[n])
			n++
		}
		if whole := strings.Join(words[:n], " "); open == 0 && utf8.RuneCountInString(whole) <= width {
			out, words = append(out, whole), words[n:]
			continue
		}
		out, words = append(out, words[0]), words[1:]
	}
	return out
}

// parentheses are those that a word opens, less those that it closes.
func parentheses(word string) int { return strings.Count(word, "(") - strings.Count(word, ")") }

// breakLong cuts a text into pieces of at most width columns.
func breakLong(text string, width int) []string {
	var out []string
	width = max(width, 1)
	for utf8.RuneCountInString(text) > width {
		runes := []rune(text)
		at := cutAfter(runes[:width], "/, ")
		if at == width {
			at = cutAfter(runes[:width], "-")
		}
		out = append(out, string(runes[:at]))
		text = string(runes[at:])
	}
	return append(out, text)
}

// cutAfter is the place after the last of some marks in the second half of a
// text, its end where there is none.
func cutAfter(text []rune, marks string) int {
	for i := len(text) - 1; i > len(text)/2; i-- {
		if strings.ContainsRune(marks, text[i]) {
			return i + 1
		}
	}
	return len(text)
}

// commandLines lays the words of a command out in lines of at most width
// columns; all but the last end in a backslash.
func commandLines(words []string, width int) []string {
	var lines []string
	line := ""
	for _, w := range words {
		w = Quote(w)
		switch {
		case line == "":
			line = w
		case utf8.RuneCountInString(line)+utf8.RuneCountInString(w)+3 <= width:
			line += " " + w
		default:
			lines = append(lines, line+` \`)
			line = "  " + w
		}
	}
	return append(lines, line)
}

// Quote returns a word as a POSIX shell reads it back.
func Quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./=:,+@%^…", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	if word == "" {
		return "''"
	}
	return "'" + strings.ReplaceAll(where.Clean(word), "'", `'\''`) + "'"
}

// Sentence begins a text with a capital, where it begins with a plain word,
// and ends it with a full stop.
func Sentence(text string) string {
	text = strings.TrimSpace(text)
	if text == "" {
		return ""
	}
	first, _, _ := strings.Cut(text, " ")
	if c := first[0]; c >= 'a' && c <= 'z' && !strings.ContainsAny(strings.TrimRight(first, ",;"), "._/0123456789:=") {
		text = string(c-'a'+'A') + text[1:]
	}
	if strings.ContainsAny(text[len(text)-1:], ".!?") {
		return text
	}
	return text + "."
}
