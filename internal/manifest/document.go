package manifest

import (
	"bytes"
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// kind is a kind of document of this package.
type kind struct {
	schema string // up to the version
	word   string
}

var (
	manifestKind = kind{schemaKind, "manifest"}
	refsKind     = kind{refsSchemaKind, "record of references"}
)

// docReader reads what all documents of this package have in common: schema, tool
// and a digest over all that follows; then must_understand and the content.
type docReader struct {
	*decoder
	kind    kind
	content func(key string) bool // reads a member, or gives false for an unknown one
	tool    string

	schema   string
	digest   [32]byte
	digestAt int64 // of the digest's value
	bodyAt   int64 // of the first covered byte; 0 until the digest was seen
	inBody   bool
}

// read reads a whole document; finish looks at what needs the whole.
func (r *docReader) read(text []byte, k kind, content func(string) bool, finish func()) error {
	if len(text) > limits.MaxText {
		return where.New(where.Limit, "a %s of %d bytes, the limit is %d", k.word, len(text), limits.MaxText)
	}
	r.decoder, r.kind, r.content = newDecoder(text), k, content
	if !utf8.Valid(text) {
		r.Fail(where.Malformed, int64(invalidUTF8(text)), "not UTF-8")
		return r.Err
	}
	r.document(finish)
	return r.Err
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

func (r *docReader) document(finish func()) {
	r.object("", r.member)
	r.End()
	switch {
	case r.Err != nil:
	case r.schema == "":
		r.Fail(where.Malformed, 0, "not a %s: no schema", r.kind.word)
	case r.bodyAt == 0:
		r.Fail(where.Malformed, 0, "no digest")
	default:
		r.verify()
		finish()
	}
}

// verify compares the digest with the text. It comes after parsing, so that
// a text that is broken somewhere is told where.
func (r *docReader) verify() {
	if bodyDigest(r.schema, r.Data[r.bodyAt:]) == r.digest {
		return
	}
	r.Fail(where.Malformed, r.digestAt, "the digest does not match: the text was changed after it was written")
	if e, ok := r.Err.(*where.Error); ok && bytes.Contains(r.Data, []byte("\r\n")) {
		r.Err = e.WithHint("its line ends are CR LF; git's autocrlf does that (mark the file -text in .gitattributes)")
	}
}

// member reads one member of the document.
func (r *docReader) member(key string) bool {
	switch {
	case r.schema == "" && key != "schema":
		r.Malformed("not a %s: it does not begin with its schema", r.kind.word)
		return true
	case key == "schema":
		r.readSchema()
		return true
	case key == "tool" && r.bodyAt == 0:
		r.tool = r.text()
		return true
	case key == "digest" && r.bodyAt == 0:
		r.readDigest()
		return true
	case r.bodyAt == 0:
		r.Malformed("member before the digest")
		return true
	}
	if key == "must_understand" {
		if r.inBody {
			r.Malformed("must_understand is not right after the digest")
			return true
		}
		r.readMust()
		return true
	}
	r.inBody = true
	return r.content(key)
}

func (r *docReader) readSchema() {
	r.schema = r.text()
	version, ok := strings.CutPrefix(r.schema, r.kind.schema)
	if r.Err != nil {
		return
	}
	if !ok {
		r.Malformed("schema %q is not that of a %s", r.schema, r.kind.word)
		return
	}
	major, minor, _ := strings.Cut(version, ".")
	n, err := strconv.ParseUint(major, 10, 16)
	_, err2 := strconv.ParseUint(minor, 10, 16)
	switch {
	case err != nil || err2 != nil:
		r.Malformed("schema %q has no version", r.schema)
	case n != schemaMajor:
		r.Fail(where.Unsupported, r.TokenAt(), "%s of version %s, this program reads %d.x", r.kind.word, version, schemaMajor)
	}
}

func (r *docReader) readDigest() {
	s := r.text()
	if r.Err != nil {
		return
	}
	r.digestAt = r.TokenAt()
	word, ok := strings.CutPrefix(s, digestPrefix)
	n, err := hex.Decode(r.digest[:], []byte(word[:min(len(word), 64)]))
	if !ok || err != nil || n != 32 || len(word) != 64 {
		r.Malformed("want sha256: and 64 hexadecimal digits")
		return
	}
	end := r.Offset()
	if rest := r.Data[end:]; !bytes.HasPrefix(rest, []byte(",\n")) && !bytes.HasPrefix(rest, []byte(",\r\n")) {
		r.Fail(where.Malformed, end, "want a comma and a line end after the digest")
		return
	}
	r.bodyAt = end + 2
}

func (r *docReader) readMust() {
	r.Must = map[string]bool{}
	for _, field := range r.strings() {
		r.Must[field] = true
	}
}

// failBody is a fault of the content as a whole.
func (r *docReader) failBody(msg string) { r.Fail(where.Malformed, r.bodyAt, "%s", msg) }
