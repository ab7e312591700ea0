package klog

import (
	"html"
	"strings"
)

// clean takes out of a line what only a terminal or a browser needs: colours
// and other control sequences, also as journald, rsyslog and cat -v write
// them, characters that a backspace took back, no-break and zero-width
// spaces, HTML. Tabs stay.
func clean(s string) string {
	if strings.Contains(s, "\x1b") || strings.Contains(s, "^[[") || strings.Contains(s, "#033[") || strings.Contains(s, "[0m") || strings.Contains(s, `\033[`) || strings.Contains(s, `\x1b[`) || strings.Contains(s, "\u009b") {
		s = sequences(s)
	}
	plain := true
	for i := range len(s) {
		if c := s[i]; c >= 0x80 || c == '&' || c == '<' || c < ' ' && c != '\t' && c != '\n' || c == 0x7f {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	if strings.Contains(s, "&") && strings.Contains(s, ";") {
		s = html.UnescapeString(s)
	}
	if strings.Contains(s, "<") {
		s = tags(s)
	}
	return spaces(s)
}

// sequences drops control sequences of ECMA-48: CSI with its parameters, OSC
// up to BEL or ST, and two-character ones. The escape character may be there
// in words, or be lost.
func sequences(s string) string {
	for _, esc := range []string{"^[[", "#033[", "\u009b"} {
		s = strings.ReplaceAll(s, esc, "\x1b[")
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		switch {
		case s[i] == 0x1b && i+1 < len(s) && s[i+1] == '[':
			i = afterParameters(s, i+2)
		case s[i] == 0x1b && i+1 < len(s) && s[i+1] == ']':
			i = afterString(s, i+2)
		case s[i] == 0x1b && i+1 < len(s) && strings.IndexByte("()*+ #%", s[i+1]) >= 0:
			i += 3
		case s[i] == 0x1b:
			i += 2
		case s[i] == '\\' && (i == 0 || s[i-1] != '\\') && (strings.HasPrefix(s[i:], `\033[`) || strings.HasPrefix(s[i:], `\x1b[`)):
			i = afterParameters(s, i+5)
		case s[i] == '[' && bareColour(s[i:]) > 0 && !escaped(s[:i]):
			i += bareColour(s[i:])
		default:
			b.WriteByte(s[i])
			i++
		}
	}
	return b.String()
}

// escaped reports whether s ends in a JSON escape of the escape character:
// the sequence is taken out once the string is read.
func escaped(s string) bool {
	return strings.HasSuffix(s, "001b") || strings.HasSuffix(s, "001B") || strings.HasSuffix(s, "x1b") || strings.HasSuffix(s, "033")
}

func afterParameters(s string, i int) int {
	for i < len(s) && s[i] >= 0x20 && s[i] <= 0x3f {
		i++
	}
	return i + 1
}

func afterString(s string, i int) int {
	for ; i < len(s); i++ {
		if s[i] == 7 {
			return i + 1
		}
		if s[i] == 0x1b {
			return i + 2
		}
	}
	return i
}

// bareColour returns the length of "[0;33m", a colour whose escape character
// somebody dropped.
func bareColour(s string) int {
	for i := 1; i < len(s) && i < 12; i++ {
		switch c := s[i]; {
		case c == 'm' && i > 1:
			return i + 1
		case c != ';' && (c < '0' || c > '9'):
			return 0
		}
	}
	return 0
}

// spaces makes plain spaces of those that are not, of a no-break space beside
// a plain one none (web pages put one in to keep the other), drops what has no
// width, and undoes backspaces.
func spaces(s string) string {
	out := make([]rune, 0, len(s))
	wide := false // the last rune was a no-break space
	for _, r := range s {
		switch r {
		case '\u00a0', '\u2007', '\u202f', '\u2009', '\u2002', '\u2003', '\u3000':
			out, wide = append(out, ' '), true
			continue
		case ' ':
			if wide {
				wide = false
				continue
			}
			out = append(out, ' ')
		case '\b', 0x7f:
			if len(out) > 0 {
				out = out[:len(out)-1]
			}
		case '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\u200e', '\u200f':
		default:
			if r == '\t' || r == '\n' || r >= ' ' {
				out = append(out, r)
			}
		}
		wide = false
	}
	return string(out)
}

// webTags are the elements that web pages put around or into a log.
var webTags = []string{"br", "span", "pre", "code", "p", "div", "td", "tr", "th", "table", "tbody", "font", "b", "i", "tt", "li", "ul", "a", "mark", "em", "strong", "wbr"}

func tags(s string) string {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '<')
		if i < 0 {
			break
		}
		end := strings.IndexByte(s[i:], '>')
		if end < 0 {
			break
		}
		name := strings.TrimPrefix(s[i+1:i+end], "/")
		if j := strings.IndexAny(name, " /"); j >= 0 {
			name = name[:j]
		}
		known := false
		for _, t := range webTags {
			known = known || strings.EqualFold(name, t)
		}
		if known {
			b.WriteString(s[:i])
		} else {
			b.WriteString(s[:i+end+1])
		}
		s = s[i+end+1:]
	}
	b.WriteString(s)
	return b.String()
}
