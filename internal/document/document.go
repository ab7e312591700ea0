package document

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// Head is what stands before the members of a document.
type Head struct {
	Schema string   // "kpkg-btf/KIND/MAJOR.MINOR"
	Tool   string   // that wrote it; in no digest
	Digest [32]byte // zero of one that has none
	// Must are members, as "releases.modules.action", that a reader must know:
	// a later minor version says so what it cannot do without.
	Must []string
}

// Members of the head. A Go type that has a field of such a name does not get
// it written by its own tag, but reading sets it.
const (
	schemaName = "schema"
	toolName   = "tool"
	digestName = "digest"
	mustName   = "must_understand"
)

const digestPrefix = "sha256:"

// Marshal writes a document with its digest, which it returns too. doc is a
// struct or a pointer to one. What no document can hold is an error of kind
// Internal: the caller made it.
func Marshal(schema, tool string, doc any) (text []byte, digest [32]byte, err error) {
	v := structOf(doc)
	body := &writer{}
	if must := mustOf(v); len(must) > 0 {
		body.b = append(body.b, '\n')
		body.name(mustName, false)
		body.list(PlanOf(reflect.TypeFor[[]string]()), reflect.ValueOf(must), true, false, 0, nil)
	}
	body.document(v, len(body.b))
	if body.err != nil {
		return nil, digest, body.err
	}
	rest := append(bytes.TrimPrefix(body.b, []byte("\n")), "\n}\n"...)
	digest = digestOf(schema, rest)
	head := &writer{}
	head.head(schema, tool)
	head.b = append(head.b, ",\n"...)
	head.name(digestName, false)
	head.quote(digestPrefix + hex.EncodeToString(digest[:]))
	head.b = append(head.b, ",\n"...)
	return append(head.b, rest...), digest, nil
}

// MarshalOpen writes a document without a digest: one that others complete.
func MarshalOpen(schema, tool string, doc any) ([]byte, error) {
	w := &writer{}
	w.head(schema, tool)
	w.document(structOf(doc), 1)
	return append(w.b, "\n}\n"...), w.err
}

// Line is one value on one line, without a line end.
func Line(v any) ([]byte, error) {
	w := &writer{}
	r := structOf(v)
	w.value(PlanOf(r.Type()), r, true, 0, nil)
	return w.b, w.err
}

func structOf(doc any) reflect.Value {
	v := reflect.ValueOf(doc)
	if v.Kind() == reflect.Pointer {
		return v.Elem()
	}
	p := reflect.New(v.Type())
	p.Elem().Set(v)
	return p.Elem()
}

func (w *writer) head(schema, tool string) {
	w.b = append(w.b, "{\n"...)
	w.name(schemaName, false)
	w.quote(schema)
	if tool != "" {
		w.b = append(w.b, ",\n"...)
		w.name(toolName, false)
		w.quote(strings.ToValidUTF8(tool, "?"))
	}
}

// document writes the members of a document, those of the head left out.
func (w *writer) document(v reflect.Value, before int) {
	p := PlanOf(v.Type())
	if p.faulty {
		if msg := faultOf(v); msg != "" {
			w.refuse(nil, "%s", msg)
			return
		}
	}
	w.fields(p.withoutHead(), v, false, -1, nil, before)
}

// withoutHead is a plan less the members of the head.
func (p *Plan) withoutHead() *Plan {
	out := *p
	out.Fields = nil
	for _, f := range p.Fields {
		if !inHead(f.Name) {
			out.Fields = append(out.Fields, f)
		}
	}
	return &out
}

func inHead(name string) bool {
	return name == schemaName || name == toolName || name == digestName || name == mustName
}

// mustOf are the members that a document says must be understood.
func mustOf(v reflect.Value) []string {
	p := PlanOf(v.Type())
	i, ok := p.names[mustName]
	if !ok {
		return nil
	}
	must, _ := v.FieldByIndex(p.Fields[i].index).Interface().([]string)
	return must
}

func digestOf(schema string, body []byte) (sum [32]byte) {
	h := sha256.New()
	io.WriteString(h, schema)
	io.WriteString(h, "\n")
	h.Write(body)
	h.Sum(sum[:0])
	return sum
}

