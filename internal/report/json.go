package report

import (
	"bytes"
	"encoding/json"
	"io"
)

// wide is the length from which a JSON object or array is spread over lines.
// What is shorter stays on one: a module, a count, a symbol a line.
const wide = 160

// moduleLists are the members whose elements are modules: one a line.
var moduleLists = map[string]bool{`"modules":`: true, `"each":`: true}

// JSON writes a document as canonical JSON: fixed key order (that of the Go
// type), UTF-8, LF, integers only, the same bytes for the same value.
func JSON(w io.Writer, doc any) error {
	var compact bytes.Buffer
	enc := json.NewEncoder(&compact)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return err
	}
	var out bytes.Buffer
	spread(&out, bytes.TrimSpace(compact.Bytes()), 0, false)
	out.WriteByte('\n')
	_, err := w.Write(out.Bytes())
	return err
}

// JSONLine writes a value as one line of JSON.
func JSONLine(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// spread writes a compact JSON value, breaking containers that are too wide
// or that hold such containers; objects inside arrays stay on one line. With
// flat, the elements of an array do whatever they hold.
func spread(out *bytes.Buffer, v []byte, depth int, flat bool) {
	if (v[0] != '{' && v[0] != '[') || len(v) <= wide {
		out.Write(v)
		return
	}
	out.WriteByte(v[0])
	parts := split(v[1 : len(v)-1])
	for i, p := range parts {
		if i > 0 {
			out.WriteByte(',')
		}
		newline(out, depth+1)
		if v[0] == '[' && (flat || !nested(p)) {
			out.Write(p)
			continue
		}
		oneLine := false
		if v[0] == '{' {
			k := keyEnd(p)
			oneLine = moduleLists[string(p[:k])]
			out.Write(p[:k])
			out.WriteByte(' ')
			p = p[k:]
		}
		spread(out, p, depth+1, oneLine)
	}
	newline(out, depth)
	out.WriteByte(v[len(v)-1])
}

func newline(out *bytes.Buffer, depth int) {
	out.WriteByte('\n')
	for range depth {
		out.WriteByte('\t')
	}
}

// nested tells whether an object holds an object or array that is worth a
// line of its own.
func nested(v []byte) bool {
	if v[0] != '{' {
		return v[0] == '['
	}
	for _, p := range split(v[1 : len(v)-1]) {
		if p = p[keyEnd(p):]; (p[0] == '{' || p[0] == '[') && len(p) > wide {
			return true
		}
	}
	return false
}

// keyEnd is the offset after `"key":`.
func keyEnd(p []byte) int { return stringEnd(p, 0) + 1 }

// stringEnd is the offset after the string that begins at i.
func stringEnd(p []byte, i int) int {
	for i++; p[i] != '"'; i++ {
		if p[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// split cuts the inside of a container at its commas.
func split(v []byte) [][]byte {
	var parts [][]byte
	depth, start := 0, 0
	for i := 0; i < len(v); i++ {
		switch v[i] {
		case '"':
			i = stringEnd(v, i) - 1
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case ',':
			if depth == 0 {
				parts = append(parts, v[start:i])
				start = i + 1
			}
		}
	}
	if start < len(v) {
		parts = append(parts, v[start:])
	}
	return parts
}
