package pack

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strconv"

	"kpkg-btf/internal/pack/ar"
	"kpkg-btf/internal/pack/rpmhdr"
	"kpkg-btf/internal/where"
)

// Kind says what an input is, by its content.
type Kind string

const (
	File      Kind = "file" // a regular file that is no package
	Deb       Kind = "deb"
	Udeb      Kind = "udeb" // a .deb for the Debian installer
	Rpm       Kind = "rpm"
	SourceRpm Kind = "source rpm" // opened, so that it can be named; Walk refuses it
	Tree      Kind = "directory"
	Arch      Kind = "archlinux"
	Apk       Kind = "apk"
	Ipk       Kind = "ipk"
	Tar       Kind = "tar"    // of no package manager: kbuild's tar targets, packed trees
	Initrd    Kind = "initrd" // archives that a kernel unpacks into its first root
)

// Options bound the work of one package.
type Options struct {
	Jobs int // goroutines that decode; 0 or 1 decodes where it is read
	// SHA256 is the digest the file must have, in hex, or "". It is verified
	// by Walk, over the same open file, while the content is read.
	SHA256 string
}

// Package is one opened input. Strings are as the package has them: not
// cleaned for a terminal.
type Package struct {
	Path string
	Kind Kind
	// Name, Version ("epoch:version-release") and Arch (the package's own
	// word, "amd64", "x86_64") are "" for a file or tree.
	Name, Version, Arch string
	// Source is the source package's name and SourceVersion its version,
	// if the package tells.
	Source, SourceVersion string
	// Fields are the control fields of a .deb or .ipk by their usual spelling; of
	// an rpm: Provides (with versions, joined by ", "), Sourcerpm, Payload; the
	// lines of a .PKGINFO.
	Fields map[string]string
	// Coverage names what protects the payload against damage: "sha256" (of an
	// .apk too), "sha256-alt", "md5" (rpm tags), verified by Walk, or "".
	Coverage string

	at   string // where it lies
	opts Options
	file source // nil for a tree
	info fs.FileInfo
	size int64
	walk Contents

	members []ar.Member     // deb
	control *ar.Member      // deb
	data    *ar.Member      // deb
	checks  []rpmCheck      // rpm, apk: digests of what the file holds
	rpm     *rpmhdr.Package // rpm
	payload *rpmPayload     // rpm
	sha256  string          // memo of SHA256
	peeked  *peek           // memo of begins
}

// source is the file of a package.
type source interface {
	io.ReaderAt
	io.Closer
}

// sniffLen is enough for every magic looked at here.
const sniffLen = 16

// openAt opens what lies at one path and is called by another: it finds what it
// is and reads what it says about itself, the control file or the rpm headers. A
// file that is no package is of Kind File, unless its name claims to be one. The
// caller closes the package.
func openAt(ctx context.Context, path, at string, o Options) (*Package, error) {
	p := &Package{Path: path, at: at, opts: o}
	if err := p.open(ctx); err != nil {
		_ = p.Close()
		return nil, where.In(path, err)
	}
	return p, nil
}

// OpenReader opens a package that is missing under a name yet, such as the
// output of a writer before it is published. Path is for messages; ra must be
// readable until Close, which does not close it. What is no package is
// Malformed.
func OpenReader(ctx context.Context, path string, ra io.ReaderAt, size int64, o Options) (*Package, error) {
	p := &Package{Path: path, opts: o, file: lentSource{ra}, size: size}
	err := p.sniff(ctx)
	if err == nil && p.Kind == File {
		err = where.New(where.Malformed, "neither a package nor an initrd").At(0)
	}
	if err != nil {
		return nil, where.In(path, err)
	}
	return p, nil
}

type lentSource struct{ io.ReaderAt }

func (lentSource) Close() error { return nil }

func (p *Package) open(ctx context.Context) error {
	info, err := os.Stat(p.at)
	if err != nil {
		return ioError(err)
	}
	if info.IsDir() {
		p.Kind, p.walk = Tree, p.walkTree
		return nil
	}
	if !info.Mode().IsRegular() {
		return where.New(where.Unsupported, "neither a regular file nor a directory but %s", info.Mode().Type())
	}
	f, err := os.Open(p.at)
	if err != nil {
		return ioError(err)
	}
	p.file = f
	if p.info, err = f.Stat(); err != nil {
		return ioError(err)
	}
	p.size = p.info.Size()
	return p.sniff(ctx)
}

func (p *Package) sniff(ctx context.Context) error {
	head := make([]byte, sniffLen)
	n, err := p.file.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return ioError(err)
	}
	return p.identify(ctx, head[:n])
}

// Close releases the file. Content readers are invalid afterwards.
func (p *Package) Close() error {
	if p.file == nil {
		return nil
	}
	return p.file.Close()
}

// Size is the length of the file, 0 for a tree.
func (p *Package) Size() int64 { return p.size }

// Unpacked is about how many bytes the files of a package have, by what it says
// itself (Installed-Size of a .deb, SIZE of an rpm): for telling how far a reader
// is, and nothing else. 0 where it does not say, and for trees.
func (p *Package) Unpacked() int64 {
	switch {
	case p.rpm != nil:
		for _, tag := range []rpmhdr.Tag{rpmhdr.LongSize, rpmhdr.Size} {
			if n, ok, err := p.rpm.Hdr.Int(tag); err == nil && ok && n < 1<<62 {
				return int64(n)
			}
		}
	case p.Fields["Installed-Size"] != "":
		if n, err := strconv.ParseInt(p.Fields["Installed-Size"], 10, 53); err == nil && n > 0 {
			return n << 10
		}
	case p.Kind == File:
		return p.size
	}
	return 0
}

// Members are the ar members of a .deb, nil otherwise.
func (p *Package) Members() []ar.Member { return p.members }

// Header is the lead and headers of an rpm, nil otherwise.
func (p *Package) Header() *rpmhdr.Package { return p.rpm }

// Walk gives every entry in stream order: of a package the order of its
// payload, of a tree the order of names. It may be called again. It returns
// nil only when the payload was read to its end and everything the package
// says about it held; fn may return fs.SkipAll to end early, which leaves the
// rest unverified.
func (p *Package) Walk(ctx context.Context, fn WalkFunc) error {
	err := p.walkVerified(ctx, &walker{fn: fn})
	if errors.Is(err, fs.SkipAll) {
		return nil
	}
	return where.In(p.Path, err)
}

func (p *Package) walkVerified(ctx context.Context, w *walker) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	w.ctx = ctx
	sums := p.summers(ctx)
	defer func() {
		cancel()
		for _, s := range sums {
			s.wait()
		}
	}()
	if err := p.walk(ctx, w); err != nil {
		return err
	}
	for _, s := range sums {
		if err := s.verify(); err != nil {
			return err
		}
	}
	return nil
}

// ioError keeps the operation and the cause; the path is a step of its own.
func ioError(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return where.New(where.IO, "%s: %w", pe.Op, pe.Err)
	}
	return where.New(where.IO, "%w", err)
}