// Is reports whether a text begins as a document of this kind does, of any
// version: schema is its schema word.
func Is(text []byte, schema string) bool {
	kind, _, _ := splitSchema(schema)
	head := bytes.TrimLeft(text[:min(len(text), 256)], " \t\r\n")
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("{")), " \t\r\n")
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte(`"`+schemaName+`"`)), " \t\r\n:")
	return bytes.HasPrefix(head, []byte(`"`+kind))
}

// splitSchema parts "kpkg-btf/KIND/MAJOR.MINOR": the kind with its slash, the
// major version.
func splitSchema(schema string) (kind string, major uint64, ok bool) {
	i := strings.LastIndexByte(schema, '/') + 1
	word, minor, dot := strings.Cut(schema[i:], ".")
	major, err := strconv.ParseUint(word, 10, 16)
	_, err2 := strconv.ParseUint(minor, 10, 16)
	return schema[:i], major, dot && err == nil && err2 == nil
}

// Unmarshal reads a document into the struct that doc points to and verifies
// its digest. schema is the word that this program writes: every minor version
// of its major is read. Another major, and a member that must be understood and
// is not known, are Unsupported; whatever its form or its types do not allow is
// Malformed. Errors have the byte offset, line and column.
func Unmarshal(text []byte, schema string, doc any) (*Head, error) {
	return unmarshal(text, schema, doc, true)
}

// UnmarshalOpen is Unmarshal for a document without a digest. Who completed it
// may have written its members in another order.
func UnmarshalOpen(text []byte, schema string, doc any) (*Head, error) {
	return unmarshal(text, schema, doc, false)
}

func unmarshal(text []byte, schema string, doc any, sealed bool) (*Head, error) {
	r := &reader{scanner: scanner{data: text}, want: schema, sealed: sealed, doc: reflect.ValueOf(doc).Elem()}
	if r.kind = kindWord(schema); !sealed {
		r.passed = map[string]bool{}
	}
	switch {
	case len(text) > limits.MaxText:
		return nil, where.New(where.Limit, "a %s document of %d bytes, the limit is %d", r.kind, len(text), limits.MaxText)
	case !utf8.Valid(text):
		r.fail(where.Malformed, invalidUTF8(text), "not UTF-8")
	default:
		r.document()
	}
	if r.err != nil {
		return nil, r.err
	}
	return &r.head, nil
}

// kindWord is the middle of a schema.
func kindWord(schema string) string {
	kind, _, _ := splitSchema(schema)
	kind = strings.TrimSuffix(kind, "/")
	return kind[strings.LastIndexByte(kind, '/')+1:]
}

func invalidUTF8(b []byte) int {
	off := 0
	for off < len(b) {
		r, n := utf8.DecodeRune(b[off:])
		if r == utf8.RuneError && n == 1 {
			break
		}
		off += n
	}
	return off
}

// reader reads one document.
type reader struct {
	scanner
	want, kind string
	sealed     bool
	doc        reflect.Value

	head     Head
	digestAt int  // of the digest's value
	bodyAt   int  // of the first byte after the head; 0 until it was read
	inBody   bool // a member of the document itself was read
}

func (r *reader) document() {
	p := PlanOf(r.doc.Type())
	m := members{p: p}
	if r.peek() != '{' {
		r.fail(where.Malformed, r.off, "not a %s document: no JSON object", r.kind)
		return
	}
	r.open('{', nil)
	for i := 0; r.more(i, '}'); i++ {
		key := r.key()
		if r.err == nil && !r.member(string(key)) {
			m.one(&r.scanner, r.doc, key, nil)
		}
	}
	r.end()
	switch {
	case r.err != nil:
		return
	case r.head.Schema == "":
		r.fail(where.Malformed, 0, "not a %s document: no schema", r.kind)
	case r.sealed && r.bodyAt == 0:
		r.fail(where.Malformed, 0, "no digest")
	}
	r.verify()
	r.setHead(p)
	m.start = r.bodyAt
	for _, name := range []string{schemaName, toolName, digestName, mustName} {
		if i, ok := p.names[name]; ok {
			m.seen[i>>6] |= 1 << (i & 63)
		}
	}
	m.done(&r.scanner, nil)
	if r.err == nil && p.faulty {
		if msg := faultOf(r.doc); msg != "" {
			r.fail(where.Malformed, r.bodyAt, "%s", msg)
		}
	}
}

