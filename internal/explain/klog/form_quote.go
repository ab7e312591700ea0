package klog

import "strings"

// stripQuote takes off what mails, Markdown, reviews and trackers put before
// what they quote: ">", ">>", "> >", "|", list marks, a code span's back quote,
// "+" and "-" of a diff. A lone ">" or "|" is taken wherever it stands first;
// the others only before a bracket or a stamp, where no message begins.
func stripQuote(s string, _ *Record) (string, bool) {
	if s == "" {
		return s, false
	}
	for _, mark := range []string{">", "|", "│", "┃", "``", "`"} {
		if rest, ok := strings.CutPrefix(s, mark); ok {
			if mark[0] == '`' {
				rest = strings.TrimRight(rest, "`")
			}
			return rest, true
		}
	}
	switch s[0] {
	case '-', '*', '+', '#', '$':
		rest := strings.TrimLeft(s[1:], " ")
		if rest != "" && (rest[0] == '[' || rest[0] == '<' || rest[0] == '`' || strings.HasPrefix(rest, "BPF:") || leading(rest) > 0) {
			return rest, true
		}
	}
	return s, false
}
