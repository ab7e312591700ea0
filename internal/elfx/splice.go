package elfx

import (
	"io"
	"slices"

	"kpkg-btf/internal/where"
)

// piece is other content for a part of the file.
type piece struct {
	at   uint64
	data []byte
}

// Splice writes the file with other content of the first section of a name:
// in its place where it fits there, else behind the end of the file. All other
// bytes but that section's header stay as they are and where they are, so a
// section that the file loads, whose place is its address, is refused.
func (f *File) Splice(w io.Writer, name string, content []byte) error {
	s := f.Section(name)
	switch {
	case s == nil:
		return where.New(where.Malformed, "no section %s", name)
	case !s.HasData() || s.Compressed():
		return where.New(where.Unsupported, "section %s has no plain content", name).At(f.HeaderOff(s))
	case s.Flags&SHFAlloc != 0 && f.Type != TypeRel:
		return where.New(where.Unsupported, "section %s is loaded at 0x%x: the file is linked already", name, s.Addr).At(f.HeaderOff(s)).
			WithHint("rewrite it before the final link")
	}
	at := uint64(f.HeaderOff(s))
	header := slices.Clone(f.data[at : at+f.shdrSize()])
	size, off := uint64(len(content)), s.Off
	if size > s.Size {
		off = (uint64(len(f.data)) + 7) &^ 7
	} else {
		content = append(slices.Clone(content), make([]byte, s.Size-size)...)
	}
	f.putPlace(header, off, size)
	pieces := []piece{{at, header}, {off, content}}
	slices.SortFunc(pieces, func(a, b piece) int { return int(int64(a.at) - int64(b.at)) })
	done := uint64(0)
	for _, p := range pieces {
		kept := f.data[min(done, uint64(len(f.data))):min(p.at, uint64(len(f.data)))]
		gap := make([]byte, p.at-done-uint64(len(kept)))
		for _, b := range [][]byte{kept, gap, p.data} {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		done = p.at + uint64(len(p.data))
	}
	if done < uint64(len(f.data)) {
		_, err := w.Write(f.data[done:])
		return err
	}
	return nil
}

// putPlace writes sh_offset and sh_size.
func (f *File) putPlace(header []byte, off, size uint64) {
	if f.Is64 {
		f.Order().PutUint64(header[24:], off)
		f.Order().PutUint64(header[32:], size)
		return
	}
	f.Order().PutUint32(header[16:], uint32(off))
	f.Order().PutUint32(header[20:], uint32(size))
}
