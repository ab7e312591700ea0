package klog

import "strings"

// stripRFC5424 takes off "1 2026-05-06T11:02:33.1Z host kernel - - - ", what a
// syslog daemon sends after the level: version, stamp, host, program, process,
// message id, structured data, perhaps a byte order mark.
func stripRFC5424(s string, r *Record) (string, bool) {
	rest, ok := strings.CutPrefix(s, "1 ")
	if !ok {
		return s, false
	}
	stamp, rest, ok := strings.Cut(rest, " ")
	if !ok || stamp != "-" && dateLength(stamp) != len(stamp) {
		return s, false
	}
	program := ""
	for i := range 4 {
		var word string
		if word, rest, ok = strings.Cut(rest, " "); !ok {
			return s, false
		}
		if i == 1 {
			program = word
		}
	}
	switch {
	case strings.HasPrefix(rest, "- "), rest == "-":
		rest = strings.TrimPrefix(rest[1:], " ")
	case strings.HasPrefix(rest, "["):
		if i := strings.Index(rest, "] "); i >= 0 {
			rest = rest[i+2:]
		}
	}
	r.Time = stamp
	if program != "kernel" && program != "-" {
		return program + ": " + rest, true
	}
	return rest, true
}

// stripKernel takes off host and sender of syslog and journalctl, "host
// kernel: ", which may stand behind anything.
func stripKernel(s string, r *Record) (string, bool) {
	for _, sender := range []string{"kernel:", "kernel[0]:", "kern:"} {
		i := strings.Index(s[:min(len(s), 160)], sender)
		if i < 0 || i > 0 && s[i-1] != ' ' && s[i-1] != '\t' || strings.Count(strings.TrimSpace(s[:i]), " ") > 6 {
			continue
		}
		rest := s[i+len(sender):]
		if rest != "" && rest[0] != ' ' {
			continue
		}
		callerIn(s[:i], r)
		return strings.TrimPrefix(rest, " "), true
	}
	return s, false
}
