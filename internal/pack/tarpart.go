package pack

import (
	"context"
	"io"
	"strings"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/tarstream"
	"kpkg-btf/internal/where"
)

// tarPart is a tar archive as it lies in a package.
type tarPart struct {
	name    string // the step of errors and Member of the entries; "" for a file that is one
	format  codec.Format
	content *io.SectionReader
}

// tarEach gets the raw headers of an archive in stream order, and nil at its end.
type tarEach func(*tarstream.Header, *tarstream.Reader) error

func (p *Package) readTar(ctx context.Context, part tarPart, each tarEach) error {
	r, err := p.decoded(ctx, part.format, part.content, part.content.Size())
	if err != nil {
		return err
	}
	defer r.Close()
	return eachEntry(tarstream.NewReader(r), each)
}

func eachEntry(t *tarstream.Reader, each tarEach) error {
	for {
		h, err := t.Next()
		if err == io.EOF {
			return each(nil, t)
		}
		if err != nil {
			return err
		}
		if err := each(h, t); err != nil {
			if src := t.SourceErr(); src != nil { // the cause, whatever fn made of it
				return src
			}
			return err
		}
		if src := t.SourceErr(); src != nil {
			return src
		}
	}
}

// tarTypes are the entry types of tar's.
var tarTypes = map[byte]Type{
	tarstream.TypeReg: Regular, tarstream.TypeDir: Directory, tarstream.TypeSymlink: Symlink, tarstream.TypeLink: Hardlink,
	tarstream.TypeChar: Other, tarstream.TypeBlock: Other, tarstream.TypeFifo: Other,
}

// entryOf is one header as an entry.
func entryOf(member string, h *tarstream.Header) (*Entry, error) {
	name, err := cleanPath(h.Name, false)
	if err != nil {
		return nil, err.(*where.Error).At(h.Off)
	}
	e := &Entry{
		Path: name, Member: member, Type: tarTypes[h.Type], Mode: uint32(h.Mode & 0o7777), Size: h.Size,
		Link: h.Link, ModTime: h.ModTime, Owner: owner(h.Uname, h.UID), Group: owner(h.Gname, h.GID),
	}
	if e.Type == Hardlink {
		if e.Link, err = cleanPath(h.Link, false); err != nil {
			return nil, err.(*where.Error).At(h.Off)
		}
	}
	return e, nil
}

// walkTar returns the entries of a part, but for those that skip is true of.
func (p *Package) walkTar(ctx context.Context, part tarPart, w *walker, skip func(name string) (bool, error)) error {
	err := p.readTar(ctx, part, func(h *tarstream.Header, t *tarstream.Reader) error {
		if h == nil {
			return w.end(Raw{Gap: t.Gap(), Off: t.Offset() - t.Zeros(), Index: -1, Zeros: t.Zeros()})
		}
		e, err := entryOf(part.name, h)
		if err != nil {
			return err
		}
		if skip != nil {
			out, err := skip(h.Name)
			if err != nil {
				return err.(*where.Error).At(h.Off)
			}
			if out {
				return nil
			}
		}
		w.place(Raw{Gap: t.Gap(), Head: t.Raw(), Off: h.Off, Index: -1})
		return w.give(e, t)
	})
	if part.name == "" {
		return err
	}
	return where.In(part.name, err)
}

// tarText reads a small file of an archive, which may be in it once.
func tarText(have []byte, what string, h *tarstream.Header, t *tarstream.Reader) ([]byte, error) {
	switch {
	case have != nil:
		return nil, where.New(where.Malformed, "two files %s", what).At(h.Off)
	case h.Type != tarstream.TypeReg:
		return nil, where.New(where.Malformed, "%s is no regular file", what).At(h.Off)
	case h.Size > limits.MaxText:
		return nil, where.New(where.Limit, "%s of %d bytes", what, h.Size).At(h.Off)
	}
	text, err := io.ReadAll(t)
	if text == nil {
		text = []byte{}
	}
	return text, err
}

// peek is how a file that is a tar archive begins, whatever compresses it.
type peek struct {
	first  string // name of the first entry, clean; "" if it is no tar archive
	format codec.Format
	info   []byte // .PKGINFO, where it is among the metadata that stands first
	err    error  // why it is none, where it is compressed and does not decode
}

// Metadata of a package stands first, a handful of files with the digests of
// all others at most.
const (
	peekEntries = 16
	peekSize    = 32 << 20
)

// begins looks how the file begins, once.
func (p *Package) begins(ctx context.Context, head []byte) *peek {
	if p.peeked == nil {
		p.peeked = &peek{format: codec.Detect(head)}
		p.peeked.err = p.peeked.look(ctx, p)
	}
	return p.peeked
}

func (k *peek) look(ctx context.Context, p *Package) error {
	r, err := codec.NewReader(ctx, k.format, p.file, p.size, codec.Options{Jobs: 1, Budget: limits.NewBudget("bytes before the files of a package", peekSize)})
	if err != nil {
		return err
	}
	defer r.Close()
	t := tarstream.NewReader(r)
	for range peekEntries {
		h, err := t.Next()
		if err == io.EOF {
			return where.New(where.Malformed, "a tar archive without an entry")
		}
		if err != nil {
			return err
		}
		name, err := cleanPath(h.Name, false)
		if err != nil {
			name = h.Name // Walk says what is wrong with it
		}
		if k.first == "" {
			k.first = name
		}
		if h.Name == pkgInfo {
			k.info, err = tarText(nil, pkgInfo, h, t)
			return err
		}
		if !strings.HasPrefix(h.Name, ".") || strings.HasPrefix(h.Name, "./") {
			return nil
		}
	}
	return nil
}
