package tarstream

import (
	"bytes"
	"time"

	"kpkg-btf/internal/where"
)

// BlockLen is the unit of a tar archive.
const BlockLen = 512

// Type flags (POSIX.1-1988 ustar and GNU tar).
const (
	TypeReg     = '0'
	TypeLink    = '1'
	TypeSymlink = '2'
	TypeChar    = '3'
	TypeBlock   = '4'
	TypeDir     = '5'
	TypeFifo    = '6'
	typeCont    = '7' // contiguous file; read as a regular one everywhere
	typePax     = 'x'
	typeGlobal  = 'g'
	typeGNULink = 'K'
	typeGNUName = 'L'
	typeSparse  = 'S'
)

// Header is one entry. Name and Link are as written, never cleaned.
type Header struct {
	Name, Link   string
	Type         byte // TypeReg … TypeFifo
	Mode         int64
	UID, GID     int64
	Uname, Gname string
	Size         int64 // bytes of content that follow
	ModTime      time.Time
	// Off is where the first block of the entry (its extension headers
	// included) begins in the archive, Data where its content does.
	Off, Data int64
}

// block is one raw 512-byte header.
type block [BlockLen]byte

func (b *block) field(off, n int) []byte { return b[off : off+n] }

var zeroBlock block

// checksum holds if the stored sum equals the sum of all bytes, the sum's own
// field counted as spaces. Old tars summed signed characters.
func (b *block) checksum() error {
	stored, err := number(b.field(148, 8), "checksum")
	if err != nil {
		return err
	}
	var unsigned, signed int64
	for i, c := range b {
		if i >= 148 && i < 156 {
			c = ' '
		}
		unsigned += int64(c)
		signed += int64(int8(c))
	}
	if stored != unsigned && stored != signed {
		return where.New(where.Malformed, "tar header checksum is %o, its bytes sum to %o", stored, unsigned)
	}
	return nil
}

// parse fills everything the block itself says.
func (b *block) parse(h *Header) (err error) {
	if err = b.checksum(); err != nil {
		return err
	}
	h.Type = b[156]
	h.Name = cstring(b.field(0, 100))
	h.Link = cstring(b.field(157, 100))
	nums := []struct {
		to       *int64
		off, len int
		what     string
	}{
		{&h.Mode, 100, 8, "mode"}, {&h.UID, 108, 8, "uid"}, {&h.GID, 116, 8, "gid"}, {&h.Size, 124, 12, "size"},
	}
	for _, n := range nums {
		if *n.to, err = number(b.field(n.off, n.len), n.what); err != nil {
			return err.(*where.Error).At(int64(n.off))
		}
		if *n.to < 0 {
			return where.New(where.Malformed, "tar header field %s is negative", n.what).At(int64(n.off))
		}
	}
	mtime, err := number(b.field(136, 12), "mtime")
	if err != nil {
		return err.(*where.Error).At(136)
	}
	h.ModTime = time.Unix(mtime, 0).UTC()
	if string(b.field(257, 5)) != "ustar" {
		return nil // version 7: nothing more
	}
	h.Uname, h.Gname = cstring(b.field(265, 32)), cstring(b.field(297, 32))
	// The GNU format ("ustar  ") has times where POSIX has a name prefix.
	if string(b.field(257, 6)) == "ustar\x00" {
		if prefix := cstring(b.field(345, 155)); prefix != "" {
			h.Name = prefix + "/" + h.Name
		}
	}
	return nil
}

func cstring(f []byte) string {
	if i := bytes.IndexByte(f, 0); i >= 0 {
		f = f[:i]
	}
	return string(f)
}

// number reads octal digits, with spaces and NULs around them, or GNU's
// base-256 form for what does not fit. An empty field is zero.
func number(f []byte, what string) (int64, error) {
	if f[0]&0x80 != 0 {
		return base256(f, what)
	}
	f = bytes.Trim(f, " \x00")
	var n int64
	for _, c := range f {
		if c < '0' || c > '7' {
			return 0, where.New(where.Malformed, "tar header field %s: %q is not an octal number", what, f)
		}
		n = n<<3 | int64(c-'0') // at most 12 digits: 36 bits
	}
	return n, nil
}

func base256(f []byte, what string) (int64, error) {
	fill := byte(0)
	if f[0]&0x40 != 0 {
		fill = 0xff
	}
	n := int64(int8(fill))
	for i, c := range f {
		if i == 0 {
			c = c&0x7f | fill&0x80
		}
		if len(f)-i > 8 {
			if c != fill {
				return 0, where.New(where.Malformed, "tar header field %s does not fit 64 bits", what)
			}
			continue
		}
		if i > 0 && len(f)-i == 8 && c&0x80 != fill&0x80 {
			return 0, where.New(where.Malformed, "tar header field %s does not fit 64 bits", what)
		}
		n = n<<8 | int64(c)
	}
	return n, nil
}
