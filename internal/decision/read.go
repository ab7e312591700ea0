package decision

import (
	"bytes"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

const (
	schemaKind  = "kpkg-btf/decision/"
	schemaMajor = 1
)

// Is tells whether a text begins as a decision document does.
func Is(text []byte) bool {
	head := bytes.TrimLeft(text[:min(len(text), 256)], " \t\r\n")
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("{")), " \t\r\n")
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte(`"schema"`)), " \t\r\n:")
	return bytes.HasPrefix(head, []byte(`"`+schemaKind))
}

// Read reads a decision document. Another major version, a field or word that
// must be understood and is not known, are Unsupported; a text that is not as
// check writes it, or contradicts itself, is Malformed, with offset, line and
// column where there is one place.
func Read(text []byte) (*model.Report, error) {
	if len(text) > limits.MaxText {
		return nil, where.New(where.Limit, "a decision of %d bytes, the limit is %d", len(text), limits.MaxText)
	}
	d := newDecoder(text)
	if !utf8.Valid(text) {
		d.Fail(where.Malformed, 0, "not UTF-8")
		return nil, d.Err
	}
	if !Is(text) {
		d.Fail(where.Malformed, 0, "not a decision: it does not begin with its schema (%s…)", schemaKind)
		return nil, d.Err
	}
	d.head()
	rep := &model.Report{}
	d.value(reflect.ValueOf(rep).Elem(), "")
	d.End()
	if d.Err != nil {
		return nil, d.Err
	}
	if err := Validate(rep); err != nil {
		return nil, err
	}
	return rep, nil
}

// head reads schema and must_understand ahead of the rest: they say how it is
// to be read.
func (d *decoder) head() {
	first := newDecoder(d.Data)
	var head struct {
		Schema string   `json:"schema"`
		Must   []string `json:"must_understand,omitempty"`
	}
	first.value(reflect.ValueOf(&head).Elem(), "")
	if head.Schema == "" {
		return // reading the whole tells why
	}
	version := strings.TrimPrefix(head.Schema, schemaKind)
	major, minor, _ := strings.Cut(version, ".")
	n, err := strconv.ParseUint(major, 10, 16)
	_, err2 := strconv.ParseUint(minor, 10, 16)
	switch {
	case err != nil || err2 != nil:
		d.Fail(where.Malformed, 0, "schema %q has no version", head.Schema)
	case n != schemaMajor:
		d.Fail(where.Unsupported, 0, "decision of version %s, this program reads %d.x", version, schemaMajor)
	}
	for _, f := range head.Must {
		d.Must[f] = true
	}
}
