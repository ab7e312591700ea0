package klog

import "strings"

// stripLogcat takes off what Android's logcat writes of a kernel message: it
// makes the text before the first colon its tag and pads it. threadtime and
// its relatives: "09-05 10:53:29.123     0     0 E BPF     : text"; brief and
// time: "E/BPF     (    0): text". The tag BPF is the message's own prefix and
// is put back.
func stripLogcat(s string, _ *Record) (string, bool) {
	head := s[:min(len(s), 120)]
	if rest, ok := logcatBrief(head); ok {
		return rest + s[len(head):], true
	}
	// Behind date and time: two or three numbers, or a name and two, a level, the tag.
	fields, at := 0, 0
	for fields < 4 {
		word, next := nextWord(head, at)
		if word == "" {
			return s, false
		}
		if fields >= 2 && len(word) == 1 && strings.IndexByte("VDIWEFS", word[0]) >= 0 {
			tag, rest, ok := strings.Cut(head[next:], ":")
			if !ok || len(tag) > 64 {
				return s, false
			}
			return tagged(tag, rest) + s[len(head):], true
		}
		if !digits(word) && fields != 0 {
			return s, false
		}
		fields, at = fields+1, next
	}
	return s, false
}

func nextWord(s string, at int) (word string, next int) {
	for at < len(s) && s[at] == ' ' {
		at++
	}
	next = at
	for next < len(s) && s[next] != ' ' {
		next++
	}
	return s[at:next], next
}

func logcatBrief(s string) (rest string, ok bool) {
	if len(s) < 3 || s[1] != '/' || strings.IndexByte("VDIWEFS", s[0]) < 0 {
		return "", false
	}
	tag, after, ok := strings.Cut(s[2:], "(")
	if !ok {
		return "", false
	}
	pid, rest, ok := strings.Cut(after, "):")
	if !ok || !digits(strings.TrimSpace(pid)) {
		return "", false
	}
	return tagged(tag, rest), true
}

// tagged puts a tag that is part of the kernel's message back before it.
func tagged(tag, rest string) string {
	tag = strings.TrimSpace(tag)
	if tag == "" {
		return strings.TrimPrefix(rest, " ")
	}
	return tag + ":" + rest
}
