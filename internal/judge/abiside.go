package judge

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"kpkg-btf/internal/abi"
	"kpkg-btf/internal/kmod"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/symvers"
)

// abiSide is a release by what it offers to modules, but for its types.
func abiSide(r *release.Release, m *manifest.Manifest) *abi.Side {
	s := &abi.Side{Exports: r.Symvers, Build: buildOf(r, m)}
	if m.Scope == manifest.Full && len(m.Modules) > 0 {
		set := moduleSet(m)
		s.Modules = &set
	}
	facts := map[string]*kmod.Facts{}
	for _, x := range r.Modules {
		facts[symvers.OwnerOf(x.Path)] = x.Facts
	}
	for _, x := range r.Packed {
		facts[symvers.OwnerOf(x.Path)] = x.Facts
	}
	if len(facts) > 0 {
		s.Imports, s.Code = importsOf(r, facts), codeOf(facts)
	}
	return s
}

// importsOf yields what the modules of a release import, those below updates/
// and extra/ included.
func importsOf(r *release.Release, facts map[string]*kmod.Facts) func(func(string) bool) {
	return func(yield func(string) bool) {
		each := func(f *kmod.Facts) {
			for i := range f.Imports {
				if !yield(f.Imports[i].Name) {
					return
				}
			}
		}
		for _, f := range facts {
			each(f)
		}
		for _, m := range r.Added {
			each(m.Facts)
		}
	}
}

func codeOf(facts map[string]*kmod.Facts) func(string) (uint64, bool) {
	return func(owner string) (uint64, bool) {
		f := facts[owner]
		if f == nil || f.CodeDigest == 0 {
			return 0, false
		}
		return f.CodeDigest, true
	}
}

// buildOf is what a release was built from and with. Packages that disagree
// about their source, and configurations that disagree, tell nothing.
func buildOf(r *release.Release, m *manifest.Manifest) abi.Build {
	b := abi.Build{Exact: exactBuild(m)}
	for i, p := range r.Packages {
		source := p.Source + " " + p.SourceVersion
		if p.Source == "" || p.SourceVersion == "" || i > 0 && source != b.Source {
			b.Source = ""
			break
		}
		b.Source = source
	}
	if r.Config == nil {
		return b
	}
	for _, c := range r.Configs {
		if configDigest(c.Data) != configDigest(r.Config.Data) {
			return b
		}
	}
	b.Config = configDigest(r.Config.Data)
	b.C, b.Rust = valueIn(r.Config.Data, "CONFIG_CC_VERSION_TEXT"), valueIn(r.Config.Data, "CONFIG_RUSTC_VERSION_TEXT")
	return b
}

// valueIn is what a config sets an option to, "" when it does not.
func valueIn(config []byte, option string) string {
	for line := range strings.Lines(string(config)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), option+"="); ok {
			return v
		}
	}
	return ""
}

// configDigest is over the lines that set something, without those that name
// the build: two names of one configuration have one digest.
func configDigest(config []byte) string {
	h := sha256.New()
	for line := range strings.Lines(string(config)) {
		line = strings.TrimSpace(line)
		name, _, set := strings.Cut(line, "=")
		switch {
		case set && !slices.Contains([]string{"CONFIG_LOCALVERSION", "CONFIG_BUILD_SALT"}, name):
			fmt.Fprintln(h, line)
		case strings.HasPrefix(line, "# CONFIG_") && strings.HasSuffix(line, " is not set"):
			fmt.Fprintln(h, line)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// exactBuild tells a build from all others by what its manifest holds, "" where
// that is too little: the banner with its time, the base, and the content of
// every module.
func exactBuild(m *manifest.Manifest) string {
	if m.Image == nil || m.Image.Banner == "" || m.Base == nil || len(m.Modules) == 0 {
		return ""
	}
	h := sha256.New()
	fmt.Fprintln(h, m.Image.Banner)
	h.Write(m.Base.SHA256[:])
	for i := range m.Modules {
		fmt.Fprintln(h, m.Modules[i].Path)
		h.Write(m.Modules[i].SHA256[:])
	}
	return hex.EncodeToString(h.Sum(nil))
}
