package manifest

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Read reads a manifest. Another major version, and a field that
// "must_understand" names and this version does not know, are Unsupported;
// other unknown fields are ignored. All else that Write would not have written
// is Malformed: a member twice, a wrong digest, a list out of order, a
// truncated text. Errors have the byte offset, line and column.
func Read(text []byte) (*Manifest, error) {
	if len(text) > limits.MaxText {
		return nil, where.New(where.Limit, "a manifest of %d bytes, the limit is %d", len(text), limits.MaxText)
	}
	d := newDecoder(text)
	if !utf8.Valid(text) {
		d.fail(where.Malformed, int64(invalidUTF8(text)), "not UTF-8")
		return nil, d.err
	}
	r := &reader{decoder: d, m: &Manifest{}}
	r.document()
	if d.err != nil {
		return nil, d.err
	}
	return r.m, nil
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

// reader fills a Manifest from a decoder.
type reader struct {
	*decoder
	m *Manifest

	schema   string
	digest   [32]byte
	digestAt int64 // of the digest's value
	bodyAt   int64 // of the first covered byte; 0 until the digest was seen
	inBody   bool

	modules  int // read so far
	vermagic string
	noMagic  []int // modules that have the shared vermagic
	signers  []Signer
	uses     []signerUse
}

// signerUse is a module that names a signer by index; the list of signers may
// stand behind it.
type signerUse struct {
	module     int
	signer, at int64
}

func (r *reader) document() {
	r.object("", r.member)
	if r.err == nil {
		if rest := bytes.TrimLeft(r.data[r.json.InputOffset():], " \t\r\n"); len(rest) > 0 {
			r.fail(where.Malformed, int64(len(r.data)-len(rest)), "data after the document")
		}
	}
	switch {
	case r.err != nil:
	case r.schema == "":
		r.fail(where.Malformed, 0, "not a manifest: no schema")
	case r.bodyAt == 0:
		r.fail(where.Malformed, 0, "no digest")
	default:
		r.verify()
		r.finish()
	}
}

// verify compares the digest with the text. It comes after parsing, so that
// a text that is broken somewhere is told where.
func (r *reader) verify() {
	if bodyDigest(r.schema, r.data[r.bodyAt:]) == r.digest {
		return
	}
	r.fail(where.Malformed, r.digestAt, "the digest does not match: the text was changed after it was written")
	if e, ok := r.err.(*where.Error); ok && bytes.Contains(r.data, []byte("\r\n")) {
		r.err = e.WithHint("its line ends are CR LF; git's autocrlf does that (mark the file -text in .gitattributes)")
	}
}

// finish resolves what modules share and checks what needs the whole.
func (r *reader) finish() {
	for _, i := range r.noMagic {
		r.m.Modules[i].Vermagic = r.vermagic
	}
	for _, u := range r.uses {
		if u.signer >= int64(len(r.signers)) {
			r.fail(where.Malformed, u.at, "signer %d of %d", u.signer, len(r.signers))
			return
		}
		s := r.signers[u.signer]
		r.m.Modules[u.module].Signer = &s
	}
	if msg := r.m.headFault(); msg != "" {
		r.fail(where.Malformed, r.bodyAt, "%s", msg)
	}
}

// member reads one member of the document.
func (r *reader) member(key string) bool {
	switch {
	case r.schema == "" && key != "schema":
		r.malformed("not a manifest: it does not begin with its schema")
		return true
	case key == "schema":
		r.readSchema()
		return true
	case key == "tool" && r.bodyAt == 0:
		r.m.Tool = r.text()
		return true
	case key == "digest" && r.bodyAt == 0:
		r.readDigest()
		return true
	case r.bodyAt == 0:
		r.malformed("member before the digest")
		return true
	}
	if key == "must_understand" {
		if r.inBody {
			r.malformed("must_understand is not right after the digest")
			return true
		}
		r.readMust()
		return true
	}
	r.inBody = true
	return r.content(key)
}

func (r *reader) readSchema() {
	r.schema = r.text()
	version, ok := strings.CutPrefix(r.schema, schemaKind)
	if r.err != nil {
		return
	}
	if !ok {
		r.malformed("schema %q is not that of a manifest", r.schema)
		return
	}
	major, minor, _ := strings.Cut(version, ".")
	n, err := strconv.ParseUint(major, 10, 16)
	_, err2 := strconv.ParseUint(minor, 10, 16)
	switch {
	case err != nil || err2 != nil:
		r.malformed("schema %q has no version", r.schema)
	case n != schemaMajor:
		r.fail(where.Unsupported, r.tokenAt(), "manifest of version %s, this program reads %d.x", version, schemaMajor)
	}
}

func (r *reader) readDigest() {
	s := r.text()
	if r.err != nil {
		return
	}
	r.digestAt = r.tokenAt()
	word, ok := strings.CutPrefix(s, digestPrefix)
	n, err := hex.Decode(r.digest[:], []byte(word[:min(len(word), 64)]))
	if !ok || err != nil || n != 32 || len(word) != 64 {
		r.malformed("want sha256: and 64 hexadecimal digits")
		return
	}
	end := r.json.InputOffset()
	if rest := r.data[end:]; !bytes.HasPrefix(rest, []byte(",\n")) && !bytes.HasPrefix(rest, []byte(",\r\n")) {
		r.fail(where.Malformed, end, "want a comma and a line end after the digest")
		return
	}
	r.bodyAt = end + 2
}

func (r *reader) readMust() {
	r.must = map[string]bool{}
	for _, field := range r.strings() {
		r.must[field] = true
	}
}

func (r *reader) content(key string) bool {
	m := r.m
	switch key {
	case "packages":
		m.Packages = listOf(r, key, 1<<16, r.pkg, orderPackage, Package.fault)
	case "release":
		m.Release = r.text()
	case "arch":
		m.Arch = model.Arch(r.text())
	case "scope":
		m.Scope = Scope(r.text())
	case "image":
		m.Image = r.image()
	case "base":
		m.Base = r.base()
	case "abilities":
		m.Abilities = listOf(r, key, 1<<16, r.ability, orderAbility, Ability.fault)
	case "config":
		m.Config = listOf(r, key, 1<<16, r.option, orderOption, Option.fault)
	case "certs":
		m.Certs = listOf(r, key, 1<<16, r.cert, orderCert, Cert.fault)
	case "builtin":
		m.BuiltIn = listOf(r, key, maxModules, r.element, strings.Compare, pathFault)
	case "vermagic":
		r.vermagic = r.text()
	case "signers":
		r.signers = listOf(r, key, maxModules, r.signer, orderSigner, Signer.fault)
	case "modules":
		m.Modules = listOf(r, key, maxModules, r.module, orderModule, Module.fault)
	case "symbols_from":
		r.exports().Source = r.text()
	case "symbols":
		r.exports().Symbols = listOf(r, key, maxSymbols, r.symbol, orderSymbol, Symbol.fault)
	default:
		return false
	}
	return true
}

func (r *reader) exports() *Exports {
	if r.m.Exports == nil {
		r.m.Exports = &Exports{}
	}
	return r.m.Exports
}

// listOf reads an array of things that must have no fault and be strictly in
// order; it is never nil.
func listOf[T any](r *reader, what string, most int, one func() T, order func(a, b T) int, fault func(T) string) []T {
	out := []T{}
	r.array(func(i int) {
		r.start = r.json.InputOffset()
		at := r.tokenAt()
		v := one()
		switch {
		case r.err != nil:
			return
		case i == most:
			r.fail(where.Limit, at, "more than %d %s", most, what)
			return
		}
		msg := fault(v)
		if msg == "" && i > 0 {
			msg = orderFault(order(out[i-1], v))
		}
		if msg != "" {
			r.fail(where.Malformed, at, "element %d of %s: %s", i, what, msg)
			return
		}
		out = append(out, v)
	})
	return slices.Clip(out)
}
