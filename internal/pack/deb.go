package pack

import (
	"context"
	"io"
	"strings"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/ar"
	"kpkg-btf/internal/pack/deb822"
	"kpkg-btf/internal/pack/tarstream"
	"kpkg-btf/internal/where"
)

const (
	debMagicMember = "debian-binary"
	debControl     = "control.tar"
	debData        = "data.tar"
	// maxVersionText bounds the member debian-binary, four bytes in practice.
	maxVersionText = 1024
)

// debFormats are the extensions that dpkg-deb reads and the codec for each
// (deb(5); dpkg 1.21 src/deb/extract.c).
var debFormats = map[string]codec.Format{
	"": codec.None, ".gz": codec.Gzip, ".xz": codec.XZ, ".zst": codec.Zstd, ".bz2": codec.Bzip2, ".lzma": codec.LZMA,
}

// holdsDeb looks whether an ar archive of any name begins as a .deb does.
func (p *Package) holdsDeb() bool {
	head := make([]byte, len(ar.Magic)+16)
	if _, err := p.file.ReadAt(head, 0); err != nil {
		return false
	}
	name := strings.TrimRight(string(head[len(ar.Magic):]), " ")
	return strings.TrimSuffix(name, "/") == debMagicMember
}

// debParts is where the three parts of a .deb are.
type debParts struct{ control, data *ar.Member }

func (p *Package) openDeb(ctx context.Context) (Contents, error) {
	var err error
	if p.members, err = ar.Read(p.file, p.size); err != nil {
		return nil, err
	}
	parts, err := p.debParts()
	if err != nil {
		return nil, err
	}
	text, err := p.readControl(ctx, p.debPart(parts.control, debControl))
	if err != nil {
		return nil, where.In(parts.control.Name, err)
	}
	if err := p.setControl(text); err != nil {
		return nil, where.In(parts.control.Name, where.In("control", err))
	}
	p.control, p.data = parts.control, parts.data
	data := p.debPart(parts.data, debData)
	return func(ctx context.Context, w *walker) error { return p.walkTar(ctx, data, w, nil) }, nil
}

// debParts applies the order that dpkg-deb demands: debian-binary first, then
// control.tar, then data.tar, with only members whose name begins with "_"
// between them; what follows data.tar is not looked at (dpkg 1.21
// src/deb/extract.c: extracthalf).
func (p *Package) debParts() (parts debParts, err error) {
	if len(p.members) == 0 || p.members[0].Name != debMagicMember {
		return parts, where.New(where.Malformed, "not a Debian package: the first ar member is not %s", debMagicMember).At(int64(len(ar.Magic)))
	}
	if err := p.debVersion(&p.members[0]); err != nil {
		return parts, where.In(debMagicMember, err)
	}
	for i := range p.members[1:] {
		m := &p.members[1+i]
		switch {
		case m.Name[0] == '_':
		case strings.HasPrefix(m.Name, debControl) && parts.control != nil:
			return parts, where.New(where.Malformed, "two control members: %s and %s", shown(parts.control.Name), shown(m.Name)).At(m.Off)
		case strings.HasPrefix(m.Name, debControl):
			if f, ok := debFormats[m.Name[len(debControl):]]; !ok || f == codec.Bzip2 || f == codec.LZMA {
				return parts, where.New(where.Unsupported, "member %s: dpkg reads control.tar, .gz, .xz and .zst", shown(m.Name)).At(m.Off)
			}
			parts.control = m
		case parts.control == nil:
			return parts, where.New(where.Malformed, "member %s stands before %s", shown(m.Name), debControl).At(m.Off)
		case strings.HasPrefix(m.Name, debData):
			if _, ok := debFormats[m.Name[len(debData):]]; !ok {
				return parts, where.New(where.Unsupported, "member %s: dpkg reads data.tar, .gz, .xz, .zst, .bz2 and .lzma", shown(m.Name)).At(m.Off)
			}
			parts.data = m
			return parts, nil
		default:
			return parts, where.New(where.Malformed, "member %s stands before %s", shown(m.Name), debData).At(m.Off)
		}
	}
	missing := debData
	if parts.control == nil {
		missing = debControl
	}
	return parts, where.New(where.Malformed, "member %s is missing", missing).At(p.size)
}

// debVersion accepts format 2.x (deb(5)).
func (p *Package) debVersion(m *ar.Member) error {
	if m.Size > maxVersionText {
		return where.New(where.Malformed, "format version of %d bytes", m.Size).At(0)
	}
	text := make([]byte, m.Size)
	if _, err := m.Content(p.file).ReadAt(text, 0); err != nil && err != io.EOF {
		return ioError(err)
	}
	version, _, ok := strings.Cut(string(text), "\n")
	if !ok {
		return where.New(where.Malformed, "format version without a line end").At(m.Size)
	}
	major, minor, ok := strings.Cut(version, ".")
	if !ok || !digits(major) || !digits(minor) {
		return where.New(where.Malformed, "format version %s is not major.minor", shown(version)).At(0)
	}
	if strings.TrimLeft(major, "0") != "2" {
		return where.New(where.Unsupported, "deb format version %s; version 2 is read", shown(version)).At(0)
	}
	return nil
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// decoded opens a compressed part of the file as a stream. The codec keeps it
// under the payload limit and refuses output out of all proportion.
func (p *Package) decoded(ctx context.Context, f codec.Format, ra io.ReaderAt, size int64) (io.ReadCloser, error) {
	budget := limits.NewBudget("bytes of payload", limits.MaxPayload)
	return codec.NewReader(ctx, f, ra, size, codec.Options{Jobs: p.opts.Jobs, Budget: budget, MaxDict: limits.MaxDict})
}

// readControl returns the text of the control file.
func (p *Package) readControl(ctx context.Context, part tarPart) (text []byte, err error) {
	err = p.readTar(ctx, part, func(h *tarstream.Header, t *tarstream.Reader) error {
		if h == nil {
			return nil
		}
		name, err := cleanPath(h.Name, false)
		if err != nil || name != "control" || h.Type != tarstream.TypeReg {
			return err
		}
		text, err = tarText(text, "control", h, t)
		return err
	})
	if err == nil && text == nil {
		err = where.New(where.Malformed, "no control file in it")
	}
	return text, err
}

func (p *Package) setControl(text []byte) error {
	stanza, err := deb822.One(text)
	if err != nil {
		return err
	}
	p.Fields = make(map[string]string, len(stanza))
	for _, f := range stanza {
		p.Fields[f.Name] = f.Value
	}
	p.Name, p.Version, p.Arch = stanza.Get("Package"), stanza.Get("Version"), stanza.Get("Architecture")
	if p.Name == "" || p.Version == "" || p.Arch == "" {
		return where.New(where.Malformed, "field Package, Version or Architecture is missing")
	}
	p.Source, p.SourceVersion = p.Name, p.Version
	if src := stanza.Get("Source"); src != "" {
		name, version, _ := strings.Cut(src, " ")
		p.Source = name
		if v := strings.Trim(version, " ()"); v != "" {
			p.SourceVersion = v
		}
	}
	p.Kind = Deb
	if stanza.Get("Package-Type") == "udeb" || strings.HasSuffix(p.Path, ".udeb") {
		p.Kind = Udeb
	}
	return nil
}

// debPart is the archive in a member.
func (p *Package) debPart(m *ar.Member, prefix string) tarPart {
	return tarPart{name: m.Name, format: debFormats[m.Name[len(prefix):]], content: m.Content(p.file)}
}
