package fetch

import (
	"context"
	"encoding/xml"
	"io"
	"strings"

	"kpkg-btf/internal/where"
)

// RpmMD is an rpm-md repository: what dnf and zypper read.
type RpmMD struct {
	Client *Client
	URL    string   // of the repository, above repodata/
	Arches []string // rpm's words; none is all
	Keys   *Keyring
}

func (m *RpmMD) String() string { return shown(m.URL) }

// repomd is repodata/repomd.xml: the files of the repository, by type.
type repomd struct {
	XMLName xml.Name `xml:"http://linux.duke.edu/metadata/repo repomd"`
	Data    []struct {
		Type     string   `xml:"type,attr"`
		Checksum checksum `xml:"checksum"`
		Size     int64    `xml:"size"`
		Location location `xml:"location"`
	} `xml:"data"`
}

type checksum struct {
	Type  string `xml:"type,attr"`
	Value string `xml:",chardata"`
}

type location struct {
	Href string `xml:"href,attr"`
	// Base is another address that the file is below (xml:base): what
	// createrepo_c -u writes, for sets spread over several media.
	Base string `xml:"http://www.w3.org/XML/1998/namespace base,attr"`
}

// primary is one package of the primary index.
type primary struct {
	Type    string `xml:"type,attr"`
	Name    string `xml:"name"`
	Arch    string `xml:"arch"`
	Version struct {
		Epoch   string `xml:"epoch,attr"`
		Version string `xml:"ver,attr"`
		Release string `xml:"rel,attr"`
	} `xml:"version"`
	Checksum checksum `xml:"checksum"`
	Size     struct {
		Package int64 `xml:"package,attr"`
	} `xml:"size"`
	Location location `xml:"location"`
	Source   string   `xml:"format>sourcerpm"`
	Provides []struct {
		Name    string `xml:"name,attr"`
		Version string `xml:"ver,attr"`
		Release string `xml:"rel,attr"`
	} `xml:"format>provides>entry"`
}

// Packages implements Source.
func (m *RpmMD) Packages(ctx context.Context, keep func(*Package) bool) ([]Package, error) {
	index, err := m.index(ctx)
	if err != nil {
		return nil, err
	}
	var list []Package
	err = listing(ctx, index, func(r io.Reader) error {
		list, err = m.read(r, keep)
		return err
	})
	return list, err
}

// index brings repomd.xml, verifies its signature, and brings the primary
// index that it names.
func (m *RpmMD) index(ctx context.Context) (string, error) {
	at := strings.TrimSuffix(m.URL, "/") + "/repodata/repomd.xml"
	text, err := m.Client.small(ctx, at)
	if err != nil {
		return "", err
	}
	if m.Keys != nil {
		sig, err := m.Client.small(ctx, at+".asc")
		if gone(err) {
			return "", where.In(shown(at), where.New(where.Malformed, "not signed: there is no repomd.xml.asc")).(*where.Error).
				WithHint("--unsigned takes a repository that nobody vouches for")
		}
		if err != nil {
			return "", err
		}
		if err := m.Keys.detached(text, sig); err != nil {
			return "", where.In(shown(at+".asc"), err)
		}
	}
	file, err := m.primary(ctx, text)
	if err != nil && where.KindOf(err) == where.Internal {
		err = where.New(where.Malformed, "%w", err)
	}
	if err != nil && !strings.Contains(err.Error(), shown(m.URL)) {
		err = where.In(shown(at), err)
	}
	return file, err
}

func (m *RpmMD) primary(ctx context.Context, text []byte) (string, error) {
	p, err := m.parse(text)
	if err != nil {
		return "", err
	}
	return m.Client.file(ctx, p.at, p.size, p.want)
}

// indexFile is a file that repomd.xml lists.
type indexFile struct {
	at   string
	size int64
	want Digest
}

// parse finds the primary index in the text of repomd.xml.
func (m *RpmMD) parse(text []byte) (f indexFile, err error) {
	var md repomd
	if err := xml.Unmarshal(text, &md); err != nil {
		return f, err
	}
	for _, d := range md.Data {
		if d.Type != "primary" {
			continue
		}
		if f.want, err = newDigest(d.Checksum.Type, strings.TrimSpace(d.Checksum.Value)); err != nil {
			return f, err
		}
		if f.size = d.Size; f.size <= 0 || f.size > maxIndex {
			return f, where.New(where.Limit, "a primary index of %d bytes, the limit is %d", f.size, int64(maxIndex))
		}
		f.at, err = m.place(d.Location)
		return f, err
	}
	return f, where.New(where.Malformed, "it lists no primary index")
}

// place is the address of a file of the repository.
func (m *RpmMD) place(l location) (string, error) {
	base := m.URL
	if readable(l.Base) {
		base = l.Base
	}
	return below(base, l.Href)
}

// bounded refuses a record beyond its limit: the XML decoder holds a whole
// element.
type bounded struct {
	r    io.Reader
	left int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, where.New(where.Limit, "a package's record of more than %d bytes", maxRecord)
	}
	n, err := b.r.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

func (m *RpmMD) read(r io.Reader, keep func(*Package) bool) ([]Package, error) {
	b := &bounded{r, maxRecord}
	var list []Package
	for d := xml.NewDecoder(b); ; {
		tok, err := d.Token()
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, xmlError(err)
		}
		start, ok := tok.(xml.StartElement)
		if !ok || start.Name.Local != "package" {
			continue
		}
		var x primary
		if err := d.DecodeElement(&x, &start); err != nil {
			return nil, xmlError(err)
		}
		b.left = maxRecord
		p := x.asPackage()
		if x.Type != "rpm" || !m.wantsArch(p.Arch) || !keep(&p) {
			continue
		}
		if err := m.locate(&p, &x); err != nil {
			return nil, where.In(p.Name+" "+p.Version, err)
		}
		if list = append(list, p); len(list) > maxMatches {
			return nil, where.New(where.Limit, "more than %d packages match", maxMatches)
		}
	}
}

func xmlError(err error) error {
	if where.KindOf(err) != where.Internal {
		return err
	}
	return where.New(where.Malformed, "%w", err)
}

func (m *RpmMD) wantsArch(arch string) bool {
	for _, a := range m.Arches {
		if a == arch {
			return true
		}
	}
	return len(m.Arches) == 0
}

// asPackage takes name and version; the source's name is its file's without
// version, release and ".src.rpm".
func (x *primary) asPackage() Package {
	p := Package{Name: x.Name, Arch: x.Arch, Version: x.Version.Version + "-" + x.Version.Release, Rpm: true}
	if e := x.Version.Epoch; e != "" && e != "0" {
		p.Version = e + ":" + p.Version
	}
	p.Source = strings.TrimSuffix(strings.TrimSuffix(x.Source, ".rpm"), ".src")
	for range 2 {
		if i := strings.LastIndexByte(p.Source, '-'); i > 0 {
			p.Source = p.Source[:i]
		}
	}
	for _, e := range x.Provides {
		if isUname(e.Name) && p.Release == "" {
			p.Release = e.Version
			if e.Release != "" {
				p.Release += "-" + e.Release
			}
		}
	}
	return p
}

func (m *RpmMD) locate(p *Package, x *primary) (err error) {
	if p.Digest, err = newDigest(x.Checksum.Type, strings.TrimSpace(x.Checksum.Value)); err != nil {
		return err
	}
	if p.Size = x.Size.Package; p.Size <= 0 {
		return where.New(where.Malformed, "a package of %d bytes", p.Size)
	}
	p.At, err = m.place(x.Location)
	return err
}
