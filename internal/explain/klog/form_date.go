package klog

import "strings"

// stripDate takes off a date and time that stand free: ISO 8601 as dmesg,
// GitHub, GitLab (with its stream "00O"), docker and journalctl write it,
// "May 06 11:02:33" of syslog with or without its parts of a second, weekday
// and year, "09-05 10:53:29.123" of Android, and a time of day alone.
func stripDate(s string, r *Record) (string, bool) {
	n := dateLength(s)
	if n == 0 || n < len(s) && s[n] != ' ' && s[n] != '\t' && s[n] != ']' && s[n] != ':' {
		return s, false
	}
	r.Time = strings.TrimSpace(s[:n])
	return gitlabStream(strings.TrimLeft(s[n:], " \t]:")), true
}

// gitlabStream takes off "00O ", "01E+": which of a job's outputs it was.
func gitlabStream(s string) string {
	if len(s) >= 4 && digits(s[:2]) && (s[2] == 'O' || s[2] == 'E') && (s[3] == ' ' || s[3] == '+') {
		return s[4:]
	}
	return s
}

// dateLength returns how much of s a date and time take, 0 if s begins with none.
func dateLength(s string) int {
	at := 0
	for _, d := range []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"} {
		if strings.HasPrefix(s, d+" ") {
			at = 4
		}
	}
	month := false
	for _, m := range months {
		if strings.HasPrefix(s[at:], m+" ") {
			month = true
		}
	}
	switch {
	case month:
		at += 4
		for at < len(s) && s[at] == ' ' {
			at++
		}
		n := leading(s[at:])
		if n == 0 || n > 2 {
			return 0
		}
		if at += n; at < len(s) && s[at] == ' ' {
			at++
		}
		if n := leading(s[at:]); n == 4 && at+4 < len(s) && s[at+4] == ' ' { // "May 06 2026 11:…"
			at += 5
		}
	default:
		n := calendar(s[at:])
		at += n
		if n > 0 && (at >= len(s) || s[at] != 'T' && s[at] != ' ' && s[at] != '_') {
			return 0
		}
		if n > 0 {
			at++
		}
	}
	n := clock(s[at:])
	if n == 0 {
		return 0
	}
	at += n
	if month && at+5 <= len(s) && s[at] == ' ' && leading(s[at+1:]) == 4 { // "… 10:57:04 2026"
		at += 5
	}
	for _, zone := range []string{" UTC", " CEST", " CET", " GMT", " EST", " PST", " PDT", " EDT"} {
		if strings.HasPrefix(s[at:], zone) {
			return at + len(zone)
		}
	}
	return at
}

// calendar returns the length of "2026-05-06", "2026/05/06", "05-06".
func calendar(s string) int {
	n := leading(s)
	if n != 4 && n != 2 || n == len(s) || s[n] != '-' && s[n] != '/' {
		return 0
	}
	sep, at := s[n], n+1
	if leading(s[at:]) != 2 {
		return 0
	}
	at += 2
	if n == 2 && (at == len(s) || s[at] != sep) {
		return at
	}
	if at == len(s) || s[at] != sep || leading(s[at+1:]) != 2 && leading(s[at+1:]) != 4 {
		return 0
	}
	return at + 1 + leading(s[at+1:])
}

// clock returns the length of "11:02:33", with parts of a second and zone.
func clock(s string) int {
	if len(s) < 8 || leading(s) != 2 || s[2] != ':' || leading(s[3:]) != 2 || s[5] != ':' || leading(s[6:]) != 2 {
		return 0
	}
	at := 8
	if at < len(s) && (s[at] == '.' || s[at] == ',') && leading(s[at+1:]) > 0 {
		at += 1 + leading(s[at+1:])
	}
	switch {
	case at < len(s) && s[at] == 'Z':
		return at + 1
	case at < len(s) && (s[at] == '+' || s[at] == '-'):
		n := leading(s[at+1:])
		if n == 4 || n == 2 && (at+3 >= len(s) || s[at+3] != ':') {
			return at + 1 + n
		}
		if n == 2 && leading(s[at+4:]) == 2 {
			return at + 6
		}
	}
	return at
}
