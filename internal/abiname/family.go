package abiname

import (
	"regexp"
	"strings"
)

var (
	leadingVersion = regexp.MustCompile(`^([0-9]+\.[0-9]+)(?:\.[0-9]+)*(?:-rc[0-9]+)?`)
	digits         = regexp.MustCompile(`[0-9]+`)
)

// Family returns what the names of one kernel's uploads have in common, for
// tests and fingerprints that are compared from upload to upload: the series
// and the flavour ("6.1-rt-amd64"), without the number of the ABI and without
// the last part of the version, in which Debian counts ABIs since 6.12.33. Of a
// scheme that is not known every number behind the series is N ("6.9-archN-N").
func Family(name string) string {
	m := leadingVersion.FindStringSubmatch(name)
	if m == nil {
		return digits.ReplaceAllString(name, "N")
	}
	rest := ""
	if n, ok := Parse(name); ok {
		rest = n.Flavour
	} else {
		rest = digits.ReplaceAllString(strings.TrimLeft(name[len(m[0]):], "-.+"), "N")
	}
	if rest == "" {
		return m[1]
	}
	return m[1] + "-" + rest
}
