package klog

import "strings"

// form is one way in which something marks a line as its own.
type form struct {
	name string
	// strip takes the form off the beginning of s and keeps in r what it says.
	// It leaves s as it is where it does not begin so; a message is never taken
	// for a form.
	strip func(s string, r *Record) (rest string, ok bool)
}

// forms are tried in this order, again and again, until none applies.
var forms = []form{
	{"space", stripSpace},
	{"quote", stripQuote},
	{"level", stripLevel},
	{"facility", stripFacility},
	{"kmsg", stripKmsg},
	{"logcat", stripLogcat},
	{"bracket", stripBracket},
	{"rfc5424", stripRFC5424},
	{"date", stripDate},
	{"kernel", stripKernel},
	{"stream", stripStream},
	{"label", stripLabel},
	{"number", stripNumber},
	{"job", stripJob},
}

// maxForms bounds how many prefixes a line can have.
const maxForms = 24

// strip takes every known form off the beginning of a line.
func strip(s string, r *Record) string {
	for range maxForms {
		found := false
		for i := range forms {
			if rest, ok := forms[i].strip(s, r); ok && len(rest) < len(s) {
				s, found = rest, true
				break
			}
		}
		if !found {
			break
		}
	}
	return s
}

// stripSpace takes off indentation.
func stripSpace(s string, _ *Record) (string, bool) {
	rest := strings.TrimLeft(s, " \t")
	return rest, len(rest) < len(s)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// leading returns how many bytes of s are digits.
func leading(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}
