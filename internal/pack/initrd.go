package pack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/cpio"
	"kpkg-btf/internal/where"
)

// cpioMagic begins the archives that a kernel unpacks, 070701 and 070702.
const cpioMagic = "07070"

// initrd reports whether the file is an initrd: it begins with a cpio archive,
// plain or compressed. A compressed file that cannot be decoded is none: what
// it is says whoever reads it as such.
func (p *Package) initrd(ctx context.Context, head []byte) bool {
	if f := codec.Detect(head); f != codec.None {
		r, err := codec.NewReader(ctx, f, p.file, p.size, codec.Options{Jobs: 1})
		if err != nil {
			return false
		}
		defer r.Close()
		head = make([]byte, len(cpioMagic))
		if _, err := io.ReadFull(r, head); err != nil {
			return false
		}
	}
	return strings.HasPrefix(string(head), cpioMagic)
}

// walkInitrd returns the entries of an initrd as the kernel unpacks it
// (init/initramfs.c, unpack_to_rootfs): plain archives, zeros, compressed
// streams of archives, in any order and number. Members are named segment 1,
// segment 2, …; a later file of the same path replaces an earlier one on the
// machine, and both are given.
func (p *Package) walkInitrd(ctx context.Context, w *walker) error {
	off, n := int64(0), 0
	for off < p.size {
		zeros, err := p.zeros(ctx, off)
		if err != nil {
			return err
		}
		if off += zeros; off == p.size {
			break
		}
		n++
		member := fmt.Sprintf("segment %d", n)
		used, err := p.segment(ctx, w, member, off)
		if err != nil {
			return where.In(member, err)
		}
		off += used
	}
	return nil
}

// zeros counts the zero bytes from off on.
func (p *Package) zeros(ctx context.Context, off int64) (int64, error) {
	buf := make([]byte, 64<<10)
	for at := off; at < p.size; {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		n, err := p.file.ReadAt(buf[:min(int64(len(buf)), p.size-at)], at)
		for i, b := range buf[:n] {
			if b != 0 {
				return at + int64(i) - off, nil
			}
		}
		at += int64(n)
		if err != nil && at < p.size {
			return 0, ioError(err)
		}
	}
	return p.size - off, nil
}

// segment returns the entries of one plain run of archives or one compressed
// stream, and how many bytes of the file it took.
func (p *Package) segment(ctx context.Context, w *walker, member string, off int64) (int64, error) {
	head := make([]byte, sniffLen)
	n, err := p.file.ReadAt(head, off)
	if err != nil && err != io.EOF {
		return 0, ioError(err)
	}
	f := codec.Detect(head[:n])
	rest := io.NewSectionReader(p.file, off, p.size-off)
	iw := &initrdWalk{w: w, member: member, links: map[inodeKey][]*Entry{}}
	if f == codec.None {
		iw.cpio = cpio.NewChain(rest)
		if err := iw.run(); err != nil {
			return 0, err
		}
		return iw.cpio.Consumed(), nil
	}
	r, err := codec.NewReader(ctx, f, rest, rest.Size(), codec.Options{Jobs: p.opts.Jobs, Budget: limits.NewBudget("bytes of the initrd", limits.MaxPayload)})
	if err != nil {
		return p.prefix(iw, f, off, err)
	}
	defer r.Close()
	iw.cpio = cpio.NewChain(r)
	if err = iw.run(); err != nil && iw.cpio.SourceErr() == nil {
		return 0, err
	}
	if err == nil {
		_, err = io.Copy(io.Discard, r) // to its end, where checksums stand
	}
	if err != nil {
		return p.prefix(iw, f, off, err)
	}
	return rest.Size(), nil
}

// A compressed segment that others follow is read and decoded at once: at most
// so many bytes of each.
const (
	maxPrefixPacked = 192 << 20
	maxPrefix       = 256 << 20
)

// prefix reads a compressed stream that does not reach to the end of the
// file: nothing but decoding tells where it ends. The entries that the first
// attempt has given are not given again.
func (p *Package) prefix(iw *initrdWalk, f codec.Format, off int64, cause error) (int64, error) {
	if n := p.size - off; n > maxPrefixPacked {
		return 0, where.New(where.Limit, "%d bytes of compressed segments, more than the %d that are looked at: %w", n, maxPrefixPacked, cause).At(off)
	}
	data := make([]byte, p.size-off)
	if _, err := p.file.ReadAt(data, off); err != nil && err != io.EOF {
		return 0, ioError(err)
	}
	var d codec.Decoder
	out, used, err := d.DecodePrefix(nil, f, data, limits.Cap(int64(len(data)), maxPrefix))
	if err != nil || used == len(data) {
		return 0, cause
	}
	again := &initrdWalk{w: iw.w, member: iw.member, links: map[inodeKey][]*Entry{}, skip: iw.given}
	again.cpio = cpio.NewChain(bytes.NewReader(out))
	return int64(used), again.run()
}

// initrdWalk returns the entries of a run of archives. Of a set of hard links
// the last has the content, those before it have none
// (init/initramfs.c, maybe_link) and are given after it; a set without any
// content is not given.
type initrdWalk struct {
	w      *walker
	member string
	cpio   *cpio.Reader
	links  map[inodeKey][]*Entry
	given  int // entries given, those passed over counted
	skip   int // how many to pass over
}

type inodeKey struct{ ino, major, minor uint32 }

func (iw *initrdWalk) run() error {
	for {
		h, err := iw.cpio.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = iw.entry(h)
		}
		if src := iw.cpio.SourceErr(); src != nil {
			return src
		}
		if err != nil {
			return err
		}
	}
}

func (iw *initrdWalk) entry(h *cpio.Header) error {
	path, err := cleanPath(h.Name, true)
	if err != nil {
		return err.(*where.Error).At(h.Off)
	}
	e := &Entry{Path: path, Member: iw.member, Mode: h.Mode & 0o7777}
	switch h.Mode & modeType {
	case modeDir:
		e.Type = Directory
	case modeLink:
		return iw.symlink(e, h)
	case modeReg:
		return iw.regular(e, h)
	default:
		e.Type = Other
	}
	return iw.give(e, noContent{})
}

func (iw *initrdWalk) symlink(e *Entry, h *cpio.Header) error {
	if h.Size > limits.MaxName {
		return where.New(where.Limit, "symlink target of %d bytes", h.Size).At(h.Off)
	}
	target, err := io.ReadAll(iw.cpio)
	if err != nil {
		return err
	}
	e.Type, e.Link = Symlink, string(target)
	return iw.give(e, noContent{})
}

func (iw *initrdWalk) regular(e *Entry, h *cpio.Header) error {
	key := inodeKey{h.Ino, h.DevMajor, h.DevMinor}
	if h.NLink > 1 && h.Size == 0 {
		iw.links[key] = append(iw.links[key], e)
		return nil
	}
	e.Size = h.Size
	if err := iw.give(e, iw.cpio); err != nil {
		return err
	}
	for _, l := range iw.links[key] {
		l.Type, l.Link = Hardlink, e.Path
		if err := iw.give(l, noContent{}); err != nil {
			return err
		}
	}
	delete(iw.links, key)
	return nil
}

func (iw *initrdWalk) give(e *Entry, content io.Reader) error {
	if iw.given++; iw.given <= iw.skip {
		return nil
	}
	return iw.w.give(e, content)
}
