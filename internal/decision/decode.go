package decision

import (
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/strictjson"
	"kpkg-btf/internal/where"
)

// decoder fills Go values from one JSON text by their types and json tags.
type decoder struct {
	*strictjson.Reader
	depth int
}

func newDecoder(data []byte) *decoder { return &decoder{Reader: strictjson.New(data)} }

// value reads the next value into v; path is its name for errors and
// must_understand: "releases.modules.action".
func (d *decoder) value(v reflect.Value, path string) {
	t := d.Token()
	if d.Err != nil {
		return
	}
	if d.depth++; d.depth > strictjson.MaxDepth {
		d.Fail(where.Limit, d.TokenAt(), "nested more than %d deep", strictjson.MaxDepth)
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
		d.Malformed("%s: null", path)
	case v.Type() == reflect.TypeFor[model.Action]() || v.Kind() == reflect.String:
		d.text(v, t, path)
	case v.Kind() == reflect.Bool:
		b, ok := t.(bool)
		if !ok {
			d.Malformed("%s: want true or false", path)
		}
		v.SetBool(b)
	case v.CanInt() || v.CanUint():
		d.integer(v, t, path)
	case v.Kind() == reflect.Slice && t == json.Delim('['):
		d.array(v, path)
	case v.Kind() == reflect.Struct && t == json.Delim('{'):
		d.object(v, path)
	default:
		d.Malformed("%s: want %s", path, map[reflect.Kind]string{reflect.Slice: "an array", reflect.Struct: "an object"}[v.Kind()])
	}
}

// text reads a string; one of a type with a fixed set of words must be one of
// them. A word of a later version is unsupported, not ignored.
func (d *decoder) text(v reflect.Value, t json.Token, path string) {
	s, ok := t.(string)
	if !ok {
		d.Malformed("%s: want a string", path)
		return
	}
	if words := model.Words(v.Type()); words != nil && !slices.Contains(words, s) {
		d.Fail(where.Unsupported, d.TokenAt(), "%s: %q is a word that this version does not know", path, s)
		return
	}
	if a, ok := v.Addr().Interface().(*model.Action); ok {
		if err := a.UnmarshalText([]byte(s)); err != nil {
			d.Malformed("%s: %v", path, err)
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
		d.Malformed("%s: want an integer from 0 that fits", path)
	case v.CanUint():
		v.SetUint(u)
	default:
		v.SetInt(int64(u))
	}
}

func (d *decoder) array(v reflect.Value, path string) {
	list := reflect.MakeSlice(v.Type(), 0, 0)
	for d.More() {
		e := reflect.New(v.Type().Elem()).Elem()
		d.value(e, path)
		list = reflect.Append(list, e)
	}
	v.Set(list)
}

func (d *decoder) object(v reflect.Value, path string) {
	known := fieldsOf(v.Type())
	seen := map[string]bool{}
	at := d.TokenAt()
	for d.More() {
		key, _ := d.Token().(string)
		switch i := slices.IndexFunc(known, func(f field) bool { return f.name == key }); {
		case d.Err != nil:
		case seen[key]:
			d.Malformed("member %q twice", key)
		case i >= 0:
			d.value(v.Field(known[i].index), strictjson.Join(path, key))
		default:
			d.Unknown(strictjson.Join(path, key))
		}
		seen[key] = true
	}
	for _, f := range known {
		if !f.optional && !seen[f.name] {
			d.Fail(where.Malformed, at, "%s is missing", strictjson.Join(path, f.name))
		}
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
