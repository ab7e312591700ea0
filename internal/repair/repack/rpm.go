package repack

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"io"
	"regexp"
	"strconv"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/pack/rpmhdr"
	"kpkg-btf/internal/repair/encode"
	"kpkg-btf/internal/where"
)

// hashes are the digest algorithms of rpm by their OpenPGP numbers.
var hashes = map[uint64]func() hash.Hash{
	1: md5.New, 2: sha1.New, 8: sha256.New, 9: sha512.New384, 10: sha512.New, 11: sha256.New224,
}

// rpm rewrites an rpm: the payload into a scratch file, then the header, whose
// digests it decides, then the signature header over both.
func (r *rewrite) rpm(ctx context.Context) error {
	alt, err := r.rpmProof()
	if err != nil {
		return where.In(r.p.Path, err)
	}
	how, err := r.rpmSettings()
	if err != nil {
		return where.In(r.p.Path, err)
	}
	s, err := r.payload(ctx, cpioArchive, how, alt)
	if err != nil {
		return err
	}
	if r.packed == nil {
		return r.copyInput(perm)
	}
	head, err := r.rpmHead(ctx, s)
	if err != nil {
		return where.In(r.p.Path, err)
	}
	return r.publish(perm, func(w io.Writer) error {
		if _, err := w.Write(head); err != nil {
			return err
		}
		return copyRange(w, r.packed, 0, r.packed.Size())
	}, r.verify(ctx))
}

// rpmProof refuses what would not be written back as it is, and what cannot
// be written; it finds the digests. It gives the hash for PAYLOADDIGESTALT.
func (r *rewrite) rpmProof() (alt hash.Hash, err error) {
	h := r.p.Header()
	if format, err := h.Format(); err != nil || format != 4 {
		if err == nil {
			err = where.New(where.Unsupported, "rpm package format %d; format 4 is written", format).WithHint("build the package anew")
		}
		return nil, err
	}
	old := make([]byte, h.Payload)
	if _, err := r.p.ReaderAt().ReadAt(old, 0); err != nil {
		return nil, where.New(where.IO, "%w", err)
	}
	if !bytes.Equal(h.Bytes(), old) {
		return nil, where.New(where.Unsupported, "lead and headers would not be written back as they are")
	}
	if h.Hdr.Has(rpmhdr.OldFileSignatures) {
		return nil, where.New(where.Unsupported, "IMA signatures in the general header (rpm 4.13): they cannot be dropped without a new layout")
	}
	if r.digest, err = r.algorithm(rpmhdr.FileDigestAlgo, 1); err != nil {
		return nil, err
	}
	if !h.Hdr.Has(rpmhdr.PayloadDigestAlt) {
		return nil, nil
	}
	a, err := r.algorithm(rpmhdr.PayloadDigestAlgo, rpmhdr.AlgoSHA256)
	if err != nil {
		return nil, err
	}
	return a(), nil
}

// algorithm is the hash that a tag names.
func (r *rewrite) algorithm(t rpmhdr.Tag, otherwise uint64) (func() hash.Hash, error) {
	n, ok, err := r.p.Header().Hdr.Int(t)
	if err != nil {
		return nil, err
	}
	if !ok {
		n = otherwise
	}
	a := hashes[n]
	if a == nil {
		return nil, where.New(where.Unsupported, "digest algorithm %d (tag %d)", n, t)
	}
	return a, nil
}

// payloadFlags are PAYLOADFLAGS as rpm writes them: level, threads, window
// ("19T8L27"; rpmio/rpmio.c, zstdio and lzopen_internal).
var payloadFlags = regexp.MustCompile(`^([0-9]{0,2})(?:T[0-9]*)?(?:L([0-9]{1,2}))?$`)

// rpmSettings are how the payload is compressed: what the stream tells, and
// the level that the header names.
func (r *rewrite) rpmSettings() (encode.Settings, error) {
	part, err := r.p.PayloadPart()
	if err != nil {
		return encode.Settings{}, err
	}
	how, err := like(part)
	if err != nil || how.Format == codec.None {
		return how, err
	}
	text, err := r.p.Header().Hdr.Text(rpmhdr.PayloadFlags)
	if err != nil {
		return how, err
	}
	m := payloadFlags.FindStringSubmatch(text)
	if m == nil {
		return how, where.New(where.Unsupported, "rpm payload flags %s", where.Clean(text))
	}
	if level, err := strconv.Atoi(m[1]); err == nil && validLevel(how.Format, level) {
		how.Level = level
	}
	if m[2] != "" && how.Format == codec.Zstd {
		how.WindowLog, _ = strconv.Atoi(m[2])
	}
	return how, nil
}

