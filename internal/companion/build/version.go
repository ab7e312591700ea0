package build

import (
	"slices"
	"strings"

	"github.com/goreleaser/nfpm/v2"

	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// version is [epoch:]upstream[-revision] as both formats have it.
type version struct{ epoch, upstream, revision string }

func parseVersion(text string) version {
	var v version
	if epoch, rest, ok := strings.Cut(text, ":"); ok {
		v.epoch, text = epoch, rest
	}
	v.upstream = text
	if i := strings.LastIndexByte(text, '-'); i >= 0 {
		v.upstream, v.revision = text[:i], text[i+1:]
	}
	return v
}

func (v version) put(info *nfpm.Info) {
	info.Epoch, info.Version, info.Release = v.epoch, v.upstream, v.revision
}

// versionArch are the version and architecture words: those of the package
// the image came from, else what was asked for and the format's own word.
func (s *Spec) versionArch(k Kind) (version, string, error) {
	m := s.Manifest
	arch := m.Arch.DebWord()
	if k == RPM {
		arch = m.Arch.RPMWord()
	}
	text := s.Version
	if p := imagePackage(m); p != nil {
		if text == "" {
			text = p.Version
		}
		if kindOf(p) == k && p.Arch != "" && model.ArchOfPackage(p.Arch) == m.Arch {
			arch = p.Arch
		}
	}
	if text == "" {
		return version{}, "", where.New(where.Usage, "no version: the record names no package").WithHint("give --package-version")
	}
	v := parseVersion(text)
	for _, part := range []string{v.epoch, v.upstream, v.revision} {
		if strings.ContainsFunc(part, func(r rune) bool { return !strings.ContainsRune(versionLetters, r) }) {
			return version{}, "", where.New(where.Usage, "version %q holds a letter that no package format allows", text)
		}
	}
	if arch == "" {
		return version{}, "", where.New(where.Inconclusive, "the architecture is not known")
	}
	return v, arch, nil
}

// deb-version(5): alphanumerics and these; rpm allows "_" and "^" too.
const versionLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.+-~_^"

// imagePackage is the package that gave the image, else the first with a version.
func imagePackage(m *manifest.Manifest) *manifest.Package {
	var first *manifest.Package
	for i := range m.Packages {
		p := &m.Packages[i]
		switch {
		case p.Version == "":
		case slices.Contains(p.Gives, "image"):
			return p
		case first == nil:
			first = p
		}
	}
	return first
}

func kindOf(p *manifest.Package) Kind {
	if p.Kind == "rpm" {
		return RPM
	}
	return Deb
}
