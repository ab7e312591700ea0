package explain

import (
	"strings"

	"kpkg-btf/internal/model"
)

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// number reads a decimal number of at most 32 bits.
func number(s string) (uint32, bool) {
	if !digits(s) || len(s) > 10 {
		return 0, false
	}
	n := uint64(0)
	for i := range len(s) {
		n = n*10 + uint64(s[i]-'0')
	}
	return uint32(n), n < 1<<32
}

// errno reads the number that s begins with, "-22", "22"; 0 when it is none.
func errno(s string) int {
	s = strings.TrimPrefix(strings.TrimSpace(s), "-")
	if i := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		s = s[:i]
	}
	n, ok := number(s)
	if !ok || n > 4095 {
		return 0
	}
	return -int(n)
}

// between returns what of s is between two words and what is after them; ok
// only when both are present.
func between(s, open, closing string) (inner, after string, ok bool) {
	_, rest, ok := strings.Cut(s, open)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, closing)
}

// moduleName is a module's name as the kernel spells it, from a name, a path
// or a file name; "" when it cannot be one.
func moduleName(s string) string {
	s = model.ModuleName(strings.Trim(strings.TrimSpace(s), `'"`))
	if s == "" || len(s) > 64 {
		return ""
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' || s[i] == '[' || s[i] == ']' {
			return ""
		}
	}
	return s
}