func validLevel(f codec.Format, level int) bool {
	switch f {
	case codec.Zstd:
		return level >= 1 && level <= 22
	case codec.XZ, codec.LZMA:
		return level >= 0 && level <= 9
	}
	return level >= 1 && level <= 9
}

// rpmHead is everything before the payload.
func (r *rewrite) rpmHead(ctx context.Context, s *stream) ([]byte, error) {
	old := r.p.Header()
	hdr, err := r.rpmHeader(s)
	if err != nil {
		return nil, where.In("header", err)
	}
	sig, err := r.rpmSigHeader(ctx, s, hdr)
	if err != nil {
		return nil, where.In("signature header", err)
	}
	out := append(bytes.Clone(old.Lead[:]), sig.Raw()...)
	out = append(out, make([]byte, -len(out)&7)...)
	return append(out, hdr.Raw()...), nil
}

// columns are the lists of the header with one value a file.
type columns struct {
	e     *rpmhdr.Edit
	sums  []string
	sizes rpmhdr.Tag
}

// rpmHeader edits the general header in place.
func (r *rewrite) rpmHeader(s *stream) (*rpmhdr.Header, error) {
	h := r.p.Header().Hdr
	e, err := h.Edit()
	if err != nil {
		return nil, err
	}
	c := columns{e: e, sizes: rpmhdr.FileSizes}
	if h.Has(rpmhdr.LongFileSizes) {
		c.sizes = rpmhdr.LongFileSizes
	}
	if c.sums, err = h.Texts(rpmhdr.FileDigests); err != nil {
		return nil, err
	}
	delta := int64(0)
	for i := range r.report.Changed {
		ch := &r.report.Changed[i]
		delta += ch.NewSize - ch.OldSize
		for _, index := range r.p.HardLinks(ch.index) {
			if err := c.file(ch, index); err != nil {
				return nil, where.In(ch.Path, err)
			}
		}
	}
	for _, t := range []rpmhdr.Tag{rpmhdr.Size, rpmhdr.LongSize} {
		if err := move(h, e, t, delta); err != nil {
			return nil, err
		}
	}
	if err := move(h, e, rpmhdr.ArchiveSize, s.written-s.at); err != nil {
		return nil, err
	}
	if err := r.payloadDigests(e, s); err != nil {
		return nil, err
	}
	return e.Header()
}

// file sets what the header says of one name of a changed file.
func (c *columns) file(ch *Changed, index int) error {
	if err := c.e.SetInt(c.sizes, index, uint64(ch.NewSize)); err != nil {
		return err
	}
	if ch.mtime != nil {
		if err := c.e.SetInt(rpmhdr.FileMtimes, index, uint64(ch.mtime.Unix())); err != nil {
			return err
		}
	}
	if index >= len(c.sums) || c.sums[index] == "" {
		return nil // a package without file digests
	}
	if c.sums[index] != ch.OldSum {
		return where.New(where.Malformed, "the header says digest %s, the content has %s", where.Clean(c.sums[index]), ch.OldSum)
	}
	return c.e.SetText(rpmhdr.FileDigests, index, ch.NewSum)
}

// move adds delta to the one number of a tag, if it is present.
func move(h *rpmhdr.Header, e *rpmhdr.Edit, t rpmhdr.Tag, delta int64) error {
	n, ok, err := h.Int(t)
	if err != nil || !ok {
		return err
	}
	if int64(n)+delta < 0 {
		return where.New(where.Malformed, "tag %d is %d, and changes by %d", t, n, delta)
	}
	return e.SetInt(t, 0, uint64(int64(n)+delta))
}

// payloadDigests sets the digests of the payload as stored and decompressed.
func (r *rewrite) payloadDigests(e *rpmhdr.Edit, s *stream) error {
	h := r.p.Header().Hdr
	if h.Has(rpmhdr.PayloadDigestAlt) {
		if err := e.SetText(rpmhdr.PayloadDigestAlt, 0, fmt.Sprintf("%x", s.alt.Sum(nil))); err != nil {
			return err
		}
	}
	if !h.Has(rpmhdr.PayloadDigest) {
		return nil
	}
	a, err := r.algorithm(rpmhdr.PayloadDigestAlgo, rpmhdr.AlgoSHA256)
	if err != nil {
		return err
	}
	sum := a()
	if err := copyRange(sum, r.packed, 0, r.packed.Size()); err != nil {
		return err
	}
	return e.SetText(rpmhdr.PayloadDigest, 0, fmt.Sprintf("%x", sum.Sum(nil)))
}
