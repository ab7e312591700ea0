// Package stamp is the format of the section .BTF.base_checksum, by which a
// module tells on which base its BTF was built, and that its BTF was removed
// on purpose. The kernel does not know the section and ignores it (it looks
// sections up by name: find_any_sec, kernel/module/main.c).
//
// The content is one line of ASCII that ends with a NUL, so that readelf -p
// shows it and no byte order matters: fields key=value, one space between two,
// in this order:
//
//	schema=kpkg-btf/stamp/2.0
//	algorithm=sha256   of every digest
//	digest=HEX         the base checksum: of the base's BTF up to the end of the
//	                   last section that its header declares
//	types=N            the number of types of the base, void counted
//	strings=N          the bytes of its string section
//	btf=WORD           what the module carries: split, distilled, stripped
//	over=HEX           the section .BTF that the stamp speaks of, all its bytes
//	over-base=HEX      the section .BTF.base beside it
//	by=WORD            who says so: encoder, asserted
//
// Numbers are decimal without leading zeros. algorithm, digest, types and
// strings are all present or, when the base was not known, none; only a
// stripped module may do without. over and by are present unless the module
// was stripped, over-base when it is distilled. A stamp whose over or
// over-base does not fit the module's sections is void: the BTF was written
// again after it. Readers of the same major version ignore fields they do not
// know, which stand at the end.
package stamp

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"kpkg-btf/internal/btf"
	"kpkg-btf/internal/where"
)

const (
	// Section is the name of the section: not loaded, SHT_PROGBITS.
	Section = ".BTF.base_checksum"
	// Emptied is the type that a section .BTF gets when it is emptied on purpose
	// without moving anything else (apply --mode=neutralize), where no section
	// can be added: SHT_LOUSER and "BTF", from the range that the ELF
	// specification leaves to programs. The kernel finds .BTF by its name alone.
	Emptied = 0x80425446

	schema  = "kpkg-btf/stamp/2.0"
	major   = "kpkg-btf/stamp/2."
	maxSize = 4096 // bytes
)

// Left says what BTF a module was left with.
type Left string

const (
	Split     Left = "split"
	Distilled Left = "distilled"
	Stripped  Left = "stripped"
)

// By says who vouches for a stamp.
type By string

const (
	// Encoder: the step that encoded the BTF wrote the stamp, from the base that
	// it had just used. Only this is proof.
	Encoder By = "encoder"
	// Asserted: somebody said afterwards that this is the base.
	Asserted By = "asserted"
)

// Base is what identifies a base.
type Base struct {
	Digest  [32]byte // btf.Checksum
	Types   uint32   // void counted, as the kernel counts
	Strings uint32   // bytes
}

// BaseOf returns the identity of a base; blob is what raw was parsed from.
func BaseOf(blob []byte, raw *btf.Raw) (Base, error) {
	sum, err := btf.Checksum(blob)
	return Base{Digest: sum, Types: raw.NumTypes(), Strings: raw.StrLen()}, err
}

// Stamp is the content of the section.
type Stamp struct {
	Base *Base // nil: not known, of a stripped module
	Left Left
	By   By // "" of a stripped module
	// Over is the SHA-256 of the section .BTF that the stamp speaks of, OverBase
	// of the section .BTF.base of a distilled module; zero where there is none.
	Over, OverBase [32]byte
}

// Of returns the stamp for a module with this .BTF and, if it is distilled,
// this .BTF.base.
func Of(base Base, by By, btf, btfBase []byte) Stamp {
	s := Stamp{Base: &base, Left: Split, By: by, Over: sha256.Sum256(btf)}
	if len(btfBase) > 0 {
		s.Left, s.OverBase = Distilled, sha256.Sum256(btfBase)
	}
	return s
}

// Fits reports whether the stamp speaks of the very sections with these
// SHA-256 digests; base is zero without .BTF.base. A stamp that does not fit is
// void. A stripped module's speaks of no section and fits none.
func (s *Stamp) Fits(btf, base [32]byte) bool {
	return s.Left != Stripped && s.Over == btf && s.OverBase == base
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
	b.WriteString(" btf=" + string(s.Left))
	if s.Left != Stripped {
		b.WriteString(" over=" + hex.EncodeToString(s.Over[:]))
		if s.Left == Distilled {
			b.WriteString(" over-base=" + hex.EncodeToString(s.OverBase[:]))
		}
		b.WriteString(" by=" + string(s.By))
	}
	b.WriteByte(0)
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
	switch s.Left {
	case Split:
		s.Over = r.digest("over")
	case Distilled:
		s.Over, s.OverBase = r.digest("over"), r.digest("over-base")
	case Stripped:
	default:
		if r.err == nil {
			r.err = bad("btf=%s", s.Left)
		}
	}
	if s.Left != Stripped {
		s.By = By(r.next("by"))
	}
	r.rest()
	switch {
	case r.err != nil:
		return Stamp{}, r.err
	case s.Left != Stripped && s.By != Encoder && s.By != Asserted:
		return Stamp{}, bad("by=%s", s.By)
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
	out := Base{Digest: r.digest("digest")}
	out.Types, out.Strings = r.number("types"), r.number("strings")
	return &out
}

func (r *reader) digest(key string) (sum [32]byte) {
	v := r.next(key)
	if r.err != nil {
		return sum
	}
	if _, err := hex.Decode(sum[:], []byte(v[:min(len(v), 64)])); err != nil || len(v) != 64 || strings.ToLower(v) != v {
		r.err = bad("%s=%s is no SHA-256", key, v)
	}
	return sum
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
