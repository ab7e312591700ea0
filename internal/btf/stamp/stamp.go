// Package stamp is the format of the section .BTF.base_checksum, by which a
// module tells on which base its BTF was built, and that its BTF was removed
// on purpose. The kernel does not know the section and ignores it (it looks
// sections up by name: find_any_sec, kernel/module/main.c).
//
// The content is one line of ASCII that ends with a NUL, so that readelf -p
// shows it and no byte order matters: fields key=value, one space between two,
// in this order:
//
//	schema=kpkg-btf/stamp/1.0
//	algorithm=sha256   of digest
//	digest=HEX         the base checksum: of the base's BTF up to the end of the
//	                   last section that its header declares
//	types=N            the number of types of the base, void counted
//	strings=N          the bytes of its string section
//	btf=WORD           what the module carries: split, distilled, stripped
//
// Numbers are decimal without leading zeros. algorithm, digest, types and
// strings are all there or, when the base was not known, none; only a stripped
// module may do without. Readers of the same major version ignore fields they
// do not know, which stand at the end.
package stamp

import (
	"encoding/hex"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

const (
	// Section is the name of the section: not loaded, SHT_PROGBITS.
	Section = ".BTF.base_checksum"

	schema  = "kpkg-btf/stamp/1.0"
	major   = "kpkg-btf/stamp/1."
	maxSize = 4096 // bytes
)

// Left says what BTF a module was left with.
type Left string

const (
	Split     Left = "split"
	Distilled Left = "distilled"
	Stripped  Left = "stripped"
)

// Base is what identifies a base.
type Base struct {
	Digest  [32]byte // btf.Checksum
	Types   uint32   // void counted, as the kernel counts
	Strings uint32   // bytes
}

// BaseOf gives the identity of a base; blob is what raw was parsed from.
func BaseOf(blob []byte, raw *btf.Raw) (Base, error) {
	sum, err := btf.Checksum(blob)
	return Base{Digest: sum, Types: raw.NumTypes(), Strings: raw.StrLen()}, err
}

// Stamp is the content of the section.
type Stamp struct {
	Base *Base // nil: not known, of a stripped module
	Left Left
}

// Bytes is the content of the section.
func (s Stamp) Bytes() []byte {
	var b strings.Builder
	b.WriteString("schema=" + schema)
	if s.Base != nil {
		b.WriteString(" algorithm=sha256 digest=" + hex.EncodeToString(s.Base.Digest[:]) +
			" types=" + strconv.FormatUint(uint64(s.Base.Types), 10) +
			" strings=" + strconv.FormatUint(uint64(s.Base.Strings), 10))
	}
	b.WriteString(" btf=" + string(s.Left) + "\x00")
	return []byte(b.String())
}

// Parse reads the content of the section. What is not a stamp is Malformed,
// another major version or algorithm is Unsupported.
func Parse(b []byte) (Stamp, error) {
	if len(b) == 0 || len(b) > maxSize || b[len(b)-1] != 0 {
		return Stamp{}, bad("%d bytes that do not end as a stamp does", len(b))
	}
	r := reader{fields: strings.Split(string(b[:len(b)-1]), " ")}
	if v := r.next("schema"); r.err == nil && !strings.HasPrefix(v, major) {
		return Stamp{}, where.New(where.Unsupported, "stamp of schema %q, not %s", v, schema)
	}
	var s Stamp
	if r.at("algorithm") {
		s.Base = r.base()
	}
	s.Left = Left(r.next("btf"))
	r.rest()
	switch {
	case r.err != nil:
		return Stamp{}, r.err
	case s.Left != Split && s.Left != Distilled && s.Left != Stripped:
		return Stamp{}, bad("btf=%s", s.Left)
	case s.Base == nil && s.Left != Stripped:
		return Stamp{}, bad("no base, and yet btf=%s", s.Left)
	}
	return s, nil
}

// reader takes one field after the other; the first error stays.
type reader struct {
	fields []string
	err    error
}

func (r *reader) at(key string) bool {
	return len(r.fields) > 0 && strings.HasPrefix(r.fields[0], key+"=")
}

func (r *reader) next(key string) string {
	if r.err != nil {
		return ""
	}
	if !r.at(key) {
		r.err = bad("no field %s where it belongs", key)
		return ""
	}
	v := r.fields[0][len(key)+1:]
	r.fields = r.fields[1:]
	return v
}

func (r *reader) number(key string) uint32 {
	v := r.next(key)
	if r.err != nil {
		return 0
	}
	n, err := strconv.ParseUint(v, 10, 32)
	if err != nil || strconv.FormatUint(n, 10) != v {
		r.err = bad("%s=%s is no number", key, v)
	}
	return uint32(n)
}

func (r *reader) base() *Base {
	if a := r.next("algorithm"); a != "sha256" && r.err == nil {
		r.err = where.New(where.Unsupported, "stamp with algorithm %q", a)
	}
	var out Base
	digest := r.next("digest")
	if n, err := hex.Decode(out.Digest[:], []byte(digest[:min(len(digest), 64)])); r.err == nil && (err != nil || n != 32 || strings.ToLower(digest) != digest || len(digest) != 64) {
		r.err = bad("digest=%s is no SHA-256", digest)
	}
	out.Types, out.Strings = r.number("types"), r.number("strings")
	return &out
}

// rest checks the fields of later versions: a key and a value each.
func (r *reader) rest() {
	for _, f := range r.fields {
		if key, _, ok := strings.Cut(f, "="); r.err == nil && (!ok || key == "") {
			r.err = bad("%q is no field", f)
		}
	}
}

func bad(format string, args ...any) error {
	return where.New(where.Malformed, "no stamp: "+format, args...)
}
