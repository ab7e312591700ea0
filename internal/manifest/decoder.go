package manifest

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/where"
)

// decoder walks the tokens of one JSON text and is stricter than encoding/json:
// no member twice, no fractions, no text that is not UTF-8. After the first
// error every method does nothing and gives zero values, and every loop ends.
type decoder struct {
	data  []byte
	json  *json.Decoder
	err   error
	start int64 // offset where the last token was looked for
	b64   bool  // the member being read is the _b64 form of its key

	must map[string]bool   // fields that must_understand names
	pool map[string]string // words that repeat
}

// maxDepth bounds the nesting of what is skipped; ours is 4 deep.
const maxDepth = 32

func newDecoder(data []byte) *decoder {
	d := &decoder{data: data, json: json.NewDecoder(bytes.NewReader(data)), pool: map[string]string{}}
	d.json.UseNumber()
	return d
}

// fail records the first error, at a byte offset.
func (d *decoder) fail(kind where.Kind, off int64, format string, args ...any) {
	if d.err != nil {
		return
	}
	off = max(0, min(off, int64(len(d.data))))
	line := 1 + bytes.Count(d.data[:off], []byte{'\n'})
	col := int(off) - bytes.LastIndexByte(d.data[:off], '\n')
	d.err = where.New(kind, "line %d column %d: %s", line, col, fmt.Sprintf(format, args...)).At(off)
}

func (d *decoder) malformed(format string, args ...any) {
	d.fail(where.Malformed, d.tokenAt(), format, args...)
}

// tokenAt is the offset of the last token itself, behind blanks and
// punctuation.
func (d *decoder) tokenAt() int64 {
	off := d.start
	for off < int64(len(d.data)) && strings.IndexByte(" \t\r\n,:", d.data[off]) >= 0 {
		off++
	}
	return off
}

// token gives the next token; nil after an error (or for null, which no field
// allows).
func (d *decoder) token() json.Token {
	if d.err != nil {
		return nil
	}
	d.start = d.json.InputOffset()
	t, err := d.json.Token()
	if err != nil {
		d.syntax(err)
		return nil
	}
	if _, ok := t.(string); ok {
		d.checkEscapes(d.data[d.start:d.json.InputOffset()])
	}
	return t
}

func (d *decoder) syntax(err error) {
	var se *json.SyntaxError
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		d.fail(where.Malformed, int64(len(d.data)), "the text ends too early: truncated?")
	case errors.As(err, &se):
		d.fail(where.Malformed, d.tokenAt(), "not JSON: %v", se)
	default:
		d.fail(where.Malformed, d.tokenAt(), "not JSON: %v", err)
	}
}

// checkEscapes refuses \u escapes of surrogates: encoding/json makes U+FFFD of
// a lone one without a word, and the canonical form needs none.
func (d *decoder) checkEscapes(raw []byte) {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+3 >= len(raw) {
			continue
		}
		i++
		if raw[i] == 'u' && raw[i+1]|0x20 == 'd' && raw[i+2] >= '8' {
			d.malformed("escape of a surrogate")
			return
		}
	}
}

// open reads the opening delimiter of an object or array.
func (d *decoder) open(want json.Delim) bool {
	t := d.token()
	if d.err == nil && t != want {
		d.malformed("want %q", rune(want))
	}
	return d.err == nil
}

// more says whether the object or array goes on; else it reads its end.
func (d *decoder) more() bool {
	if d.err != nil {
		return false
	}
	if d.json.More() {
		return true
	}
	d.token()
	return false
}

// object reads an object; field gets each key and reads the value, or gives
// false for one that it does not know. name is the path for must_understand.
func (d *decoder) object(name string, field func(key string) bool) {
	if !d.open('{') {
		return
	}
	seen := make(map[string]bool, 8)
	for d.more() {
		key, ok := d.token().(string)
		if !ok {
			d.malformed("want a key")
			return
		}
		plain := strings.TrimSuffix(key, "_b64")
		if seen[plain] {
			d.malformed("member %q twice", key)
			return
		}
		seen[plain] = true
		d.b64 = plain != key
		if !field(plain) {
			d.b64 = false
			d.unknown(path2(name, key))
		}
		if d.b64 {
			d.malformed("member %q is not text", key)
		}
	}
}

