package manifest

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/strictjson"
)

// decoder reads the values that manifests are made of. No text that is not
// UTF-8, and none twice in memory.
type decoder struct {
	*strictjson.Reader
	b64  bool              // the member being read is the _b64 form of its key
	pool map[string]string // words that repeat
}

func newDecoder(data []byte) *decoder {
	return &decoder{Reader: strictjson.New(data), pool: map[string]string{}}
}

// open reads the opening delimiter of an object or array.
func (d *decoder) open(want json.Delim) bool {
	t := d.Token()
	if d.Err == nil && t != want {
		d.Malformed("want %q", rune(want))
	}
	return d.Err == nil
}

// object reads an object; field gets each key and reads the value, or gives
// false for one that it does not know. name is the path for must_understand.
func (d *decoder) object(name string, field func(key string) bool) {
	if !d.open('{') {
		return
	}
	seen := make(map[string]bool, 8)
	for d.More() {
		key, ok := d.Token().(string)
		if !ok {
			d.Malformed("want a key")
			return
		}
		plain := strings.TrimSuffix(key, "_b64")
		if seen[plain] {
			d.Malformed("member %q twice", key)
			return
		}
		seen[plain] = true
		d.b64 = plain != key
		if !field(plain) {
			d.b64 = false
			d.Unknown(strictjson.Join(name, key))
		}
		if d.b64 {
			d.Malformed("member %q is not text", key)
		}
	}
}

// array reads an array; element reads each value.
func (d *decoder) array(element func(i int)) {
	if !d.open('[') {
		return
	}
	for i := 0; d.More(); i++ {
		element(i)
	}
}

// text reads the string of a member, from base64 when it is the _b64 form.
func (d *decoder) text() string {
	b64 := d.b64
	d.b64 = false
	s, ok := d.Token().(string)
	switch {
	case d.Err != nil:
		return ""
	case !ok:
		d.Malformed("want a string")
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
		d.Malformed("not base64")
	case utf8.Valid(out):
		d.Malformed("base64 of what is plain text")
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
	t := d.Token()
	if s, ok := t.(string); ok {
		return s
	}
	if t != json.Delim('{') {
		d.Malformed("want a string")
		return ""
	}
	if key, _ := d.Token().(string); key != "b64" {
		d.Malformed(`want {"b64": …}`)
		return ""
	}
	s, ok := d.Token().(string)
	if !ok {
		d.Malformed("want a string")
		return ""
	}
	out := d.unbase64(s)
	if d.More() {
		d.Malformed(`want only "b64"`)
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
		d.Malformed("%s", msg)
	}
}

func (d *decoder) number() int64 {
	n, ok := d.Token().(json.Number)
	if !ok {
		d.Malformed("want an integer")
		return 0
	}
	return d.Integer(n)
}

func (d *decoder) boolean() bool {
	b, ok := d.Token().(bool)
	if !ok {
		d.Malformed("want true or false")
	}
	return b
}

func (d *decoder) sum() (sum [32]byte) {
	s, ok := d.Token().(string)
	if !ok || len(s) != 64 || strings.ToLower(s) != s {
		d.Malformed("want 64 lower-case hexadecimal digits")
		return sum
	}
	if _, err := hex.Decode(sum[:], []byte(s)); err != nil {
		d.Malformed("want 64 lower-case hexadecimal digits")
	}
	return sum
}
