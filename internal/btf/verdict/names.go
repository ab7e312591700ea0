package verdict

import (
	"bytes"
	"slices"
)

// Character classes of the kernel (lib/ctype.c): Latin-1 whatever the locale.
const (
	classAlpha uint8 = 1 << iota // isalpha or '_'
	classDigit
	classDot
	classPrint
)

var class = func() (t [256]uint8) {
	for c := range t {
		upper := c >= 'A' && c <= 'Z' || c >= 0xc0 && c <= 0xde && c != 0xd7
		lower := c >= 'a' && c <= 'z' || c >= 0xdf && c != 0xf7
		if upper || lower || c == '_' {
			t[c] |= classAlpha
		}
		if c >= '0' && c <= '9' {
			t[c] |= classDigit
		}
		if c == '.' {
			t[c] |= classDot
		}
		if c >= 0x20 && c <= 0x7e || c >= 0xa0 {
			t[c] |= classPrint
		}
	}
	return t
}()

// rule is one rule for names: which classes the first character and the rest
// may have. No class at all means that the first is not looked at.
type rule struct{ first, rest uint8 }

// rules are the three rules of a kernel.
type rules struct {
	ident, variable, section rule
	max                      int
}

// newRules mirrors btf_name_valid_identifier, __btf_name_valid with dots (VAR)
// and btf_name_valid_section.
func newRules(p *Profile) rules {
	plain := rule{classAlpha, classAlpha | classDigit}
	dotted := rule{plain.first | classDot, plain.rest | classDot}
	r := rules{ident: plain, variable: dotted, section: dotted, max: p.KsymNameLen}
	if p.Dots {
		r.ident = dotted
	}
	switch p.Section {
	case SectionTail:
		r.section = rule{0, classPrint}
	case SectionPrint:
		r.section = rule{classPrint, classPrint}
	}
	return r
}

// valid reports whether the string at the beginning of s, which holds its NUL,
// obeys the rule. The kernel stops looking after max characters.
func (r rule) valid(s []byte, limit int) bool {
	if s[0] == 0 && r.first != 0 || r.first != 0 && class[s[0]]&r.first == 0 {
		return false
	}
	i := 1
	for ; i < len(s) && s[i] != 0; i++ {
		if i >= limit || class[s[i]]&r.rest == 0 {
			return false
		}
	}
	return true
}

// bits is one bit for each byte of a string section.
type bits []uint64

func (b bits) has(i uint32) bool { return b[i/64]>>(i%64)&1 != 0 }

// judge marks every offset of a string section at which a valid name begins.
// The section ends with NUL. It is one pass, however long the names and however
// often they are used.
func (r rule) judge(into bits, s []byte, limit int) bits {
	out := slices.Grow(into[:0], len(s)/64+1)[:len(s)/64+1]
	clear(out)
	rest, n := true, 0 // whether all from i+1 to the NUL obey, and how many
	for i := len(s) - 1; i >= 0; i-- {
		c := s[i]
		if c == 0 {
			rest, n = true, 0
			continue
		}
		if rest && n < limit && class[c]&r.first != 0 {
			out[i/64] |= 1 << (i % 64)
		}
		rest = rest && class[c]&r.rest != 0
		n++
	}
	return out
}

// cstring is the string at the beginning of s.
func cstring(s []byte) []byte {
	if i := bytes.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}
