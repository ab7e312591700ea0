package document

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"

	"kpkg-btf/internal/where"
)

// maxDepth bounds the nesting of values; the deepest document of ours has 9.
const maxDepth = 32

// MaxInt is the largest integer that every JSON reader keeps (RFC 8259 §6).
const MaxInt = 1<<53 - 1

// scanner walks one JSON text. After the first error, which err keeps, every
// method does nothing, returns zero values, and every loop ends.
type scanner struct {
	data  []byte
	off   int // of what comes next
	at    int // where the value that was read last begins
	depth int
	err   error
	// must are paths of members ("releases.modules.action") that must be
	// understood.
	must map[string]bool
	// passed are those that were passed over, where must may still come.
	passed map[string]bool
	// shared holds strings that were read: many repeat.
	shared [1024]string
}

// fail records the first error, at a byte offset.
func (s *scanner) fail(kind where.Kind, off int, format string, args ...any) {
	if s.err != nil {
		return
	}
	off = max(0, min(off, len(s.data)))
	line := 1 + bytes.Count(s.data[:off], []byte{'\n'})
	col := off - bytes.LastIndexByte(s.data[:off], '\n')
	s.err = where.New(kind, "line %d column %d: %s", line, col, fmt.Sprintf(format, args...)).At(int64(off))
}

// malformed is fail at the last value.
func (s *scanner) malformed(format string, args ...any) {
	s.fail(where.Malformed, s.at, format, args...)
}

// peek skips blanks and returns the next byte, 0 at the end.
func (s *scanner) peek() byte {
	for s.off < len(s.data) {
		switch c := s.data[s.off]; c {
		case ' ', '\t', '\r', '\n':
			s.off++
		default:
			return c
		}
	}
	return 0
}

// value begins a value: what follows is reported at its place.
func (s *scanner) value() byte {
	c := s.peek()
	s.at = s.off
	if s.err != nil {
		return 0
	}
	if s.off == len(s.data) {
		s.fail(where.Malformed, s.off, "the text ends too early: truncated?")
	}
	return c
}

// take reads one byte of punctuation.
func (s *scanner) take(c byte) {
	if s.err != nil {
		return
	}
	switch s.peek() {
	case c:
		s.off++
	case 0:
		s.fail(where.Malformed, s.off, "the text ends too early: truncated?")
	default:
		s.fail(where.Malformed, s.off, "want %q", rune(c))
	}
}

// open reads the opening bracket of a container.
func (s *scanner) open(bracket byte, p *path) bool {
	if c := s.value(); c != bracket {
		s.malformed("%swant %s", in(p), map[byte]string{'{': "an object", '[': "an array"}[bracket])
		return false
	}
	if s.depth++; s.depth > maxDepth {
		s.fail(where.Limit, s.off, "nested more than %d deep", maxDepth)
		return false
	}
	s.off++
	return true
}

// more reports whether a container has another element, the i-th; at its end
// it reads the closing bracket.
func (s *scanner) more(i int, closing byte) bool {
	if s.err != nil {
		return false
	}
	switch c := s.peek(); {
	case c == closing:
		s.off++
		s.depth--
		return false
	case i > 0:
		s.take(',')
		if c := s.peek(); c == closing {
			s.fail(where.Malformed, s.off, "a comma before the end")
		}
	}
	return s.err == nil
}

// key reads a member's name and the colon behind it. Its bytes are of the text,
// valid until the next is read.
func (s *scanner) key() []byte {
	if s.value() != '"' {
		s.malformed("want the name of a member")
		return nil
	}
	raw, plain := s.quoted()
	s.take(':')
	if s.err != nil {
		return nil
	}
	if !plain {
		return []byte(s.unescape(raw))
	}
	return raw
}

// text reads a string.
func (s *scanner) text(p *path) string {
	if c := s.value(); c != '"' {
		s.malformed("%swant a string", in(p))
		return ""
	}
	raw, plain := s.quoted()
	switch {
	case s.err != nil:
		return ""
	case !plain:
		return s.unescape(raw)
	case len(raw) == 0 || len(raw) > 64:
		return string(raw)
	}
	h := uint(len(raw))*31 + uint(raw[0])*7 + uint(raw[len(raw)/2])*131 + uint(raw[len(raw)-1])*1021
	word := &s.shared[h%uint(len(s.shared))]
	if *word != string(raw) {
		*word = string(raw)
	}
	return *word
}

// quoted finds the end of a string; plain reports whether it has no escapes.
func (s *scanner) quoted() (raw []byte, plain bool) {
	plain = true
	for i := s.off + 1; i < len(s.data); i++ {
		switch c := s.data[i]; {
		case c == '"':
			raw = s.data[s.off+1 : i]
			s.off = i + 1
			return raw, plain
		case c == '\\':
			plain = false
			i++
		case c < 0x20:
			s.fail(where.Malformed, i, "a control character in a string")
			return nil, plain
		}
	}
	s.fail(where.Malformed, len(s.data), "the text ends too early: truncated?")
	return nil, plain
}

var escapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// unescape resolves escapes. Half of a surrogate pair is no character.
func (s *scanner) unescape(raw []byte) string {
	out := make([]byte, 0, len(raw))
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' {
			out = append(out, raw[i])
			continue
		}
		i++ // quoted has seen that something follows
		if c := escapes[raw[i]]; c != 0 {
			out = append(out, c)
			continue
		}
		if raw[i] != 'u' || i+4 >= len(raw) {
			s.malformed("a string with the unknown escape \\%c", raw[i])
			return ""
		}
		r, ok := unit(raw[i+1:])
		i += 4
		if ok && utf16.IsSurrogate(r) && i+2 < len(raw) && raw[i+1] == '\\' && raw[i+2] == 'u' {
			low, _ := unit(raw[i+3:])
			r = utf16.DecodeRune(r, low)
			ok = r != utf8.RuneError
			i += 6
		}
		if !ok || utf16.IsSurrogate(r) {
			s.malformed("a string with a broken escape")
			return ""
		}
		out = utf8.AppendRune(out, r)
	}
	return string(out)
}

// unit reads the four digits of an escape.
func unit(digits []byte) (rune, bool) {
	if len(digits) < 4 {
		return 0, false
	}
	n, err := strconv.ParseUint(string(digits[:4]), 16, 16)
	return rune(n), err == nil
}

// word reads a literal: letters and what numbers are made of.
func (s *scanner) word() []byte {
	s.value()
	i := s.off
	for i < len(s.data) {
		c := s.data[i]
		if c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'E' {
			i++
			continue
		}
		break
	}
	w := s.data[s.off:i]
	if s.err == nil {
		s.off = i
	}
	return w
}

// null reads a null, if one comes.
func (s *scanner) null() bool {
	if s.value() != 'n' || s.err != nil || !bytes.HasPrefix(s.data[s.off:], []byte("null")) {
		return false
	}
	s.off += 4
	return true
}

func (s *scanner) boolean(p *path) bool {
	switch string(s.word()) {
	case "true":
		return true
	case "false":
		return false
	}
	s.malformed("%swant true or false", in(p))
	return false
}

// integer reads a plain integer: no fraction, no exponent, no zero before it.
func (s *scanner) integer(p *path) int64 {
	w := s.word()
	digits := bytes.TrimPrefix(w, []byte("-"))
	n, err := strconv.ParseUint(string(digits), 10, 64)
	if err != nil || n > MaxInt || len(digits) > 1 && digits[0] == '0' || len(digits) < len(w) && n == 0 {
		s.malformed("%swant an integer of at most %d", in(p), int64(MaxInt))
		return 0
	}
	if len(digits) < len(w) {
		return -int64(n)
	}
	return int64(n)
}

// unknown skips the value of a member of a later minor version, unless that
// member must be understood.
func (s *scanner) unknown(p *path) {
	if path := p.String(); s.must[path] {
		s.fail(where.Unsupported, s.at, "member %q must be understood and is not known to this version", path)
		return
	} else if s.passed != nil {
		s.passed[path] = true
	}
	s.skip()
}

// skip reads one value of any form, with all rules but those of members.
func (s *scanner) skip() {
	switch c := s.value(); c {
	case '{':
		keys := map[string]bool{}
		for i := 0; (i > 0 || s.open('{', nil)) && s.more(i, '}'); i++ {
			k := string(s.key())
			if keys[k] {
				s.malformed("member %q twice", k)
			}
			keys[k] = true
			s.skip()
		}
	case '[':
		for i := 0; (i > 0 || s.open('[', nil)) && s.more(i, ']'); i++ {
			s.skip()
		}
	case '"':
		s.text(nil)
	case 't', 'f':
		s.boolean(nil)
	case 'n':
		if !s.null() {
			s.malformed("not JSON")
		}
	default:
		s.integer(nil)
	}
}

// end fails when anything but blanks follows the document.
func (s *scanner) end() {
	if s.peek() != 0 || s.off < len(s.data) {
		s.fail(where.Malformed, s.off, "data after the document")
	}
}

// path is the way to a value, the innermost name first.
type path struct {
	up   *path
	name string
}

// String is the names from the document down: "releases.modules.action".
func (p *path) String() string {
	if p == nil {
		return ""
	}
	if up := p.up.String(); up != "" {
		return up + "." + p.name
	}
	return p.name
}

// in is the path before a complaint.
func in(p *path) string {
	if s := p.String(); s != "" {
		return s + ": "
	}
	return ""
}
