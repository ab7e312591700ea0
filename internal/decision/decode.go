package decision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// decoder fills Go values from one JSON text by their types and json tags.
// After the first error it does nothing and every loop ends.
type decoder struct {
	data  []byte
	json  *json.Decoder
	err   error
	start int64           // offset where the last token was looked for
	must  map[string]bool // fields that must_understand names
	depth int
}

// maxDepth bounds the nesting of values; a decision's is 7.
const maxDepth = 32

func newDecoder(data []byte) *decoder {
	d := &decoder{data: data, json: json.NewDecoder(bytes.NewReader(data)), must: map[string]bool{}}
	d.json.UseNumber()
	return d
}

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

// tokenAt is the offset of the last token itself.
func (d *decoder) tokenAt() int64 {
	off := d.start
	for off < int64(len(d.data)) && strings.IndexByte(" \t\r\n,:", d.data[off]) >= 0 {
		off++
	}
	return off
}

func (d *decoder) token() json.Token {
	if d.err != nil {
		return nil
	}
	d.start = d.json.InputOffset()
	t, err := d.json.Token()
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		d.fail(where.Malformed, int64(len(d.data)), "the text ends too early: truncated?")
	case err != nil:
		d.malformed("not JSON: %v", err)
	default:
		return t
	}
	return nil
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

// value reads the next value into v; path is its name for errors and
// must_understand: "releases.modules.action".
func (d *decoder) value(v reflect.Value, path string) {
	t := d.token()
	if d.err != nil {
		return
	}
	if d.depth++; d.depth > maxDepth {
		d.fail(where.Limit, d.tokenAt(), "nested more than %d deep", maxDepth)
		return
	}
	defer func() { d.depth-- }()
	if t == nil && v.Kind() == reflect.Pointer {
		return // null
	}
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	switch {
	case t == nil:
		d.malformed("%s: null", path)
	case v.Type() == reflect.TypeFor[model.Action]() || v.Kind() == reflect.String:
		d.text(v, t, path)
	case v.Kind() == reflect.Bool:
		b, ok := t.(bool)
		if !ok {
			d.malformed("%s: want true or false", path)
		}
		v.SetBool(b)
	case v.CanInt() || v.CanUint():
		d.integer(v, t, path)
	case v.Kind() == reflect.Slice && t == json.Delim('['):
		d.array(v, path)
	case v.Kind() == reflect.Struct && t == json.Delim('{'):
		d.object(v, path)
	default:
		d.malformed("%s: want %s", path, map[reflect.Kind]string{reflect.Slice: "an array", reflect.Struct: "an object"}[v.Kind()])
	}
}

// text reads a string; one of a type with a fixed set of words must be one of
// them. A word of a later version is unsupported, not ignored.
func (d *decoder) text(v reflect.Value, t json.Token, path string) {
	s, ok := t.(string)
	if !ok {
		d.malformed("%s: want a string", path)
		return
	}
	if words := model.Words(v.Type()); words != nil && !slices.Contains(words, s) {
		d.fail(where.Unsupported, d.tokenAt(), "%s: %q is a word that this version does not know", path, s)
		return
	}
	if a, ok := v.Addr().Interface().(*model.Action); ok {
		if err := a.UnmarshalText([]byte(s)); err != nil {
			d.malformed("%s: %v", path, err)
		}
		return
	}
	v.SetString(s)
}

// integer reads a plain integer from 0: no sign, fraction or exponent.
func (d *decoder) integer(v reflect.Value, t json.Token, path string) {
	n, _ := t.(json.Number)
	u, err := strconv.ParseUint(string(n), 10, 63)
	switch {
	case err != nil || v.CanUint() && v.OverflowUint(u) || v.CanInt() && v.OverflowInt(int64(u)):
		d.malformed("%s: want an integer from 0 that fits", path)
	case v.CanUint():
		v.SetUint(u)
	default:
		v.SetInt(int64(u))
	}
}

func (d *decoder) array(v reflect.Value, path string) {
	list := reflect.MakeSlice(v.Type(), 0, 0)
	for d.more() {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(e, path)
		list = reflect.Append(list, e)
	}
	v.Set(list)
}

func (d *decoder) object(v reflect.Value, path string) {
	known := fieldsOf(v.Type())
	seen := map[string]bool{}
	at := d.tokenAt()
	for d.more() {
		key, _ := d.token().(string)
		switch i := slices.IndexFunc(known, func(f field) bool { return f.name == key }); {
		case d.err != nil:
		case seen[key]:
			d.malformed("member %q twice", key)
		case i >= 0:
			d.value(v.Field(known[i].index), join(path, key))
		default:
			d.unknown(join(path, key))
		}
		seen[key] = true
	}
	for _, f := range known {
		if !f.optional && !seen[f.name] {
			d.fail(where.Malformed, at, "%s is missing", join(path, f.name))
		}
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// unknown skips a field of a later minor version, unless it matters.
func (d *decoder) unknown(path string) {
	if d.must[path] {
		d.fail(where.Unsupported, d.tokenAt(), "field %q must be understood and is not known to this version", path)
		return
	}
	var skipped json.RawMessage
	if err := d.json.Decode(&skipped); err != nil {
		d.fail(where.Malformed, d.tokenAt(), "%s: not JSON: %v", path, err)
	}
}

// field is one member of a struct in JSON.
type field struct {
	name     string
	index    int
	optional bool
}

func fieldsOf(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		name, opts, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" || name == "-" {
			continue
		}
		out = append(out, field{name, i, strings.Contains(opts, "omitempty")})
	}
	return out
}
