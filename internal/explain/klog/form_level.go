package klog

import "strings"

// stripLevel takes off the level of dmesg -r and of syslog, "<3>", "<30>",
// also where a web page made entities of it.
func stripLevel(s string, _ *Record) (string, bool) {
	if !strings.HasPrefix(s, "<") {
		return s, false
	}
	i := strings.IndexByte(s[:min(len(s), 6)], '>')
	if i < 2 || !digits(s[1:i]) {
		return s, false
	}
	return s[i+1:], true
}

var facilities = map[string]bool{"kern": true, "user": true, "mail": true, "daemon": true, "auth": true, "syslog": true, "lpr": true, "news": true,
	"uucp": true, "cron": true, "authpriv": true, "ftp": true, "local0": true, "local1": true, "local2": true, "local3": true, "local4": true,
	"local5": true, "local6": true, "local7": true}

var levels = map[string]bool{"emerg": true, "alert": true, "crit": true, "err": true, "error": true, "warn": true, "warning": true, "notice": true, "info": true, "debug": true}

// stripFacility takes off what dmesg -x writes, "kern  :err   : ", and
// busybox's syslogd, "kern.err ".
func stripFacility(s string, _ *Record) (string, bool) {
	head := s[:min(len(s), 24)]
	i := strings.IndexAny(head, ":.")
	if i < 0 || !facilities[strings.TrimRight(head[:i], " ")] {
		return s, false
	}
	if head[i] == '.' {
		j := strings.IndexByte(head[i:], ' ')
		if j < 0 || !levels[head[i+1:i+j]] {
			return s, false
		}
		return s[i+j+1:], true
	}
	j := strings.IndexByte(head[i+1:], ':')
	if j < 0 || !levels[strings.TrimSpace(head[i+1:i+1+j])] {
		return s, false
	}
	return strings.TrimPrefix(s[i+j+2:], " "), true
}
