package klog

import "strings"

// stripNumber takes off line numbers: grep -n ("1200:", "1200-", "boot.log:1200:"),
// less -N and cat -n ("  1200  "), paste sites ("12.", "12|", "#12"). A number
// without a mark counts only before a bracket, a level or "BPF:".
func stripNumber(s string, _ *Record) (string, bool) {
	head := s
	if file, after, ok := strings.Cut(s[:min(len(s), 256)], ":"); ok && looksLikeFile(file) {
		if n := leading(after); n > 0 && n < len(after) && (after[n] == ':' || after[n] == '-') {
			return s[len(file)+1+n+1:], true
		}
		if strings.HasPrefix(strings.TrimLeft(after, " "), "[") || strings.HasPrefix(after, "BPF:") {
			return s[len(file)+1:], true // grep -H without -n
		}
	}
	head = strings.TrimPrefix(head, "#")
	n := leading(head)
	if n == 0 || n > 9 || n == len(head) {
		return s, false
	}
	rest := head[n:]
	switch rest[0] {
	case ':', '|', '\t', ')':
		return rest[1:], true
	case '-', '.':
		if len(rest) > 1 && leading(rest[1:]) == 0 {
			return rest[1:], true
		}
	case ' ':
		rest = strings.TrimLeft(rest, " ")
		if strings.HasPrefix(rest, "[") || strings.HasPrefix(rest, "<") || strings.HasPrefix(rest, "BPF:") || strings.HasPrefix(rest, "|") || dateLength(rest) > 0 {
			return rest, true
		}
	case '[', '<', 'B':
		if rest[0] != 'B' || strings.HasPrefix(rest, "BPF:") {
			return rest, true
		}
	}
	return s, false
}

// looksLikeFile reports whether s is a path or has a file's ending of a log.
func looksLikeFile(s string) bool {
	if s == "" || strings.ContainsAny(s, " \t[]()'\"<>") {
		return false
	}
	return strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasSuffix(s, ".log") || strings.HasSuffix(s, ".txt") || strings.HasSuffix(s, ".out") ||
		strings.Contains(s, ".log.") || s == "dmesg" || s == "messages" || s == "syslog" || s == "kern" || strings.Contains(s, "dmesg")
}
