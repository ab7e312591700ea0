package rpmhdr

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"

	"kpkg-btf/internal/where"
)

// LeadLen is the length of the lead, of which only magic, version and type
// still mean anything.
const LeadLen = 96

var leadMagic = []byte{0xed, 0xab, 0xee, 0xdb}

// Is tells by its first bytes whether a file is an rpm package.
func Is(head []byte) bool { return bytes.HasPrefix(head, leadMagic) }

// Package is everything of an rpm before its payload.
type Package struct {
	Lead [LeadLen]byte
	Sig  *Header
	// Gap is the padding between the headers.
	Gap []byte
	Hdr *Header
	// HdrOff is where the general header begins, Payload where the
	// compressed payload does; it reaches to the end of the file.
	HdrOff, Payload int64
}

// Read reads lead and headers of an rpm of size bytes and verifies the
// header's digests (SHA-256, else SHA-1, of the whole general header), if it
// has them.
func Read(ra io.ReaderAt, size int64) (*Package, error) {
	p := &Package{}
	if err := readFull(ra, p.Lead[:], 0, size, "lead"); err != nil {
		return nil, err
	}
	if err := p.checkLead(); err != nil {
		return nil, err
	}
	var err error
	if p.Sig, err = readHeader(ra, LeadLen, size, RegionSignature); err != nil {
		return nil, where.In("signature header", err)
	}
	at := LeadLen + int64(len(p.Sig.Raw()))
	p.Gap = make([]byte, -at&7)
	if err := readFull(ra, p.Gap, at, size, "padding behind the signature header"); err != nil {
		return nil, err
	}
	p.HdrOff = at + int64(len(p.Gap))
	if p.Hdr, err = readHeader(ra, p.HdrOff, size, RegionImmutable); err != nil {
		return nil, where.In("header", err)
	}
	p.Payload = p.HdrOff + int64(len(p.Hdr.Raw()))
	return p, where.In("header", p.verifyDigest())
}

// checkLead mirrors rpmLeadRead: magic, version 3 or later, signature type 5.
// The package format proper is a tag of the header (Format).
func (p *Package) checkLead() error {
	if !Is(p.Lead[:]) {
		return where.New(where.Malformed, "not an rpm: begins with % x", p.Lead[:4]).At(0)
	}
	if v := p.Lead[4]; v < 3 || v > 6 {
		return where.New(where.Unsupported, "rpm lead version %d; 3 to 6 are read", v).At(4)
	}
	if t := int(p.Lead[78])<<8 | int(p.Lead[79]); t != 5 {
		return where.New(where.Unsupported, "rpm lead names signature type %d; 5 is read", t).At(78)
	}
	return nil
}

// Bytes is everything before the payload, written from its parts.
func (p *Package) Bytes() []byte {
	b := append([]byte(nil), p.Lead[:]...)
	b = append(b, p.Sig.Serialize()...)
	b = append(b, p.Gap...)
	return append(b, p.Hdr.Serialize()...)
}

func (p *Package) verifyDigest() error {
	for _, d := range []struct {
		tag Tag
		sum func() []byte
	}{
		{SigSHA256, func() []byte { s := sha256.Sum256(p.Hdr.Raw()); return s[:] }},
		{SigSHA1, func() []byte { s := sha1.Sum(p.Hdr.Raw()); return s[:] }},
	} {
		want, err := p.Sig.Text(d.tag)
		if err != nil {
			return err
		}
		if want == "" {
			continue
		}
		if got := hex.EncodeToString(d.sum()); got != strings.ToLower(want) {
			return where.New(where.Malformed, "digest of the rpm header is %s, the signature header (tag %d) says %s", got, d.tag, where.Clean(want))
		}
	}
	return nil
}

// IsSource tells a source package: the lead's type, or the tag of rpm 4.6 on.
func (p *Package) IsSource() bool {
	return p.Hdr.Has(SourcePackage) || !p.Hdr.Has(SourceRpm) && p.Lead[6] == 0 && p.Lead[7] == 1
}

// Format is the package format: 6 if the header says so (RPMFORMAT), 4 else.
func (p *Package) Format() (uint64, error) {
	n, ok, err := p.Hdr.Int(RPMFormat)
	if err != nil || ok {
		return n, err
	}
	return 4, nil
}

func readFull(ra io.ReaderAt, p []byte, off, size int64, what string) error {
	if size-off < int64(len(p)) {
		return where.New(where.Malformed, "truncated: %d of %d bytes of the rpm %s", max(size-off, 0), len(p), what).At(off)
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

// shift moves an offset inside a header to one in the file.
func shift(err error, by int64) error {
	var e *where.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	out.Off = max(out.Off, 0) + by
	return &out
}
