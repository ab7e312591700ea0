package manifest

import (
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"unicode/utf8"
)

// encoder writes canonical JSON: members in the order of the calls, nothing
// that is empty. first is set where the next member needs no comma.
type encoder struct {
	b     []byte
	first bool
}

func (e *encoder) open(c byte) {
	e.b = append(e.b, c)
	e.first = true
}

func (e *encoder) close(c byte) {
	e.b = append(e.b, c)
	e.first = false
}

func (e *encoder) comma() {
	if !e.first {
		e.b = append(e.b, ',')
	}
	e.first = false
}

// key begins a member of an object within a line.
func (e *encoder) key(k string) {
	e.comma()
	e.b = appendQuoted(e.b, k)
	e.b = append(e.b, ':')
}

// top begins a member of the document itself, on its own line.
func (e *encoder) top(k string) {
	e.comma()
	e.b = append(e.b, '\n')
	e.b = appendQuoted(e.b, k)
	e.b = append(e.b, ": "...)
}

// item begins an element of a list that has one element a line.
func (e *encoder) item() {
	e.comma()
	e.b = append(e.b, '\n')
}

func (e *encoder) str(k, v string) {
	switch {
	case v == "":
	case utf8.ValidString(v):
		e.key(k)
		e.b = appendQuoted(e.b, v)
	default:
		e.key(k + "_b64")
		e.base64(v)
	}
}

// topStr is str for a member of the document.
func (e *encoder) topStr(k, v string) {
	switch {
	case v == "":
	case utf8.ValidString(v):
		e.top(k)
		e.b = appendQuoted(e.b, v)
	default:
		e.top(k + "_b64")
		e.base64(v)
	}
}

// element is a string in an array.
func (e *encoder) element(v string) {
	e.comma()
	if utf8.ValidString(v) {
		e.b = appendQuoted(e.b, v)
		return
	}
	e.b = append(e.b, `{"b64":`...)
	e.base64(v)
	e.b = append(e.b, '}')
}

func (e *encoder) base64(v string) {
	e.b = append(e.b, '"')
	e.b = base64.StdEncoding.AppendEncode(e.b, []byte(v))
	e.b = append(e.b, '"')
}

func (e *encoder) strs(k string, vs []string) {
	if len(vs) == 0 {
		return
	}
	e.key(k)
	e.open('[')
	for _, v := range vs {
		e.element(v)
	}
	e.close(']')
}

func (e *encoder) num(k string, v int64) {
	if v != 0 {
		e.key(k)
		e.b = strconv.AppendInt(e.b, v, 10)
	}
}

func (e *encoder) flag(k string, v bool) {
	if v {
		e.key(k)
		e.b = append(e.b, "true"...)
	}
}

func (e *encoder) sum(k string, v [32]byte) {
	if v != ([32]byte{}) {
		e.key(k)
		e.b = append(e.b, '"')
		e.b = hex.AppendEncode(e.b, v[:])
		e.b = append(e.b, '"')
	}
}

const hexDigits = "0123456789abcdef"

// appendQuoted writes a JSON string of valid UTF-8. Beside what JSON demands it
// escapes what a terminal may act upon: DEL, C1 controls, the bidirectional
// marks and the line separators, so that a manifest is safe to look at.
func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r < 0x20, r >= 0x7f && r < 0xa0, r == '\u200e', r == '\u200f', r >= '\u2028' && r <= '\u202e',
			r >= '\u2066' && r <= '\u2069':
			b = append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
