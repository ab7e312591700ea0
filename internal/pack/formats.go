package pack

import (
	"context"
	"encoding/hex"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/pack/ar"
	"kpkg-btf/internal/pack/rpmhdr"
	"kpkg-btf/internal/where"
)

// Format is a form in which files come in one. What its containers are made of
// is a package below this one; to read another form takes that, a type with these
// methods, and a line in formats.
type Format interface {
	// Endings are how the names of such files end, where a file of that name which
	// is none is damaged.
	Endings() []string
	// Is reports whether a file is one; head is how it begins.
	Is(ctx context.Context, p *Package, head []byte) bool
	// Open reads what the package says about itself, its kind first, into p, and
	// returns what gives its entries.
	Open(ctx context.Context, p *Package) (Contents, error)
}

// Contents returns the entries of a package in stream order.
type Contents func(ctx context.Context, w *walker) error

// formats are those there are, in the order in which they are asked.
var formats = []Format{ipkFormat{}, debFormat{}, rpmFormat{}, initrdFormat{}, apkFormat{}, archFormat{}, tarFormat{}}

// IsName reports whether a file of a name claims to be a package. An archive of
// no package manager does not: next to packages it is as a rule their source.
func IsName(name string) bool {
	f, ok := claims(name)
	return ok && f != tarFormat{}
}

// claims is the format that the name of a file claims.
func claims(name string) (Format, bool) {
	name = strings.ToLower(filepath.Base(name))
	for _, f := range formats {
		if slices.ContainsFunc(f.Endings(), func(end string) bool { return strings.HasSuffix(name, end) }) {
			return f, true
		}
	}
	return nil, false
}

// identify finds the format of a file and opens it. One that is none is a plain
// file, unless its name claims a format.
func (p *Package) identify(ctx context.Context, head []byte) (err error) {
	for _, f := range formats {
		if f.Is(ctx, p, head) {
			p.walk, err = f.Open(ctx, p)
			return err
		}
	}
	f, _ := claims(p.Path)
	if f == (tarFormat{}) && p.begins(ctx, head).err == nil {
		f = nil // a base
	}
	switch f {
	case nil:
	case debFormat{}, rpmFormat{}:
		return where.New(where.Malformed, "not a deb or rpm (first bytes %s)", firstBytes(head)).
			At(0).WithHint("the name ends with %s: is the download complete, or is the package compressed once more?", strings.ToLower(filepath.Ext(p.Path)))
	default:
		return p.notAsNamed(ctx, head)
	}
	p.Kind, p.walk = File, p.walkFile
	return nil
}

// notAsNamed says why a file whose name claims a tar archive is none.
func (p *Package) notAsNamed(ctx context.Context, head []byte) error {
	err := p.begins(ctx, head).err
	if err == nil {
		err = where.New(where.Malformed, "a tar archive without %s", pkgInfo)
	}
	return where.New(where.KindOf(err), "not what its name says (first bytes %s): %w", firstBytes(head), err).
		At(0).WithHint("is the download complete?")
}

func firstBytes(head []byte) string {
	if len(head) == 0 {
		return "none: the file is empty"
	}
	return hex.EncodeToString(head[:min(len(head), 8)])
}

// debFormat is deb(5).
type debFormat struct{}

func (debFormat) Endings() []string { return []string{".deb", ".udeb", ".ddeb"} }

// Is: an ar archive of any other name must begin as a .deb does.
func (f debFormat) Is(_ context.Context, p *Package, head []byte) bool {
	named, _ := claims(p.Path)
	return ar.Is(head) && (named == f || p.holdsDeb())
}

func (debFormat) Open(ctx context.Context, p *Package) (Contents, error) { return p.openDeb(ctx) }

// rpmFormat is rpm, of formats 4 and 6.
type rpmFormat struct{}

func (rpmFormat) Endings() []string                                    { return []string{".rpm"} }
func (rpmFormat) Is(_ context.Context, _ *Package, head []byte) bool   { return rpmhdr.Is(head) }
func (rpmFormat) Open(_ context.Context, p *Package) (Contents, error) { return p.openRpm() }

// initrdFormat is what a kernel unpacks into its first root.
type initrdFormat struct{}

func (initrdFormat) Endings() []string { return nil }

func (initrdFormat) Is(ctx context.Context, p *Package, head []byte) bool {
	return p.initrd(ctx, head)
}

func (initrdFormat) Open(_ context.Context, p *Package) (Contents, error) {
	p.Kind = Initrd
	return p.walkInitrd, nil
}
