package document

import (
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/where"
)

// maxElements bounds one array; the largest seen has 33 000.
const maxElements = 1 << 20

// read reads one value of a plan into v, which can be set.
func (s *scanner) read(p *Plan, v reflect.Value, at *path) {
	start := -1
	if p.faulty && s.err == nil {
		s.value()
		start = s.at
	}
	switch p.Form {
	case Text:
		s.spelled(p, v, s.text(at), at)
	case Bool:
		v.SetBool(s.boolean(at))
	case Int:
		n := s.integer(at)
		if v.OverflowInt(n) {
			s.malformed("%s%d does not fit", in(at), n)
		}
		v.SetInt(n)
	case Uint:
		n := s.integer(at)
		if n < 0 || v.OverflowUint(uint64(n)) {
			s.malformed("%swant an integer from 0 that fits", in(at))
		}
		v.SetUint(uint64(n))
	case Sum:
		s.sum(v, at)
	case Bytes:
		v.SetBytes([]byte(s.text(at)))
	case List:
		s.list(p, v, false, at)
	case Object:
		s.object(p, v, at)
	case Tuple:
		s.tuple(p, v, at)
	case Deltas:
		s.deltas(v, at)
	}
	if start >= 0 && s.err == nil {
		if msg := faultOf(v); msg != "" {
			s.fail(where.Malformed, start, "%s%s", in(at), msg)
		}
	}
}

// spelled takes a string; one of a type with a fixed set of words must be one
// of them. A word of a later version is unsupported, not ignored.
func (s *scanner) spelled(p *Plan, v reflect.Value, text string, at *path) {
	switch {
	case s.err != nil:
	case p.Words != nil && !slices.Contains(p.Words, text):
		s.fail(where.Unsupported, s.at, "%s%q is a word that this version does not know", in(at), text)
	case p.texter:
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)); err != nil {
			s.malformed("%s%v", in(at), err)
		}
	default:
		v.SetString(text)
	}
}

func (s *scanner) sum(v reflect.Value, at *path) {
	text := s.text(at)
	var sum [32]byte
	if s.err != nil {
		return
	}
	if _, err := hex.Decode(sum[:], []byte(text[:min(len(text), 64)])); err != nil || len(text) != 64 || strings.ToLower(text) != text {
		s.malformed("%swant 64 lower-case hexadecimal digits", in(at))
		return
	}
	reflect.Copy(v, reflect.ValueOf(sum[:]))
}

// list reads an array. The result is never nil.
func (s *scanner) list(p *Plan, v reflect.Value, ascending bool, at *path) {
	v.Set(reflect.MakeSlice(p.Type, 0, 0))
	if !s.open('[', at) {
		return
	}
	for n := 0; s.more(n, ']'); n++ {
		s.value()
		start := s.at
		if n == maxElements {
			s.fail(where.Limit, start, "%smore than %d elements", in(at), n)
			return
		}
		if n == v.Cap() {
			v.Grow(max(4, n/2))
		}
		v.SetLen(n + 1)
		e := v.Index(n)
		e.SetZero() // what grew may hold anything
		if p.Null {
			e.Set(reflect.New(p.Elem.Type))
			e = e.Elem()
		}
		s.element(p.Elem, e, at)
		if ascending && n > 0 && s.err == nil {
			s.inOrder(v.Index(n-1), e, start, at)
		}
	}
	v.Set(v.Slice3(0, v.Len(), v.Len()))
}

func (s *scanner) inOrder(before, v reflect.Value, start int, at *path) {
	switch strings.Compare(keyOf(before), keyOf(v)) {
	case 0:
		s.fail(where.Malformed, start, "%s%q twice", in(at), keyOf(v))
	case 1:
		s.fail(where.Malformed, start, "%s%q is not in order", in(at), keyOf(v))
	}
}

// element reads a value without a name: a string plain or as {"b64": "…"}.
func (s *scanner) element(p *Plan, v reflect.Value, at *path) {
	if (p.Form != Text && p.Form != Bytes) || s.value() != '{' {
		s.read(p, v, at)
		return
	}
	s.open('{', at)
	text := ""
	for i := 0; s.more(i, '}'); i++ {
		if key := string(s.key()); key != "b64" || i > 0 {
			s.malformed(`%swant only "b64"`, in(at))
			return
		}
		text = s.coded(at)
	}
	s.set(p, v, text, at)
}

// set takes a string that was read from base64.
func (s *scanner) set(p *Plan, v reflect.Value, text string, at *path) {
	if p.Form == Bytes {
		v.SetBytes([]byte(text))
		return
	}
	s.spelled(p, v, text, at)
}

