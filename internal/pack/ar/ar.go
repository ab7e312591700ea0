// Package ar reads the outer archive of a Debian package.
//
// Rules: deb(5) and dpkg 1.21 (lib/dpkg/ar.c): the common ar format with
// 16-byte names, no long-name tables, decimal sizes, members padded to even
// offsets with one byte. Only the size of a header is used; the other numbers
// are kept raw, as dpkg does not look at them either.
package ar

import (
	"bytes"
	"errors"
	"io"
	"strconv"

	"kpkg-btf/internal/where"
)

// Magic opens every archive.
const Magic = "!<arch>\n"

// HeaderLen is the length of a member's header.
const HeaderLen = 60

// maxMembers is far above the three to five of a package.
const maxMembers = 1024

// Member is one file of the archive.
type Member struct {
	Name string          // without padding and without the one trailing slash of GNU ar
	Raw  [HeaderLen]byte // the header as it stands in the file
	// Off is where the header begins, Data where the content does.
	Off, Data int64
	Size      int64 // bytes of content, without the padding byte
}

// End is the offset behind the content and its padding.
func (m *Member) End() int64 { return m.Data + m.Size + m.Size&1 }

// Content reads the member's bytes.
func (m *Member) Content(ra io.ReaderAt) *io.SectionReader {
	return io.NewSectionReader(ra, m.Data, m.Size)
}

// Is tells by its first bytes whether a file is an ar archive.
func Is(head []byte) bool { return bytes.HasPrefix(head, []byte(Magic)) }

// Read lists the members of an archive of size bytes. Every header up to the
// end of the file must be sound and every member complete, padding included:
// a truncated archive is Malformed. Errors carry the offset in the file.
func Read(ra io.ReaderAt, size int64) ([]Member, error) {
	var magic [len(Magic)]byte
	if err := readFull(ra, magic[:], 0, size, "ar magic"); err != nil {
		return nil, err
	}
	if string(magic[:]) != Magic {
		return nil, where.New(where.Malformed, "not an ar archive: begins with % x", magic[:]).At(0)
	}
	var members []Member
	for off := int64(len(Magic)); off < size; {
		if len(members) == maxMembers {
			return nil, where.New(where.Limit, "more than %d ar members", maxMembers).At(off)
		}
		m := Member{Off: off, Data: off + HeaderLen}
		if err := readFull(ra, m.Raw[:], off, size, "ar header"); err != nil {
			return nil, err
		}
		if err := m.parse(size); err != nil {
			return nil, err
		}
		members = append(members, m)
		off = m.End()
	}
	return members, nil
}

func readFull(ra io.ReaderAt, p []byte, off, size int64, what string) error {
	if size-off < int64(len(p)) {
		return where.New(where.Malformed, "truncated: %d of %d bytes of the %s", max(size-off, 0), len(p), what).At(off)
	}
	n, err := ra.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return where.New(where.IO, "file became shorter while it was read").At(off + int64(n))
	}
	return where.New(where.IO, "%w", err).At(off + int64(n))
}

func (m *Member) parse(fileSize int64) error {
	if m.Raw[58] != '`' || m.Raw[59] != '\n' {
		return where.New(where.Malformed, "ar header ends with % x, not 60 0a", m.Raw[58:]).At(m.Off + 58)
	}
	name := bytes.TrimRight(m.Raw[:16], " ")
	m.Name = string(bytes.TrimSuffix(name, []byte("/")))
	if m.Name == "" || m.Name == "/" {
		return where.New(where.Malformed, "ar header without a name (%q): symbol and long-name tables have no place here", m.Raw[:16]).At(m.Off)
	}
	var err error
	if m.Size, err = parseSize(m.Raw[48:58]); err != nil {
		return err.(*where.Error).At(m.Off + 48)
	}
	if left := fileSize - m.Data; m.Size > left || m.Size+m.Size&1 > left {
		return where.New(where.Malformed, "truncated: member %s needs %d bytes, %d are left", where.Clean(m.Name), m.Size+m.Size&1, left).At(m.Data)
	}
	return nil
}

// parseSize reads decimal digits followed by spaces only. Ten digits cannot
// overflow.
func parseSize(field []byte) (int64, error) {
	digits := bytes.TrimRight(field, " ")
	if len(digits) == 0 {
		return 0, where.New(where.Malformed, "ar header field size is empty")
	}
	var n int64
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, where.New(where.Malformed, "ar header field size: %q is not a decimal number", field)
		}
		n = n*10 + int64(c-'0')
	}
	return n, nil
}

// Resize is the member's header with another size and nothing else changed. A
// header whose size is not written as it would be here is Unsupported.
func (m *Member) Resize(size int64) (raw [HeaderLen]byte, err error) {
	raw = m.Raw
	if err = putSize(raw[48:58], m.Size); err == nil && raw != m.Raw {
		err = where.New(where.Unsupported, "ar header field size %q is in a form that would not be written back as it is", m.Raw[48:58])
	}
	if err == nil {
		err = putSize(raw[48:58], size)
	}
	return raw, err
}

func putSize(field []byte, size int64) error {
	text := strconv.FormatInt(size, 10)
	if size < 0 || len(text) > len(field) {
		return where.New(where.Limit, "ar member of %d bytes", size)
	}
	copy(field, text+"          ")
	return nil
}
