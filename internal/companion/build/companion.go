// Package build builds the small package that carries a kernel's record:
// manifest and base below /usr/lib/linux/RELEASE/, as Ubuntu's linux-buildinfo
// does with its own files, and the virtual packages that modules ask for. It
// is the only importer of nfpm.
package build

import (
	"bytes"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers the packager
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers the packager

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/manifest"
	"kpkg-btf/internal/model"
	"kpkg-btf/internal/where"
)

// Kind is a package format.
type Kind string

const (
	Deb Kind = "deb"
	RPM Kind = "rpm"
)

// Spec is what the package is to be.
type Spec struct {
	Manifest *manifest.Manifest
	// Base is the BTF of the kernel, as it is named by Manifest.Base; nil for
	// a kernel without BTF.
	Base []byte
	// Version as the format writes it: "6.1.192-2", "1:6.1-3", "5.14.0-427.el9";
	// "": that of the package the image came from.
	Version    string
	Maintainer string
	// MTime is put on every file and into the headers.
	MTime time.Time
}

// Name is the package's name: linux-btf- and the release, in the letters both
// formats allow (deb-control(5): lower case, digits, "+-.").
func (s *Spec) Name() string {
	return "linux-btf-" + strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9', r == '+', r == '-', r == '.':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, s.Manifest.Release)
}

// Provides are the virtual packages: in deb the checksum is in the name,
// because an equality of versions there is one of this package alone.
func (s *Spec) Provides(k Kind) []string {
	if s.Manifest.Base == nil {
		return nil
	}
	sum := hex.EncodeToString(s.Manifest.Base.SHA256[:])
	if k == RPM {
		return []string{"kernel-btf(" + s.Manifest.Release + ") = " + sum}
	}
	return []string{model.BaseProvide(sum)}
}

// FileName is the name by the format's convention.
func (s *Spec) FileName(k Kind) (string, error) {
	info, packager, err := s.info(k)
	if err != nil {
		return "", err
	}
	return packager.ConventionalFileName(info), nil
}

// Write builds the package. The same Spec gives the same bytes.
func (s *Spec) Write(w io.Writer, k Kind) error {
	info, packager, err := s.info(k)
	if err != nil {
		return err
	}
	// nfpm takes files by their path on disk alone.
	dir, remove, err := fsx.TempFolder()
	if err != nil {
		return err
	}
	defer remove()
	if info.Contents, err = s.contents(dir); err != nil {
		return err
	}
	if err := nfpm.PrepareForPackager(info, string(k)); err != nil {
		return where.New(where.Usage, "%s: %v", k, err)
	}
	if err := packager.Package(info, w); err != nil {
		return where.New(where.IO, "%s: %w", k, err)
	}
	return nil
}

// contents writes the files and names where they go.
func (s *Spec) contents(dir string) (files.Contents, error) {
	target := "/usr/lib/linux/" + s.Manifest.Release + "/"
	var list files.Contents
	add := func(name string, write func(io.Writer) error) error {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			return err
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b.Bytes(), 0o600); err != nil {
			return where.New(where.IO, "%w", err)
		}
		list = append(list, &files.Content{Source: path, Destination: target + name,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: 0o644, MTime: s.MTime}})
		return nil
	}
	if err := add("btf.json", func(w io.Writer) error { return manifest.Write(w, s.Manifest) }); err != nil {
		return nil, err
	}
	if s.Manifest.Base == nil {
		return list, nil
	}
	return list, add(manifest.BaseName(s.Manifest.Base.SHA256), func(w io.Writer) error { return manifest.WriteBase(w, s.Base) })
}

func (s *Spec) info(k Kind) (*nfpm.Info, nfpm.Packager, error) {
	packager, err := nfpm.Get(string(k))
	if err != nil {
		return nil, nil, where.New(where.Usage, "no package format %q", k)
	}
	m := s.Manifest
	if strings.ContainsAny(m.Release, "/ \t\n") || m.Release == "" || m.Release[0] == '.' {
		return nil, nil, where.New(where.Malformed, "%q is not a release to name a folder by", m.Release)
	}
	if (m.Base == nil) != (s.Base == nil) {
		return nil, nil, where.New(where.Inconclusive, "the manifest names a base, and it is not there").
			WithHint("give the kernel's packages, or keep <sha256>.btf.zst beside the manifest")
	}
	version, arch, err := s.versionArch(k)
	if err != nil {
		return nil, nil, err
	}
	info := &nfpm.Info{
		Name: s.Name(), Platform: "linux", Arch: arch, VersionSchema: "none", Section: "kernel", Priority: "optional",
		Maintainer: s.Maintainer, License: "GPL-2.0-only", MTime: s.MTime,
		Description: "BTF base and build record of Linux " + m.Release + "\n" +
			"The manifest of the kernel's modules and the type information (BTF) that they\n" +
			"continue, for tools that check modules before they are loaded.",
		Overridables: nfpm.Overridables{Provides: s.Provides(k)},
	}
	info.Deb.Compression, info.Deb.Arch = "xz", arch
	info.RPM.Compression, info.RPM.Arch = "zstd", arch
	info.RPM.Summary = "BTF base and build record of Linux " + m.Release
	info.RPM.BuildHost = "localhost" // not the builder's name: the same input, the same bytes
	version.put(info)
	return nfpm.WithDefaults(info), packager, nil
}
