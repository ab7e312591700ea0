package fetch

import (
	"context"
	"io"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/deb822"
	"kpkg-btf/internal/where"
)

// Apt is one suite of an apt archive, one component and architecture of it.
type Apt struct {
	Client    *Client
	URL       string // of the archive, above dists/
	Suite     string // "bookworm-security"; a folder with a slash at its end for a flat repository
	Component string // "main"
	Arch      string // Debian's word: "amd64"
	Keys      *Keyring
	Now       func() time.Time // nil for the machine's clock
	// Expired, if not nil, is told of a Release beyond its Valid-Until, which is
	// then taken all the same: snapshots of an archive are all expired. Older is the
	// same for one that is older than what was taken before.
	Expired, Older func(at, what string)
}

func (a *Apt) String() string {
	if a.flat() {
		return shown(a.URL) + " " + a.Suite
	}
	return shown(a.URL) + " " + a.Suite + "/" + a.Component + " " + a.Arch
}

// Packages implements Source.
func (a *Apt) Packages(ctx context.Context, keep func(*Package) bool) ([]Package, error) {
	rel, err := a.release(ctx)
	if err != nil {
		return nil, err
	}
	file, err := a.index(ctx, rel)
	if err != nil {
		return nil, err
	}
	var list []Package
	err = listing(ctx, file, func(r io.Reader) error {
		list, err = a.read(r, keep)
		return err
	})
	return list, err
}

// index brings the Packages file in the smallest form that is listed.
func (a *Apt) index(ctx context.Context, rel *aptRelease) (string, error) {
	name := a.Component + "/binary-" + a.Arch + "/Packages"
	if a.flat() {
		name = "Packages"
	}
	for _, suffix := range []string{".xz", ".zst", ".gz", ".bz2", ".lz4", ""} {
		l, ok := rel.files[name+suffix]
		if !ok {
			l, ok = rel.files["./"+name+suffix]
		}
		if !ok {
			continue
		}
		if l.Size > maxIndex {
			return "", where.In(shown(rel.dir+name+suffix), where.New(where.Limit, "an index of %d bytes, the limit is %d", l.Size, int64(maxIndex)))
		}
		return a.listed(ctx, rel, name+suffix, l)
	}
	return "", where.In(shown(rel.dir+"InRelease"), where.New(where.Usage, "it lists no %s", name)).(*where.Error).
		WithHint("does the suite have component %s and architecture %s? --component and --arch choose others", a.Component, a.Arch)
}

// listed brings a file of the suite by its digest, where the archive has that,
// else by its name: between two updates only the former is sure to be there.
func (a *Apt) listed(ctx context.Context, rel *aptRelease, name string, l deb822.Listed) (string, error) {
	want, err := newDigest("sha256", l.SHA256)
	if err != nil {
		return "", err
	}
	if rel.byHash {
		file, err := a.Client.file(ctx, rel.dir+path.Dir(name)+"/by-hash/SHA256/"+l.SHA256, l.Size, want)
		if err == nil || !gone(err) {
			return file, err
		}
	}
	return a.Client.file(ctx, rel.dir+name, l.Size, want)
}

// listing decompresses a verified index by its magic.
func listing(ctx context.Context, file string, read func(io.Reader) error) error {
	f, err := os.Open(file)
	if err != nil {
		return where.In(file, where.New(where.IO, "%w", err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return where.In(file, where.New(where.IO, "%w", err))
	}
	head := make([]byte, codec.HeadSize)
	n, _ := f.ReadAt(head, 0)
	r, err := codec.NewReader(ctx, codec.Detect(head[:n]), f, info.Size(), codec.Options{Budget: limits.NewBudget("bytes of the index", maxListing)})
	if err != nil {
		return where.In(file, err)
	}
	defer r.Close()
	return where.In(file, read(r))
}

func (a *Apt) read(r io.Reader, keep func(*Package) bool) ([]Package, error) {
	var list []Package
	for d := deb822.NewReader(r); ; {
		s, err := d.Next()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		source, _, _ := strings.Cut(s.Get("Source"), " ")
		p := Package{Name: s.Get("Package"), Version: s.Get("Version"), Arch: s.Get("Architecture"), Source: source}
		if source == "" {
			p.Source = p.Name
		}
		if !keep(&p) {
			continue
		}
		if err := a.locate(&p, s); err != nil {
			return nil, where.In(p.Name+" "+p.Version, err)
		}
		if list = append(list, p); len(list) > maxMatches {
			return nil, where.New(where.Limit, "more than %d packages match", maxMatches).WithHint("a narrower pattern, or --source")
		}
	}
}

// locate takes what is needed to fetch a package.
func (a *Apt) locate(p *Package, s deb822.Stanza) error {
	l, err := deb822.Checksums(s.Get("SHA256") + " " + s.Get("Size") + " x")
	if err != nil || len(l) != 1 {
		return where.New(where.Malformed, "no SHA256 and Size")
	}
	p.Size = l[0].Size
	if p.Digest, err = newDigest("sha256", l[0].SHA256); err != nil {
		return err
	}
	p.At, err = below(a.URL, s.Get("Filename"))
	return err
}

// below is the address of a file that an index names relative to its
// repository, and that must lie in it.
func below(base, name string) (string, error) {
	clean := path.Clean("/" + name)
	if name == "" || clean == "/" || strings.HasPrefix(name, "/") || strings.Contains("/"+name+"/", "/../") {
		return "", where.New(where.Malformed, "its file is named %q", where.Clean(name))
	}
	return strings.TrimSuffix(base, "/") + (&url.URL{Path: clean}).EscapedPath(), nil
}
