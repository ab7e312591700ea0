package abiname

import (
	"regexp"

	"kpkg-btf/internal/model"
)

// A flavour is what follows the version in `uname -r`: "amd64",
// "cloud-amd64", "generic", "pve"; on Fedora the architecture and "+debug".
var (
	flavourWord = regexp.MustCompile(`-([a-z][a-z0-9_]*(?:-[a-z0-9_]+)*)$`)
	preRelease  = regexp.MustCompile(`-rc[0-9]+`)
	fedora      = regexp.MustCompile(`\.([a-z0-9_]+)((?:\+[a-z0-9-]+)*)$`)
)

// Flavour returns the flavour in a release name, "" when there is none.
func Flavour(name string) string {
	name = preRelease.ReplaceAllString(name, "")
	if m := flavourWord.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	if m := fedora.FindStringSubmatch(name); m != nil && model.ArchOfPackage(m[1]) != model.ArchUnknown {
		return m[1] + m[2]
	}
	return ""
}
