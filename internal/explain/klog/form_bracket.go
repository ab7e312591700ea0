package klog

import "strings"

// stripBracket takes off what stands in brackets and is a stamp or names who
// printed: "[   12.345678]", "[  +0,001682]", "[Mon Nov 23 10:57:04 2026]",
// "[2026-11-23T10:57:04,1+00:00]", "[  T312]", "[    C0]", "[   9.1 <    0.2>]",
// "[pod/x/y]". A type's "[12]" stays.
func stripBracket(s string, r *Record) (string, bool) {
	if !strings.HasPrefix(s, "[") {
		return s, false
	}
	i := strings.IndexByte(s[:min(len(s), 96)], ']')
	if i < 0 {
		return s, false
	}
	inner := strings.TrimSpace(s[1:i])
	switch c, ok := caller(inner); {
	case ok:
		r.Caller = c
	case uptime(inner) || dated(inner):
		r.Time = inner
		if stamp, c, ok := strings.Cut(inner, " "); ok && uptime(stamp) { // "[ 9.1 T312]"
			if c, ok = caller(c); ok {
				r.Caller = c
			}
		}
	case strings.HasPrefix(inner, "pod/") || strings.HasPrefix(inner, "container/"):
	default:
		return s, false
	}
	return strings.TrimPrefix(s[i+1:], " "), true
}

// caller reads a printk caller, "T312" or "C0", padded or with the task's name
// behind it.
func caller(s string) (string, bool) {
	s = strings.TrimSpace(s)
	if len(s) < 2 || s[0] != 'T' && s[0] != 'C' {
		return "", false
	}
	num := strings.TrimSpace(s[1:])
	n := leading(num)
	if n == 0 || n > 10 || n < len(num) && num[n] != '/' && num[n] != ':' {
		return "", false
	}
	return s[:1] + num[:n], true
}

// callerIn keeps the caller that stands in brackets in a prefix nobody knows.
func callerIn(prefix string, r *Record) {
	for rest := prefix; ; {
		i := strings.IndexByte(rest, '[')
		if i < 0 {
			return
		}
		rest = rest[i+1:]
		j := strings.IndexByte(rest[:min(len(rest), 40)], ']')
		if j < 0 {
			continue
		}
		if c, ok := caller(rest[:j]); ok {
			r.Caller = c
		}
	}
}

// uptime reports whether s is seconds since boot or since the last line:
// "12.345678", "+0,001682", "9.1 <    0.000007>", Android's "9.100000,0" and
// "9.100000@1".
func uptime(s string) bool {
	s = strings.TrimLeft(s, "+<")
	n := leading(strings.TrimLeft(s, " "))
	s = strings.TrimLeft(s, " ")
	if n == 0 || n == len(s) || s[n] != '.' && s[n] != ',' {
		return false
	}
	s = s[n+1:]
	if n = leading(s); n == 0 {
		return false
	}
	rest := strings.TrimSpace(s[n:])
	if rest == "" || rest == ">" {
		return true
	}
	if _, ok := caller(rest); ok {
		return true
	}
	switch rest[0] {
	case '<', '@', ',', '(':
		return len(rest) < 24
	}
	return false
}

var months = []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}

// dated reports whether s is a date with a time of day, and nothing else.
func dated(s string) bool {
	clock := strings.IndexByte(s, ':')
	if clock < 1 || len(s) > 48 || s[clock-1] < '0' || s[clock-1] > '9' || clock+2 >= len(s) || s[clock+1] < '0' || s[clock+1] > '9' {
		return false
	}
	if strings.Count(s, ":") >= 2 {
		return !strings.ContainsAny(s, "_()[]{}\"'=/\\") || leading(s) >= 2 && strings.Count(s, "/") == 2
	}
	for _, m := range months { // "Sep 5 10:53"
		if strings.HasPrefix(s, m+" ") {
			return true
		}
	}
	return false
}
