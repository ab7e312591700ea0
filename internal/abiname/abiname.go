// Package abiname knows how distributions write the ABI into `uname -r`, and
// suggests the next name when a release needs one. It knows forms, not
// changelogs: the suggestion is the least change that the scheme allows, and
// the packager has the last word.
package abiname

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Name is a release name taken apart: Head + Number + Tail is the whole, and
// Number is what counts ABIs. A scheme whose first name carries no number has
// Number "" and Joint, which is put before the first one.
type Name struct {
	Scheme  string // "Debian", "Proxmox", "Ubuntu", "RHEL", "SUSE"
	Head    string
	Joint   string
	Number  string
	Tail    string
	Flavour string // "amd64", "cloud-amd64", "generic", "x86_64+debug", …
}

// Stem is what all architectures and flavours of one build share: the name
// without its flavour.
func (n Name) Stem() string {
	return strings.TrimRight(n.Head+n.Number+strings.TrimSuffix(n.Tail, n.Flavour), "-.")
}

// Next is the next name of the scheme.
func (n Name) Next() string {
	v, err := strconv.ParseUint(n.Number, 10, 64)
	if n.Number != "" && err != nil {
		return "" // more digits than any distribution counts
	}
	next := strconv.FormatUint(v+1, 10)
	if pad := len(n.Number) - len(next); pad > 0 {
		next = strings.Repeat("0", pad) + next
	}
	return n.Head + n.Joint + next + n.Tail
}

// scheme recognises the names of one distribution. The groups of its form are
// head, number, tail; flavour reports whether what the tail ends with is one of
// its own.
type scheme struct {
	name    string
	form    *regexp.Regexp
	joint   string // before a first number
	flavour func(tail string) (string, bool)
}

// upstream is a kernel version with pre-releases: 6.1.0, 7.2.13, 7.3-rc1.
const upstream = `[0-9]+\.[0-9]+(?:\.[0-9]+)*(?:-rc[0-9]+)?`

// schemes in the order they are tried. Where forms overlap, the flavours tell
// them apart.
var schemes = []scheme{
	// 6.8.12-4-pve, 6.14.8-2-bpo12-pve
	{"Proxmox", regexp.MustCompile(`^(` + upstream + `-)([0-9]+)(-(?:bpo[0-9]+-)?pve)$`), "", func(string) (string, bool) { return "pve", true }},
	// 6.12.115+deb13.1-amd64, 7.2.13+deb14+1-amd64: since 6.12.33-1 the name has
	// the upstream version, the Debian release, and a count from the second
	// upload of that version on.
	{"Debian", regexp.MustCompile(`^(` + upstream + `\+deb[0-9]+[.+])([0-9]+)(-.+)$`), "", debianFlavour},
	{"Debian", regexp.MustCompile(`^(` + upstream + `\+deb[0-9]+)()(-.+)$`), ".", debianFlavour},
	// 6.5.0-0.deb12.4-amd64: backports until 6.10.
	{"Debian", regexp.MustCompile(`^(` + upstream + `-0\.deb[0-9]+\.)([0-9]+)(-.+)$`), "", debianFlavour},
	// 6.1.0-55-amd64, 6.1.0-55-rt-amd64: until 6.10, and stable releases after.
	{"Debian", regexp.MustCompile(`^(` + upstream + `-)([0-9]+)(-.+)$`), "", debianFlavour},
	// 6.4.0-150600.23.25-default, 5.3.18-lp152.106-default, 6.11.3-1-default
	{"SUSE", regexp.MustCompile(`^(` + upstream + `-(?:lp)?(?:[0-9]+\.)+)([0-9]+)(-[a-z0-9_]+)$`), "", suseFlavour},
	{"SUSE", regexp.MustCompile(`^(` + upstream + `-)([0-9]+)(-[a-z0-9_]+)$`), "", tumbleweedFlavour},
	// 6.8.0-45-generic, 6.8.0-1015-aws, 6.8.0-45-generic-64k
	{"Ubuntu", regexp.MustCompile(`^(` + upstream + `-)([0-9]+)(-.+)$`), "", ubuntuFlavour},
	// 5.14.0-427.13.1.el9_4.x86_64, 6.11.4-301.fc41.x86_64+debug,
	// 4.18.0-553.rt7.342.el8_10.x86_64, 6.1.102-111.182.amzn2023.x86_64
	{"RHEL", regexp.MustCompile(`^(` + upstream + `-(?:[0-9a-z]+\.)*?(?:[0-9a-z]+\.)*)([0-9]+)(\.(?:el|fc|amzn|oe|eln|uelc|an|tl|nfs|cm|azl)[0-9a-z_]*(?:uek)?(?:\..+)?)$`), "", rpmFlavour},
}

// Parse recognises a release name; false when the scheme is unknown.
func Parse(name string) (Name, bool) {
	for _, s := range schemes {
		m := s.form.FindStringSubmatch(name)
		if m == nil {
			continue
		}
		flavour, ok := s.flavour(m[3])
		if !ok {
			continue
		}
		n := Name{Scheme: s.name, Head: m[1], Number: m[2], Tail: m[3], Flavour: flavour}
		if n.Number == "" {
			n.Joint = s.joint
		}
		return n, n.Next() != ""
	}
	return Name{}, false
}

// Next suggests the name after one, which shares its stem with none of taken
// (names of older releases, of any flavour). ok is false when the scheme is
// unknown.
func Next(name string, taken ...string) (next, scheme string, ok bool) {
	n, ok := Parse(name)
	scheme = n.Scheme
	for range len(taken) + 1 {
		if !ok {
			break
		}
		next = n.Next()
		if n, ok = Parse(next); ok && !slices.ContainsFunc(taken, func(t string) bool { return Stem(t) == n.Stem() }) {
			return next, scheme, true
		}
	}
	return "", "", false
}

// Stem is the stem of a release name, whether its scheme is known or not: what
// is left without the flavour.
func Stem(name string) string {
	if n, ok := Parse(name); ok {
		return n.Stem()
	}
	return strings.TrimRight(strings.TrimSuffix(name, Flavour(name)), "-.")
}
