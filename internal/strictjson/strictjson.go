// Package strictjson walks the tokens of one JSON text and is stricter than
// encoding/json: no member twice, no fractions, no lone surrogates, nothing
// after the document. Every error says line and column. It is the floor of the
// readers of this project's documents; what a document holds is theirs.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"kpkg-btf/internal/where"
)

// MaxDepth bounds the nesting of values; the deepest document of ours has 7.
const MaxDepth = 32

// MaxInt is the largest integer that every JSON reader keeps (RFC 8259 §6).
const MaxInt = 1<<53 - 1

// Reader reads Data token by token. After the first error, which Err keeps,
// every method does nothing and gives zero values, and every loop ends.
type Reader struct {
	Data []byte
	Err  error
	// Must are the paths of fields ("releases.modules.action") that must be
	// understood: Unknown refuses to skip them.
	Must map[string]bool

	json  *json.Decoder
	start int64 // offset where the last token was looked for
}

// New begins at the start of a text.
func New(data []byte) *Reader {
	r := &Reader{Data: data, Must: map[string]bool{}, json: json.NewDecoder(bytes.NewReader(data))}
	r.json.UseNumber()
	return r
}

// Fail records the first error, at a byte offset.
func (r *Reader) Fail(kind where.Kind, off int64, format string, args ...any) {
	if r.Err != nil {
		return
	}
	off = max(0, min(off, int64(len(r.Data))))
	line := 1 + bytes.Count(r.Data[:off], []byte{'\n'})
	col := int(off) - bytes.LastIndexByte(r.Data[:off], '\n')
	r.Err = where.New(kind, "line %d column %d: %s", line, col, fmt.Sprintf(format, args...)).At(off)
}

// Malformed is Fail at the last token.
func (r *Reader) Malformed(format string, args ...any) {
	r.Fail(where.Malformed, r.TokenAt(), format, args...)
}

// TokenAt is the offset of the last token itself, behind blanks and
// punctuation.
func (r *Reader) TokenAt() int64 {
	off := r.start
	for off < int64(len(r.Data)) && strings.IndexByte(" \t\r\n,:", r.Data[off]) >= 0 {
		off++
	}
	return off
}

// Next is the offset of the token to come, for errors found after it was read.
func (r *Reader) Next() int64 {
	r.start = r.json.InputOffset()
	return r.TokenAt()
}

// Offset is behind the last token.
func (r *Reader) Offset() int64 { return r.json.InputOffset() }

// Token gives the next token; nil for null, and after an error.
func (r *Reader) Token() json.Token {
	if r.Err != nil {
		return nil
	}
	r.start = r.json.InputOffset()
	t, err := r.json.Token()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		r.Fail(where.Malformed, int64(len(r.Data)), "the text ends too early: truncated?")
		return nil
	case err != nil:
		r.Malformed("not JSON: %v", err)
		return nil
	}
	if _, ok := t.(string); ok {
		r.checkEscapes(r.Data[r.start:r.json.InputOffset()])
	}
	return t
}

// checkEscapes refuses \u escapes of surrogates: encoding/json makes U+FFFD of
// a lone one without a word, and the canonical form needs none.
func (r *Reader) checkEscapes(raw []byte) {
	for i := 0; i < len(raw); i++ {
		if raw[i] != '\\' || i+3 >= len(raw) {
			continue
		}
		i++
		if raw[i] == 'u' && raw[i+1]|0x20 == 'd' && raw[i+2] >= '8' {
			r.Malformed("escape of a surrogate")
			return
		}
	}
}

// More says whether the object or array goes on; else it reads its end.
func (r *Reader) More() bool {
	if r.Err != nil {
		return false
	}
	if r.json.More() {
		return true
	}
	r.Token()
	return false
}

// Integer is a plain integer from 0 to MaxInt: no sign, fraction, exponent.
func (r *Reader) Integer(n json.Number) int64 {
	v, err := strconv.ParseUint(string(n), 10, 64)
	if err != nil || v > MaxInt {
		r.Malformed("number is not an integer from 0 to %d", int64(MaxInt))
		return 0
	}
	return int64(v)
}

// Unknown skips the value of a field of a later minor version, unless that
// field must be understood.
func (r *Reader) Unknown(path string) {
	if r.Must[path] {
		r.Fail(where.Unsupported, r.TokenAt(), "field %q must be understood and is not known to this version", path)
		return
	}
	r.skip(0)
}

// skip reads one value of any form, with all rules but those of fields.
func (r *Reader) skip(depth int) {
	if depth > MaxDepth {
		r.Fail(where.Limit, r.TokenAt(), "nested more than %d deep", MaxDepth)
		return
	}
	switch t := r.Token(); t {
	case json.Delim('{'):
		keys := map[string]bool{}
		for r.More() {
			key, _ := r.Token().(string)
			if keys[key] {
				r.Malformed("member %q twice", key)
			}
			keys[key] = true
			r.skip(depth + 1)
		}
	case json.Delim('['):
		for r.More() {
			r.skip(depth + 1)
		}
	default:
		if n, ok := t.(json.Number); ok {
			r.Integer(n)
		}
	}
}

// End fails when anything but blanks follows the document.
func (r *Reader) End() {
	if r.Err != nil {
		return
	}
	if rest := bytes.TrimLeft(r.Data[r.Offset():], " \t\r\n"); len(rest) > 0 {
		r.Fail(where.Malformed, int64(len(r.Data)-len(rest)), "data after the document")
	}
}

// Join is the path of a field in what has a path itself, "" for the document.
func Join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
