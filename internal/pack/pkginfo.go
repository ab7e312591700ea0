package pack

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"kpkg-btf/internal/where"
)

// pkgInfo is what packages of Arch and Alpine say about themselves, lines of
// "key = value" (makepkg(8), scripts/libmakepkg; abuild(1)).
const pkgInfo = ".PKGINFO"

// setPkgInfo takes in a .PKGINFO. origin is the key of the source package.
func (p *Package) setPkgInfo(text []byte, origin string) error {
	fields := map[string]string{}
	at := int64(0)
	for line := range bytes.SplitSeq(text, []byte("\n")) {
		if err := pkgInfoLine(fields, line); err != nil {
			return err.(*where.Error).At(at)
		}
		at += int64(len(line)) + 1
	}
	p.Fields = fields
	p.Name, p.Version, p.Arch = fields["pkgname"], fields["pkgver"], fields["arch"]
	if p.Name == "" || p.Version == "" || p.Arch == "" {
		return where.New(where.Malformed, "pkgname, pkgver or arch is missing")
	}
	p.Source, p.SourceVersion = p.Name, p.Version
	if s := fields[origin]; s != "" {
		p.Source = s
	}
	return nil
}

// once are the keys that say what a package is: a second one is refused.
var once = []string{"pkgname", "pkgver", "arch", "pkgbase", "origin", "datahash"}

func pkgInfoLine(fields map[string]string, line []byte) error {
	text := strings.TrimSpace(string(line))
	if text == "" || text[0] == '#' {
		return nil
	}
	key, value, ok := strings.Cut(text, "=")
	key, value = strings.TrimSpace(key), strings.TrimSpace(value)
	if !ok || key == "" || !utf8.ValidString(text) {
		return where.New(where.Malformed, "%s is not key = value", shown(text))
	}
	if old, again := fields[key]; again {
		if slices.Contains(once, key) {
			return where.New(where.Malformed, "%s stands twice", key)
		}
		value = old + ", " + value
	}
	fields[key] = value
	return nil
}

// hidden passes over what pacman and apk do not install: metadata at the root.
// Neither installs "./usr" either, so a package of such names is not one.
func hidden(name string) (bool, error) {
	if strings.HasPrefix(name, "./") && name != "./" {
		return false, where.New(where.Malformed, "entry name %s begins with a dot: its package manager would pass it over", shown(name))
	}
	return strings.HasPrefix(name, "."), nil
}

// archFormat is a package of pacman's: one tar archive, metadata first.
type archFormat struct{}

func (archFormat) Endings() []string {
	return []string{".pkg.tar.zst", ".pkg.tar.xz", ".pkg.tar.gz", ".pkg.tar.bz2", ".pkg.tar.lz4", ".pkg.tar.lzo", ".pkg.tar"}
}

// Is: Alpine's packages hold a .PKGINFO too.
func (f archFormat) Is(ctx context.Context, p *Package, head []byte) bool {
	return p.begins(ctx, head).info != nil && !apkFormat{}.Is(ctx, p, head)
}

func (archFormat) Open(ctx context.Context, p *Package) (Contents, error) {
	if err := p.setPkgInfo(p.peeked.info, "pkgbase"); err != nil {
		return nil, where.In(pkgInfo, err)
	}
	p.Kind = Arch
	part := p.whole()
	return func(ctx context.Context, w *walker) error {
		infos := 0
		return p.walkTar(ctx, part, w, func(name string) (bool, error) {
			if name == pkgInfo {
				if infos++; infos > 1 {
					return false, where.New(where.Malformed, "two files %s", pkgInfo)
				}
			}
			return hidden(name)
		})
	}, nil
}

// whole is the file as one archive.
func (p *Package) whole() tarPart {
	return tarPart{format: p.peeked.format, content: io.NewSectionReader(p.file, 0, p.size)}
}

// tarFormat is any other archive: what kbuild's tar targets write, or a tree
// that somebody packed.
type tarFormat struct{}

func (tarFormat) Endings() []string {
	return []string{".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.zst", ".tar.bz2", ".tar.lzma", ".tar.lz4"}
}

// Is: a base in an archive of its own, as btfhub has them, is a file of its kind.
func (tarFormat) Is(ctx context.Context, p *Package, head []byte) bool {
	first := p.begins(ctx, head).first
	return first != "" && !strings.HasSuffix(first, ".btf")
}

func (tarFormat) Open(ctx context.Context, p *Package) (Contents, error) {
	p.Kind = Tar
	part := p.whole()
	return func(ctx context.Context, w *walker) error { return p.walkTar(ctx, part, w, nil) }, nil
}
