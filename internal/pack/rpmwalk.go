package pack

import (
	"context"
	"encoding/hex"
	"hash"
	"io"
	"strings"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/cpio"
	"kpkg-btf/internal/where"
)

// payloadMember is the step of errors and the Member of an rpm's entries.
const payloadMember = "payload"

// rpmPayload is what the header says about the payload.
type rpmPayload struct {
	format  codec.Format
	files   []rpmFile
	alt     string // digest of the decompressed payload, or ""
	altHash func() hash.Hash
	sets    map[int][]int // last file -> hard-link set of several names
}

// rpmWalk is one walk over a payload.
type rpmWalk struct {
	*rpmPayload
	w      *walker
	cpio   *cpio.Reader
	byPath map[string]int // filled for the first entry that is named
	seen   []bool
}

func (p *Package) walkRpm(ctx context.Context, rp *rpmPayload, w *walker) error {
	size := p.size - p.rpm.Payload
	r, err := p.decoded(ctx, rp.format, io.NewSectionReader(p.file, p.rpm.Payload, size), size)
	if err != nil {
		return where.In(payloadMember, err)
	}
	defer r.Close()
	var src io.Reader = r
	var alt hash.Hash
	if rp.alt != "" {
		alt = rp.altHash()
		src = io.TeeReader(r, alt)
	}
	rw := &rpmWalk{rpmPayload: rp, w: w, seen: make([]bool, len(rp.files))}
	rw.cpio = cpio.NewReader(src, rw.sizeOf)
	if err := rw.run(); err != nil {
		return where.In(payloadMember, err)
	}
	if alt != nil {
		if got := hex.EncodeToString(alt.Sum(nil)); got != rp.alt {
			return where.In(payloadMember, where.New(where.Malformed, "digest of the decompressed rpm payload is %s, the header says %s", got, shown(rp.alt)))
		}
	}
	return rw.rest()
}

// sizeOf is the length of a stripped entry's content: none for the earlier
// names of a hard-link set, the length of the target for a symlink
// (lib/rpmfi.c, iterReadArchiveNext).
func (w *rpmWalk) sizeOf(index uint32) (int64, error) {
	if uint64(index) >= uint64(len(w.files)) {
		return 0, where.New(where.Malformed, "cpio file index %d is outside the header's %d files", index, len(w.files))
	}
	f := &w.files[index]
	switch f.mode & modeType {
	case modeReg:
		if f.last == int(index) {
			return f.size, nil
		}
	case modeLink:
		return f.size, nil
	}
	return 0, nil
}

func (w *rpmWalk) run() error {
	for {
		h, err := w.cpio.Next()
		if err == io.EOF {
			c := w.cpio
			return w.w.end(Raw{Gap: c.Gap(), Head: c.Raw(), Off: c.End(), Index: -1, Zeros: c.Zeros()})
		}
		if err != nil {
			return err
		}
		err = w.give(h)
		if src := w.cpio.SourceErr(); src != nil { // the cause, whatever fn made of it
			return src
		}
		if err != nil {
			return err
		}
	}
}

func (w *rpmWalk) give(h *cpio.Header) error {
	i, err := w.index(h)
	if err != nil {
		return err
	}
	f := &w.files[i]
	bad := func(format string, args ...any) error {
		return where.In(f.path, where.New(where.Malformed, format, args...))
	}
	if w.seen[i] {
		return bad("the rpm payload has it twice")
	}
	w.seen[i] = true
	if f.ghost {
		return bad("a ghost file has content in the rpm payload")
	}
	if !h.Stripped && h.Mode&modeType != f.mode&modeType {
		return bad("mode is %o in the rpm payload, %s in the header", h.Mode, f.modeText())
	}
	w.w.place(Raw{Gap: w.cpio.Gap(), Head: w.cpio.Raw(), Off: h.Off, Index: i})
	e := f.entry(payloadMember)
	switch e.Type {
	case Regular:
		if f.last != i && h.Size == 0 {
			e.Type, e.Link = Hardlink, w.files[f.last].path
		} else if e.Size = h.Size; h.Size != f.size {
			return bad("%d bytes in the rpm payload, %d in the header", h.Size, f.size)
		}
	case Symlink:
		if err := w.target(f, h); err != nil {
			return where.In(f.path, err)
		}
	default:
		if h.Size != 0 {
			return bad("%d bytes of content in the rpm payload for mode %s", h.Size, f.modeText())
		}
	}
	switch {
	case e.Type == Symlink && w.w.raw != nil:
		return w.w.give(e, strings.NewReader(f.link))
	case e.Type != Regular:
		return w.w.give(e, noContent{})
	}
	return w.w.give(e, w.cpio)
}

// index finds an entry in the header's file list.
func (w *rpmWalk) index(h *cpio.Header) (int, error) {
	if h.Stripped {
		return int(h.Index), nil // sizeOf has checked it
	}
	path, err := cleanPath(h.Name, true)
	if err != nil {
		return 0, err.(*where.Error).At(h.Off)
	}
	if w.byPath == nil {
		w.byPath = make(map[string]int, len(w.files))
		for i := range w.files {
			w.byPath[w.files[i].path] = i
		}
	}
	i, ok := w.byPath[path]
	if !ok {
		return 0, where.New(where.Malformed, "%s is in the rpm payload but not in the header", shown(path)).At(h.Off)
	}
	return i, nil
}

// target makes sure that a symlink has one target.
func (w *rpmWalk) target(f *rpmFile, h *cpio.Header) error {
	if h.Size > limits.MaxName {
		return where.New(where.Limit, "symlink target of %d bytes", h.Size)
	}
	target, err := io.ReadAll(w.cpio)
	if err != nil {
		return err
	}
	if string(target) != f.link {
		return where.New(where.Malformed, "symlink to %s in the rpm payload, to %s in the header", shown(string(target)), shown(f.link))
	}
	return nil
}

// rest returns the ghosts, and refuses a payload without a file that the header
// promises.
func (w *rpmWalk) rest() error {
	for i := range w.files {
		f := &w.files[i]
		switch {
		case w.seen[i]:
		case f.ghost:
			if err := w.w.give(f.entry(""), noContent{}); err != nil {
				return err
			}
		case !f.missingOK:
			return where.In(payloadMember, where.New(where.Malformed, "%s is in the rpm header but not in the payload", shown(f.path)))
		}
	}
	return nil
}
