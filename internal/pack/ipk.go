package pack

import (
	"bytes"
	"context"
	"io"
	"strings"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/ar"
	"kpkg-btf/internal/pack/tarstream"
	"kpkg-btf/internal/where"
)

// ipkFormat is a package of opkg's (OpenWrt): the three parts of a .deb in any
// order, in a tar archive that is compressed again, or as ar members
// (ipkg-build; opkg reads both).
type ipkFormat struct{}

func (ipkFormat) Endings() []string { return []string{".ipk"} }

func (f ipkFormat) Is(ctx context.Context, p *Package, head []byte) bool {
	if ar.Is(head) {
		named, _ := claims(p.Path)
		return named == f
	}
	switch first := p.begins(ctx, head).first; {
	case first == debMagicMember:
		return true
	default:
		return strings.HasPrefix(first, debControl) || strings.HasPrefix(first, debData)
	}
}

// Open: the parts of the tar form are compressed themselves and held in memory.
func (ipkFormat) Open(ctx context.Context, p *Package) (Contents, error) {
	parts, err := p.ipkParts(ctx)
	if err != nil {
		return nil, err
	}
	for _, missing := range []string{debMagicMember, debControl, debData} {
		if _, ok := parts[missing]; !ok {
			return nil, where.New(where.Malformed, "member %s is missing", missing).At(p.size)
		}
	}
	control, data := parts[debControl], parts[debData]
	text, err := p.readControl(ctx, control)
	if err != nil {
		return nil, where.In(control.name, err)
	}
	if err := p.setControl(text); err != nil {
		return nil, where.In(control.name, where.In("control", err))
	}
	p.Kind = Ipk
	return func(ctx context.Context, w *walker) error { return p.walkTar(ctx, data, w, nil) }, nil
}

func (p *Package) ipkParts(ctx context.Context) (map[string]tarPart, error) {
	parts := map[string]tarPart{}
	if p.peeked == nil {
		members, err := ar.Read(p.file, p.size)
		for i := range members {
			m := &members[i]
			if err = addPart(parts, m.Name, m.Off, m.Content(p.file)); err != nil {
				break
			}
		}
		return parts, err
	}
	left := limits.Cap(p.size, limits.MaxUnpacked)
	return parts, p.readTar(ctx, p.whole(), func(h *tarstream.Header, t *tarstream.Reader) error {
		if h == nil || h.Type == tarstream.TypeDir {
			return nil
		}
		name, err := cleanPath(h.Name, false)
		if err != nil {
			return err.(*where.Error).At(h.Off)
		}
		if h.Size > left {
			return where.New(where.Limit, "member %s of %d bytes: more than %d are not held in memory", shown(name), h.Size, left).At(h.Off)
		}
		left -= h.Size
		var held bytes.Buffer
		if _, err := io.Copy(&held, t); err != nil {
			return err
		}
		return addPart(parts, name, h.Off, io.NewSectionReader(bytes.NewReader(held.Bytes()), 0, int64(held.Len())))
	})
}

// addPart takes in one of the three.
func addPart(parts map[string]tarPart, name string, off int64, content *io.SectionReader) error {
	for _, part := range []string{debMagicMember, debControl, debData} {
		ext, ok := strings.CutPrefix(name, part)
		if !ok {
			continue
		}
		if old, again := parts[part]; again {
			return where.New(where.Malformed, "two members: %s and %s", shown(old.name), shown(name)).At(off)
		}
		f, known := debFormats[ext]
		if !known || part == debMagicMember && f != codec.None {
			return where.New(where.Unsupported, "member %s: %s.gz, .xz, .zst, .bz2 and .lzma are read", shown(name), part).At(off)
		}
		parts[part] = tarPart{name: name, format: f, content: content}
		return nil
	}
	return where.New(where.Malformed, "member %s: an .ipk has %s, %s and %s", shown(name), debMagicMember, debControl, debData).At(off)
}
