package document

import (
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"kpkg-btf/internal/where"
)

// writer builds a text. The first error, which err keeps, is a value that no
// document can hold: the caller made it.
type writer struct {
	b   []byte
	err error
}

func (w *writer) refuse(p *path, format string, args ...any) {
	if w.err == nil {
		w.err = where.New(where.Internal, "a document that cannot be: "+in(p)+format, args...)
	}
}

// value writes one value of a plan. oneLine forbids line ends within it; depth
// is that of the lines within it.
func (w *writer) value(p *Plan, v reflect.Value, oneLine bool, depth int, at *path) {
	if p.faulty {
		if msg := faultOf(v); msg != "" {
			w.refuse(at, "%s", msg)
			return
		}
	}
	switch p.Form {
	case Text, Bytes:
		w.quote(w.text(p, v, at))
	case Bool:
		w.b = strconv.AppendBool(w.b, v.Bool())
	case Int:
		w.integer(v.Int(), at)
	case Uint:
		if v.Uint() > MaxInt {
			w.refuse(at, "number %d", v.Uint())
		}
		w.b = strconv.AppendUint(w.b, v.Uint(), 10)
	case Sum:
		w.b = append(w.b, '"')
		for i := range 32 {
			w.b = hex.AppendEncode(w.b, []byte{byte(v.Index(i).Uint())})
		}
		w.b = append(w.b, '"')
	case List:
		w.list(p, v, oneLine, false, depth, at)
	case Object:
		w.object(p, v, oneLine || !p.spreads, depth, at)
	case Tuple:
		w.tuple(p, v, at)
	case Deltas:
		w.deltas(v, at)
	}
}

func (w *writer) integer(n int64, at *path) {
	if n > MaxInt || n < -MaxInt {
		w.refuse(at, "number %d", n)
	}
	w.b = strconv.AppendInt(w.b, n, 10)
}

// spell is the text of a value with Form Text.
func (w *writer) spell(p *Plan, v reflect.Value, at *path) string {
	s := ""
	if p.texter {
		b, err := v.Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			w.refuse(at, "%v", err)
		}
		s = string(b)
	} else {
		s = v.String()
	}
	if p.Words != nil && !slices.Contains(p.Words, s) {
		w.refuse(at, "%q is none of its words", s)
	}
	return s
}

func (w *writer) line(depth int) {
	w.b = append(w.b, '\n')
	for range depth {
		w.b = append(w.b, '\t')
	}
}

func (w *writer) object(p *Plan, v reflect.Value, oneLine bool, depth int, at *path) {
	w.b = append(w.b, '{')
	n := w.fields(p, v, oneLine, depth, at, 0)
	if n > 0 && !oneLine {
		w.line(depth)
	}
	w.b = append(w.b, '}')
}

// fields writes the members that are not left out, of which n are before them,
// and returns how many there are now.
func (w *writer) fields(p *Plan, v reflect.Value, oneLine bool, depth int, at *path, n int) int {
	for i := range p.Fields {
		f := &p.Fields[i]
		fv := v.FieldByIndex(f.index)
		if f.omits(fv) {
			continue
		}
		if n > 0 {
			w.b = append(w.b, ',')
		}
		if !oneLine {
			w.line(depth + 1)
		}
		w.member(f, fv, oneLine, depth+1, &path{at, f.Name})
		n++
	}
	return n
}

// omits reports whether a field is left out.
func (f *Field) omits(v reflect.Value) bool {
	switch {
	case !f.Optional:
		return false
	case f.zeroOnly:
		return v.IsZero()
	case v.Kind() == reflect.Slice:
		return v.Len() == 0
	case f.Plan.Form == Object && !f.Pointer:
		return false // as encoding/json
	}
	return v.IsZero()
}

func (w *writer) member(f *Field, v reflect.Value, oneLine bool, depth int, at *path) {
	if f.Pointer && v.IsNil() {
		w.name(f.Name, oneLine)
		w.b = append(w.b, "null"...)
		return
	}
	if f.Pointer {
		v = v.Elem()
	}
	if f.Plan.Form == Text || f.Plan.Form == Bytes {
		text := w.text(f.Plan, v, at)
		if !utf8.ValidString(text) {
			w.name(f.Name+codedSuffix, oneLine)
			w.base64(text)
			return
		}
		w.name(f.Name, oneLine)
		w.quote(text)
		return
	}
	w.name(f.Name, oneLine)
	oneLine = oneLine || f.oneLine
	if f.Plan.Form != List {
		w.value(f.Plan, v, oneLine, depth, at)
		return
	}
	if f.Sorted {
		v = w.sorted(v, at)
	}
	w.list(f.Plan, v, oneLine, f.lines, depth, at)
}

// text is that of a value with Form Text or Bytes.
func (w *writer) text(p *Plan, v reflect.Value, at *path) string {
	if p.Form == Bytes {
		return string(v.Bytes())
	}
	return w.spell(p, v, at)
}

const codedSuffix = "_b64"

