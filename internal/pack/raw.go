package pack

import (
	"context"
	"io"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

// Raw is an entry with the bytes it stands in. The decompressed payload is the
// concatenation of Gap, Head and content of all entries, Zeros zero bytes last.
// Slices are valid during the call only.
type Raw struct {
	*Entry // nil at the end of the archive, which Head ends
	// Gap is the padding behind the content of the entry before.
	Gap []byte
	// Head is every header block of the entry.
	Head []byte
	// Off is where Head begins in the decompressed payload.
	Off int64
	// Index is the file's number in the file list of an rpm; -1 in a .deb.
	Index int
	Zeros int64
}

// RawFunc gets each entry of the payload in stream order and then its end. It
// must read the content to its end. An rpm's symlink has its target as content.
type RawFunc func(r *Raw, content io.Reader) error

// WalkRaw is Walk over a package's payload alone (no ghosts) for a writer that
// copies what it does not change.
func (p *Package) WalkRaw(ctx context.Context, fn RawFunc) error {
	if err := p.Kind.Rewritable(); err != nil {
		return where.In(p.Path, err)
	}
	return where.In(p.Path, p.walkVerified(ctx, &walker{raw: fn}))
}

// Payload decompresses the payload from its beginning. The caller closes it.
func (p *Package) Payload(ctx context.Context) (io.ReadCloser, error) {
	part, err := p.payloadPart()
	if err != nil {
		return nil, where.In(p.Path, err)
	}
	r, err := p.decoded(ctx, part.Format, part.Content, part.Content.Size())
	return r, where.In(p.Path, where.In(part.Name, err))
}

// ReaderAt is the package's file, open until Close; its length is Size.
func (p *Package) ReaderAt() io.ReaderAt { return p.file }

// ID is the package's file whatever its name; false for a tree.
func (p *Package) ID() (fsx.ID, bool) {
	if p.info == nil {
		return fsx.ID{}, false
	}
	return fsx.Identity(p.info)
}

// HardLinks are the files of an rpm's list that share the content of one: the
// numbers of a hard-link set in ascending order, or the file's own alone.
func (p *Package) HardLinks(index int) []int {
	if p.payload == nil || index < 0 || index >= len(p.payload.files) {
		return nil
	}
	if p.payload.sets == nil {
		p.payload.sets = map[int][]int{}
		for i := range p.payload.files {
			if last := p.payload.files[i].last; last != i {
				p.payload.sets[last] = append(p.payload.sets[last], i)
			}
		}
		for last := range p.payload.sets {
			p.payload.sets[last] = append(p.payload.sets[last], last)
		}
	}
	last := p.payload.files[index].last
	if set, ok := p.payload.sets[last]; ok {
		return set
	}
	return []int{index}
}

// place is told to a walker before each entry, for its Raw.
func (w *walker) place(r Raw) { w.at = &r }

// end tells a raw walk where the archive ends.
func (w *walker) end(r Raw) error {
	if w.raw == nil {
		return nil
	}
	return w.raw(&r, noContent{})
}

// Part is a compressed part of a package's file.
type Part struct {
	Name    string // "data.tar.xz", "payload"
	Format  codec.Format
	Content *io.SectionReader
}

// PayloadPart is the package's payload as it is stored.
func (p *Package) PayloadPart() (Part, error) {
	part, err := p.payloadPart()
	return part, where.In(p.Path, err)
}

func (p *Package) payloadPart() (Part, error) {
	switch {
	case p.data != nil:
		return Part{p.data.Name, debFormats[p.data.Name[len(debData):]], p.data.Content(p.file)}, nil
	case p.payload != nil:
		return Part{payloadMember, p.payload.format, io.NewSectionReader(p.file, p.rpm.Payload, p.size-p.rpm.Payload)}, nil
	}
	return Part{}, where.New(where.Unsupported, "a %v has no payload", p.Kind)
}

// ControlPart is the control.tar of a .deb.
func (p *Package) ControlPart() (Part, error) {
	if p.control == nil {
		return Part{}, where.In(p.Path, where.New(where.Unsupported, "a %v has no control.tar", p.Kind))
	}
	return Part{p.control.Name, debFormats[p.control.Name[len(debControl):]], p.control.Content(p.file)}, nil
}