// setHead fills the fields of a Go type that are named as members of the head.
func (r *reader) setHead(p *Plan) {
	for name, v := range map[string]any{schemaName: r.head.Schema, toolName: r.head.Tool, digestName: r.head.Digest, mustName: r.head.Must} {
		if i, ok := p.names[name]; ok {
			r.doc.FieldByIndex(p.Fields[i].index).Set(reflect.ValueOf(v))
		}
	}
}

// verify compares the digest with the text. It comes after parsing, so that a
// text that is broken somewhere is told where.
func (r *reader) verify() {
	if r.err != nil || !r.sealed || digestOf(r.head.Schema, r.data[r.bodyAt:]) == r.head.Digest {
		return
	}
	r.fail(where.Malformed, r.digestAt, "the digest does not match: the text was changed after it was written")
	if e, ok := r.err.(*where.Error); ok {
		if r.err = e.WithHint("make it anew: kpkg-btf does not read a document that was edited"); bytes.Contains(r.data, []byte("\r\n")) {
			r.err = e.WithHint("its line ends are CR LF; git's autocrlf does that (mark the file -text in .gitattributes)")
		}
	}
}

// member reads one member of the head; false for any other.
func (r *reader) member(key string) bool {
	switch {
	case r.sealed && r.head.Schema == "" && key != schemaName:
		r.fail(where.Malformed, r.at, "not a %s document: it does not begin with its schema", r.kind)
	case key == schemaName:
		r.schema()
	case key == toolName && (r.bodyAt == 0 || !r.sealed) && r.head.Tool == "":
		r.head.Tool = r.text(&path{nil, toolName})
	case key == digestName && r.bodyAt == 0 && r.sealed:
		r.digest()
	case r.bodyAt == 0 && r.sealed:
		r.malformed("member before the digest")
	case key == mustName && (r.sealed && r.inBody || r.must != nil):
		r.malformed("must_understand is not right after the head, or there twice")
	case key == mustName:
		r.understand()
	case inHead(key):
		r.malformed("member %q twice", key)
	default:
		if r.inBody = true; r.bodyAt == 0 {
			r.bodyAt = r.at
		}
		return false
	}
	return true
}

func (r *reader) schema() {
	if r.head.Schema != "" {
		r.malformed("member %q twice", schemaName)
		return
	}
	r.head.Schema = r.text(&path{nil, schemaName})
	if r.err != nil {
		return
	}
	kind, major, ok := splitSchema(r.head.Schema)
	wantKind, wantMajor, _ := splitSchema(r.want)
	switch {
	case kind != wantKind:
		r.malformed("schema %q is not that of a %s document", r.head.Schema, r.kind)
	case !ok:
		r.malformed("schema %q has no version", r.head.Schema)
	case major != wantMajor:
		r.fail(where.Unsupported, r.at, "%s document of version %s, this program reads %d.x", r.kind, strings.TrimPrefix(r.head.Schema, kind), wantMajor)
	}
}

func (r *reader) digest() {
	s := r.text(&path{nil, digestName})
	if r.err != nil {
		return
	}
	r.digestAt = r.at
	word, ok := strings.CutPrefix(s, digestPrefix)
	n, err := hex.Decode(r.head.Digest[:], []byte(word[:min(len(word), 64)]))
	if !ok || err != nil || n != 32 || len(word) != 64 || strings.ToLower(word) != word {
		r.malformed("want sha256: and 64 hexadecimal digits")
		return
	}
	rest := r.data[r.off:]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 || len(bytes.TrimRight(rest[:end], "\r")) != 1 || rest[0] != ',' {
		r.fail(where.Malformed, r.off, "want a comma and a line end after the digest")
		return
	}
	r.bodyAt = r.off + end + 1
}

func (r *reader) understand() {
	var names []string
	r.list(PlanOf(reflect.TypeFor[[]string]()), reflect.ValueOf(&names).Elem(), false, &path{nil, mustName})
	r.must = map[string]bool{}
	for _, n := range names {
		r.must[n] = true
		if r.passed[n] {
			r.fail(where.Unsupported, r.at, "member %q must be understood and is not known to this version", n)
		}
	}
	r.head.Must = names
}

// SchemaOf is the schema that a Go value names itself in its member "schema";
// one without such a member panics: it is a mistake of the program.
func SchemaOf(doc any) string {
	v := structOf(doc)
	p := PlanOf(v.Type())
	return v.FieldByIndex(p.Fields[p.names[schemaName]].index).String()
}