func path2(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

// unknown skips a field of a later minor version, unless it matters.
func (d *decoder) unknown(name string) {
	if d.must[name] {
		d.fail(where.Unsupported, d.tokenAt(), "field %q must be understood and is not known to this version", name)
		return
	}
	d.skip()
}

// skip reads one value of any form, with all rules but those of fields.
func (d *decoder) skip() {
	type level struct{ keys map[string]bool }
	var stack []level
	for {
		wantKey := len(stack) > 0 && stack[len(stack)-1].keys != nil
		if len(stack) > 0 && !d.more() {
			stack = stack[:len(stack)-1]
			if len(stack) == 0 || d.err != nil {
				return
			}
			continue
		}
		if wantKey {
			key, _ := d.token().(string)
			keys := stack[len(stack)-1].keys
			if keys[key] {
				d.malformed("member %q twice", key)
				return
			}
			keys[key] = true
		}
		switch t := d.token(); t {
		case json.Delim('{'):
			stack = append(stack, level{keys: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		default:
			if n, ok := t.(json.Number); ok {
				d.integer(n)
			}
		}
		if len(stack) > maxDepth {
			d.fail(where.Limit, d.tokenAt(), "nested more than %d deep", maxDepth)
		}
		if len(stack) == 0 || d.err != nil {
			return
		}
	}
}

// array reads an array; element reads each value.
func (d *decoder) array(element func(i int)) {
	if !d.open('[') {
		return
	}
	for i := 0; d.more(); i++ {
		element(i)
	}
}

// text reads the string of a member, from base64 when it is the _b64 form.
func (d *decoder) text() string {
	b64 := d.b64
	d.b64 = false
	s, ok := d.token().(string)
	switch {
	case d.err != nil:
		return ""
	case !ok:
		d.malformed("want a string")
		return ""
	case b64:
		return d.unbase64(s)
	}
	return s
}

func (d *decoder) unbase64(s string) string {
	out, err := base64.StdEncoding.Strict().DecodeString(s)
	switch {
	case err != nil:
		d.malformed("not base64")
	case utf8.Valid(out):
		d.malformed("base64 of what is plain text")
	}
	return string(out)
}

// word is text that repeats in the document: equal ones share their bytes.
func (d *decoder) word() string {
	return d.intern(d.text())
}

func (d *decoder) intern(s string) string {
	if shared, ok := d.pool[s]; ok {
		return shared
	}
	d.pool[s] = s
	return s
}

// element reads a string that stands in an array, plain or {"b64": "…"}.
func (d *decoder) element() string {
	t := d.token()
	if s, ok := t.(string); ok {
		return s
	}
	if t != json.Delim('{') {
		d.malformed("want a string")
		return ""
	}
	if key, _ := d.token().(string); key != "b64" {
		d.malformed(`want {"b64": …}`)
		return ""
	}
	s, ok := d.token().(string)
	if !ok {
		d.malformed("want a string")
		return ""
	}
	out := d.unbase64(s)
	if d.more() {
		d.malformed(`want only "b64"`)
	}
	return out
}

func (d *decoder) strings() (out []string) {
	d.array(func(int) { out = append(out, d.intern(d.element())) })
	return out
}

// sortedStrings reads a set of strings.
func (d *decoder) sortedStrings() (out []string) {
	d.array(func(i int) {
		out = append(out, d.intern(d.element()))
		if i > 0 {
			d.inOrder(strings.Compare(out[i-1], out[i]))
		}
	})
	return out
}

func (d *decoder) inOrder(c int) {
	if msg := orderFault(c); msg != "" {
		d.malformed("%s", msg)
	}
}

func (d *decoder) number() int64 {
	n, ok := d.token().(json.Number)
	if !ok {
		d.malformed("want an integer")
		return 0
	}
	return d.integer(n)
}

// integer wants a plain integer from 0 to maxInt: no sign, fraction, exponent.
func (d *decoder) integer(n json.Number) int64 {
	v, err := strconv.ParseUint(string(n), 10, 64)
	if err != nil || v > maxInt {
		d.malformed("number is not an integer from 0 to %d", int64(maxInt))
		return 0
	}
	return int64(v)
}

func (d *decoder) boolean() bool {
	b, ok := d.token().(bool)
	if !ok {
		d.malformed("want true or false")
	}
	return b
}

func (d *decoder) sum() (sum [32]byte) {
	s, ok := d.token().(string)
	if !ok || len(s) != 64 || strings.ToLower(s) != s {
		d.malformed("want 64 lower-case hexadecimal digits")
		return sum
	}
	if _, err := hex.Decode(sum[:], []byte(s)); err != nil {
		d.malformed("want 64 lower-case hexadecimal digits")
	}
	return sum
}