// coded reads base64 of what is not UTF-8.
func (s *scanner) coded(at *path) string {
	out, err := base64.StdEncoding.Strict().DecodeString(s.text(at))
	switch {
	case err != nil:
		s.malformed("%snot base64", in(at))
	case utf8.Valid(out):
		s.malformed("%sbase64 of what is plain text", in(at))
	}
	return string(out)
}

// object reads an object into a struct.
func (s *scanner) object(p *Plan, v reflect.Value, at *path) {
	if !s.open('{', at) {
		return
	}
	start := s.at
	m := members{p: p, start: start}
	for i := 0; s.more(i, '}'); i++ {
		m.one(s, v, s.key(), at)
	}
	m.done(s, at)
}

// members keeps account of those of one object.
type members struct {
	p      *Plan
	start  int
	seen   [maxFields / 64]uint64 // by index, of those that are known
	others map[string]bool        // those that are not
}

// one reads a member's value.
func (m *members) one(s *scanner, v reflect.Value, key []byte, at *path) {
	if s.err != nil {
		return
	}
	i, known := m.p.names[string(key)]
	coded := false
	if !known {
		if i, known = m.p.names[string(trimCoded(key))]; known {
			form := m.p.Fields[i].Plan.Form
			coded = form == Text || form == Bytes
			known = coded
		}
	}
	name := string(key)
	if !known {
		if m.others[name] {
			s.malformed("member %q twice", name)
		}
		if m.others == nil {
			m.others = map[string]bool{}
		}
		m.others[name] = true
		s.unknown(&path{at, name})
		return
	}
	f := &m.p.Fields[i]
	if m.seen[i>>6]&(1<<(i&63)) != 0 {
		s.malformed("member %q twice", name)
		return
	}
	m.seen[i>>6] |= 1 << (i & 63)
	s.field(f, v.FieldByIndex(f.index), coded, &path{at, f.Name})
}

func trimCoded(key []byte) []byte {
	if n := len(key) - len(codedSuffix); n > 0 && string(key[n:]) == codedSuffix {
		return key[:n]
	}
	return key
}

// done asks for the members that must be there.
func (m *members) done(s *scanner, at *path) {
	for i := range m.p.Fields {
		if f := &m.p.Fields[i]; !f.Optional && m.seen[i>>6]&(1<<(i&63)) == 0 && s.err == nil {
			s.fail(where.Malformed, m.start, "%s is missing", (&path{at, f.Name}).String())
		}
	}
}

func (s *scanner) field(f *Field, v reflect.Value, coded bool, at *path) {
	if f.Pointer {
		if s.null() {
			return
		}
		v.Set(reflect.New(f.Plan.Type))
		v = v.Elem()
	}
	switch {
	case coded:
		s.set(f.Plan, v, s.coded(at), at)
	case f.Plan.Form == List:
		s.list(f.Plan, v, f.Sorted, at)
	default:
		s.read(f.Plan, v, at)
	}
	if v.Kind() == reflect.Slice && f.omits(v) {
		v.SetZero() // as when it is left out
	}
}

func (s *scanner) tuple(p *Plan, v reflect.Value, at *path) {
	if !s.open('[', at) {
		return
	}
	start, n := s.at, 0
	for ; s.more(n, ']'); n++ {
		if n >= len(p.Fields) {
			s.value()
			s.unknown(&path{at, "[]"})
			continue
		}
		f := &p.Fields[n]
		s.element(f.Plan, v.FieldByIndex(f.index), at)
	}
	if s.err == nil && n < len(p.Fields) && !p.Fields[n].Optional {
		s.fail(where.Malformed, start, "%s%d values, %s is missing", in(at), n, p.Fields[n].Name)
	}
}

// deltas reads ascending numbers: each from 1, one blank between two, none
// signed or with a zero before it, and no sum beyond 32 bits.
func (s *scanner) deltas(v reflect.Value, at *path) {
	text := s.text(at)
	if s.err != nil {
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, min(strings.Count(text, " ")+1, len(text)/2+1)))
	sum := uint64(0)
	for word := range strings.SplitSeq(text, " ") {
		n, err := strconv.ParseUint(word, 10, 32)
		if sum += n; err != nil || n == 0 || word[0] < '1' || word[0] > '9' || sum > 1<<32-1 {
			s.malformed("%swant numbers from 1, one blank between two, and no sum beyond 32 bits", in(at))
			return
		}
		i := v.Len()
		v.SetLen(i + 1)
		v.Index(i).SetUint(sum)
	}
}
