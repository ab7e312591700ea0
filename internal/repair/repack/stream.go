package repack

import (
	"context"
	"crypto/sha256"
	"hash"
	"io"
	"time"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/pack"
	"kpkg-btf/internal/pack/cpio"
	"kpkg-btf/internal/pack/tarstream"
	"kpkg-btf/internal/repair/encode"
	"kpkg-btf/internal/where"
)

// archive is what the two payload formats do not share.
type archive struct {
	block int64
	edit  func(head []byte, content []byte, mtime *time.Time) ([]byte, error)
}

var tarArchive = archive{tarstream.BlockLen, func(head, content []byte, mtime *time.Time) ([]byte, error) {
	size := int64(len(content))
	return tarstream.Edit(head, tarstream.Change{Size: &size, ModTime: mtime})
}}

var cpioArchive = archive{4, func(head, content []byte, mtime *time.Time) ([]byte, error) {
	if mtime == nil {
		return cpio.Edit(head, content, nil)
	}
	secs := mtime.Unix()
	return cpio.Edit(head, content, &secs)
}}

// stream writes the new payload. Up to the first change it writes nothing;
// then the beginning is decoded again and copied.
type stream struct {
	ctx  context.Context
	r    *rewrite
	arch archive
	how  encode.Settings
	alt  hash.Hash // of the decompressed payload besides SHA-256, or nil

	enc     io.WriteCloser
	sum     hash.Hash
	out     io.Writer // enc and sums
	written int64

	at   int64 // how much of the old payload has come by
	left int64 // of the content of an unselected entry
	// pad is the length of the padding that the changed content before needs,
	// -1 when the content before is unchanged.
	pad   int64
	links links
}

// payload rewrites the payload. r.packed stays nil when nothing changed.
func (r *rewrite) payload(ctx context.Context, arch archive, how encode.Settings, alt hash.Hash) (s *stream, err error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s = &stream{ctx: ctx, r: r, arch: arch, how: how, alt: alt, pad: -1, links: newLinks()}
	err = r.pipeline(ctx, r.p, r.ed, s.emit)
	if err == nil && r.ed.Done != nil {
		err = where.In(r.p.Path, r.ed.Done())
	}
	if s.enc == nil {
		return s, err
	}
	if err != nil {
		cancel() // the compressor need not finish
		_ = s.enc.Close()
		return s, err
	}
	r.sum = s.sum.Sum(nil)
	return s, where.In(r.out, s.enc.Close())
}

// emit takes in the next stretch of the old payload. The offsets of all
// stretches must close up: what is copied is the whole of it.
func (s *stream) emit(u *unit) error {
	if u.lump {
		s.at += int64(len(u.content))
		s.left -= int64(len(u.content))
		return s.write(u.content)
	}
	if start := s.at + int64(len(u.raw.Gap)); start != u.raw.Off || s.left != 0 {
		return where.New(where.Internal, "entry at 0x%x of the payload, 0x%x was reached", u.raw.Off, start)
	}
	s.at = u.raw.Off + int64(len(u.raw.Head))
	if u.raw.Entry == nil {
		return s.end(u)
	}
	if err := s.links.see(s.r.p, &u.raw, u.result != nil); err != nil {
		return where.In(s.r.p.Path, where.In(u.raw.Member, where.In(u.raw.Path, err)))
	}
	if u.result != nil {
		err := s.changed(u)
		s.at += int64(len(u.content))
		return err
	}
	if !u.file && (u.raw.Type == pack.Regular || u.raw.Type == pack.Symlink && u.raw.Index >= 0) {
		s.left = u.raw.Size
		if u.raw.Type == pack.Symlink {
			s.left = int64(len(u.raw.Link))
		}
	}
	s.at += int64(len(u.content))
	return s.write(s.gap(u), u.raw.Head, u.content)
}

// gap is the padding before a head: the old one, or that of new content.
func (s *stream) gap(u *unit) []byte {
	if s.pad < 0 {
		return u.raw.Gap
	}
	pad := make([]byte, s.pad)
	s.pad = -1
	return pad
}

// changed writes a file with its new content.
func (s *stream) changed(u *unit) error {
	mtime := s.r.o.Epoch
	if mtime != nil && !u.raw.ModTime.After(*mtime) {
		mtime = nil
	}
	head, err := s.arch.edit(u.raw.Head, u.result, mtime)
	if err != nil {
		return where.In(s.r.p.Path, where.In(u.raw.Member, where.In(u.raw.Path, err)))
	}
	gap := s.gap(u)
	if s.out == nil {
		if err := s.begin(u.raw.Off); err != nil {
			return err
		}
		gap = nil // part of what was copied
	}
	s.pad = -int64(len(u.result)) & (s.arch.block - 1)
	s.r.report.Changed = append(s.r.report.Changed, Changed{
		Path: u.raw.Path, OldSize: u.raw.Size, NewSize: int64(len(u.result)), OldSum: u.oldSum, NewSum: u.newSum, index: u.raw.Index, mtime: mtime,
	})
	return s.write(gap, head, u.result)
}

// begin opens the output and copies the payload up to its first change.
func (s *stream) begin(n int64) (err error) {
	if s.r.packed, err = fsx.NewScratch(s.r.out, s.r.fsOptions()); err != nil {
		return err
	}
	if s.enc, err = encode.NewWriter(s.ctx, s.r.packed, s.how, s.r.o.Jobs); err != nil {
		return where.In(s.r.out, err)
	}
	s.sum = sha256.New()
	s.out = io.MultiWriter(s.enc, s.sum)
	if s.alt != nil {
		s.out = io.MultiWriter(s.enc, s.sum, s.alt)
	}
	old, err := s.r.p.Payload(s.ctx)
	if err != nil {
		return err
	}
	defer old.Close()
	got, err := io.CopyN(s.out, old, n)
	s.written = got
	if err == io.EOF {
		err = where.In(s.r.p.Path, where.New(where.IO, "the payload is not the same when it is read again"))
	}
	return err
}

// end writes the end marker.
func (s *stream) end(u *unit) error {
	s.at += u.raw.Zeros
	if err := s.write(s.gap(u), u.raw.Head); err != nil || s.out == nil {
		return err
	}
	n, err := io.CopyN(s.out, zeros{}, u.raw.Zeros)
	s.written += n
	return err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// write passes bytes on once there is an output.
func (s *stream) write(parts ...[]byte) error {
	if s.out == nil {
		return nil
	}
	for _, b := range parts {
		n, err := s.out.Write(b)
		s.written += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// like reads how a part is compressed. Payloads are written in blocks that can
// be decoded in parallel, whatever they were: the same bytes for any -j.
func like(part pack.Part) (encode.Settings, error) {
	head := make([]byte, encode.HeadSize)
	n, err := part.Content.ReadAt(head, 0)
	if err != nil && err != io.EOF {
		return encode.Settings{}, where.New(where.IO, "%w", err)
	}
	how, err := encode.Like(part.Format, head[:n])
	if part.Format == codec.XZ {
		how.OneBlock = false
	}
	return how, where.In(part.Name, err)
}