func (w *writer) name(name string, oneLine bool) {
	w.quote(name)
	w.b = append(w.b, ':')
	if !oneLine {
		w.b = append(w.b, ' ')
	}
}

// list writes an array: on one line, or spread over lines, each element on one
// (itemLine) or as its type has it. plain values are spread only by itemLine.
func (w *writer) list(p *Plan, v reflect.Value, oneLine, itemLine bool, depth int, at *path) {
	spread := !oneLine && (itemLine || p.spreads)
	w.b = append(w.b, '[')
	for i := range v.Len() {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		if spread {
			w.line(depth + 1)
		}
		e := v.Index(i)
		switch {
		case !p.Null:
		case e.IsNil():
			w.refuse(at, "element %d is missing", i)
			return
		default:
			e = e.Elem()
		}
		w.element(p.Elem, e, oneLine || itemLine, depth+1, at)
	}
	if spread && v.Len() > 0 {
		w.line(depth)
	}
	w.b = append(w.b, ']')
}

// element is a value that has no name to say that it is base64.
func (w *writer) element(p *Plan, v reflect.Value, oneLine bool, depth int, at *path) {
	if p.Form == Text || p.Form == Bytes {
		if s := w.text(p, v, at); !utf8.ValidString(s) {
			w.b = append(w.b, `{"b64":`...)
			w.base64(s)
			w.b = append(w.b, '}')
			return
		}
	}
	w.value(p, v, oneLine, depth, at)
}

// tuple writes the fields' values in order; what is empty at the end, and may
// be, is left out.
func (w *writer) tuple(p *Plan, v reflect.Value, at *path) {
	n := len(p.Fields)
	for n > 0 && p.Fields[n-1].omits(v.FieldByIndex(p.Fields[n-1].index)) {
		n--
	}
	w.b = append(w.b, '[')
	for i := range n {
		if i > 0 {
			w.b = append(w.b, ',')
		}
		w.element(p.Fields[i].Plan, v.FieldByIndex(p.Fields[i].index), true, 0, at)
	}
	w.b = append(w.b, ']')
}

// deltas writes ascending numbers.
func (w *writer) deltas(v reflect.Value, at *path) {
	w.b = append(w.b, '"')
	last := uint64(0)
	for i := range v.Len() {
		n := v.Index(i).Uint()
		if n <= last {
			w.refuse(at, "numbers that do not ascend from 1")
			return
		}
		if i > 0 {
			w.b = append(w.b, ' ')
		}
		w.b = strconv.AppendUint(w.b, n-last, 10)
		last = n
	}
	w.b = append(w.b, '"')
}

// sorted is a list in order, a copy where it is not; strings that are present
// twice are one.
func (w *writer) sorted(v reflect.Value, at *path) reflect.Value {
	n := v.Len()
	inOrder := true
	for i := 1; i < n && inOrder; i++ {
		inOrder = keyOf(v.Index(i-1)) < keyOf(v.Index(i))
	}
	if inOrder {
		return v
	}
	order := make([]int, n)
	keys := make([]string, n)
	for i := range n {
		order[i], keys[i] = i, keyOf(v.Index(i))
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(keys[a], keys[b]) })
	out := reflect.MakeSlice(v.Type(), 0, n)
	for k, i := range order {
		if k > 0 && keys[order[k-1]] == keys[i] {
			if v.Type().Elem().Kind() == reflect.String {
				continue
			}
			w.refuse(at, "%q twice", keys[i])
		}
		out = reflect.Append(out, v.Index(i))
	}
	return out
}

// keyOf is what elements of a sorted list are compared by.
func keyOf(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return v.String()
	}
	if v.Kind() == reflect.Struct && v.CanAddr() {
		return v.Addr().Interface().(interface{ Key() string }).Key()
	}
	return v.Interface().(interface{ Key() string }).Key()
}

// faultOf asks a value what is wrong with it.
func faultOf(v reflect.Value) string {
	if !v.CanAddr() {
		p := reflect.New(v.Type())
		p.Elem().Set(v)
		v = p.Elem()
	}
	return v.Addr().Interface().(interface{ Fault() string }).Fault()
}

func (w *writer) base64(v string) {
	w.b = append(w.b, '"')
	w.b = base64.StdEncoding.AppendEncode(w.b, []byte(v))
	w.b = append(w.b, '"')
}

const hexDigits = "0123456789abcdef"

// quote writes a JSON string of valid UTF-8, so that it is safe to look at.
func (w *writer) quote(s string) {
	b := append(w.b, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		default:
			b = AppendVisible(b, r)
		}
	}
	w.b = append(b, '"')
}

// AppendVisible appends a character of a JSON string: as it is, or escaped where
// it could not be seen or hides what stands around it.
func AppendVisible(b []byte, r rune) []byte {
	if !where.Unsafe(r) {
		return utf8.AppendRune(b, r)
	}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return escaped(escaped(b, high), low)
	}
	return escaped(b, r)
}

func escaped(b []byte, r rune) []byte {
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
