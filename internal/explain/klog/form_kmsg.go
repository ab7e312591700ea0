package klog

import "strings"

// stripKmsg takes off the head of a record of /dev/kmsg and of extended
// netconsole, "3,1200,9073165,-,caller=T312;" (Documentation/ABI/testing/
// dev-kmsg, Documentation/networking/netconsole.rst): level, sequence number,
// microseconds, flags, then key=value pairs; netconsole may put the release
// before it ("6.4.0,3,…").
func stripKmsg(s string, r *Record) (string, bool) {
	head, _, ok := strings.Cut(s[:min(len(s), 200)], ";")
	if !ok {
		return s, false
	}
	fields := strings.Split(head, ",")
	if len(fields) > 4 && !digits(fields[0]) && digits(fields[1]) && leading(fields[0]) > 0 {
		fields = fields[1:]
	}
	if len(fields) < 4 || !digits(fields[0]) || !digits(fields[1]) || !digits(fields[2]) || len(fields[3]) > 1 {
		return s, false
	}
	for _, f := range fields[4:] {
		if c, ok := strings.CutPrefix(f, "caller="); ok {
			if c, ok = caller(c); ok {
				r.Caller = c
			}
		}
	}
	r.Time = fields[2]
	return s[len(head)+1:], true
}
