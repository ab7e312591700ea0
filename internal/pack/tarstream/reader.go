// Package tarstream reads a tar archive as a stream, strictly, and keeps the
// raw header blocks of each entry so that a later writer can copy them.
//
// Formats: version 7, POSIX ustar, GNU (long names, base-256 numbers) and PAX
// extended headers. Deliberately unsupported, and said so: sparse files,
// multi-volume archives, global PAX headers that change entries. An archive
// must end with two zero blocks and nothing but zeros after them; dpkg's own
// extractor stops at the first.
package tarstream

import (
	"bufio"
	"errors"
	"io"
	"math"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// maxSpecial bounds the extension headers of one entry; names have their own
// limit.
const maxSpecial = 1 << 20

// bufferLen is large enough to make skipping cheap.
const bufferLen = 128 << 10

// Reader reads entries one after the other.
type Reader struct {
	src     source
	buf     *bufio.Reader
	off     int64 // offset in the archive of the next byte
	content int64 // bytes of the current entry not yet read
	pad     int64 // padding behind them
	size    int64 // size of the current entry
	raw     []byte
	gap     []byte // the padding before raw
	hdr     Header
	ended   bool
	zeros   int64 // length of the end marker and what follows
}

// source remembers the error of the reader below, so that it is never taken
// for the end of the archive.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// NewReader reads an archive from r.
func NewReader(r io.Reader) *Reader {
	t := &Reader{src: source{r: r}}
	t.buf = bufio.NewReaderSize(&t.src, bufferLen)
	return t
}

// SourceErr is the error of the reader below, if it failed: decoders report
// damaged input there.
func (t *Reader) SourceErr() error { return t.src.err }

// Raw is every header block of the current entry with its extension headers,
// exactly as read. It is valid until the next call of Next.
func (t *Reader) Raw() []byte { return t.raw }

// Gap is the padding between the content of the entry before and Raw, after
// io.EOF that before the end marker, exactly as read. It is valid until the
// next call of Next.
func (t *Reader) Gap() []byte { return t.gap }

// Zeros is how many zero bytes end the archive, once Next gave io.EOF.
func (t *Reader) Zeros() int64 { return t.zeros }

// Offset is the position in the archive.
func (t *Reader) Offset() int64 { return t.off }

// Next skips what is left of the current entry and reads the next header. It
// gives io.EOF after the end marker, once the stream below has been read to
// its end. The header is valid until the next call.
func (t *Reader) Next() (*Header, error) {
	if t.ended {
		return nil, io.EOF
	}
	if err := t.skip(); err != nil {
		return nil, err
	}
	start := t.off
	t.raw = t.raw[:0]
	var over overrides
	for {
		at := t.off
		b, err := t.readBlock()
		if err != nil {
			return nil, err
		}
		if *b == zeroBlock {
			if len(t.raw) > BlockLen {
				return nil, where.New(where.Malformed, "tar archive ends after an extension header").At(at)
			}
			t.raw = t.raw[:0]
			return nil, t.end()
		}
		t.hdr = Header{Off: start}
		if err := b.parse(&t.hdr); err != nil {
			return nil, shift(err, at)
		}
		special, err := t.extension(&over, at)
		if err != nil {
			return nil, err
		}
		if !special {
			over.apply(&t.hdr)
			return &t.hdr, t.settle(at)
		}
	}
}

// shift moves the offset of an error inside a block to one in the archive.
func shift(err error, at int64) error {
	var e *where.Error
	if !errors.As(err, &e) {
		return err
	}
	out := *e
	out.Off = max(out.Off, 0) + at
	return &out
}

// extension takes in an extension header and its content.
func (t *Reader) extension(over *overrides, at int64) (bool, error) {
	switch t.hdr.Type {
	case typePax, typeGlobal, typeGNUName, typeGNULink:
	default:
		return false, nil
	}
	padded := t.hdr.Size + padding(t.hdr.Size)
	if t.hdr.Size > maxSpecial || int64(len(t.raw))+padded > maxSpecial+2*limits.MaxName {
		return false, where.New(where.Limit, "tar extension header of %d bytes", t.hdr.Size).At(at)
	}
	body := len(t.raw)
	for n := int64(0); n < padded; n += BlockLen {
		if _, err := t.readBlock(); err != nil {
			return false, err
		}
	}
	data := t.raw[body : body+int(t.hdr.Size)]
	if t.hdr.Type == typePax || t.hdr.Type == typeGlobal {
		err := over.pax(data, t.hdr.Type == typeGlobal)
		return true, shiftIf(err, at+BlockLen)
	}
	name := cstring(data)
	if name == "" { // readers do not agree what it means
		return false, where.New(where.Malformed, "empty GNU long name in a tar archive").At(at)
	}
	if t.hdr.Type == typeGNUName {
		over.name = &name
	} else {
		over.link = &name
	}
	return true, nil
}

func shiftIf(err error, at int64) error {
	if err == nil {
		return nil
	}
	return shift(err, at)
}

// settle checks the finished header and prepares its content.
func (t *Reader) settle(at int64) error {
	h := &t.hdr
	if len(h.Name) > limits.MaxName || len(h.Link) > limits.MaxName {
		return where.New(where.Limit, "name of %d bytes in a tar archive", max(len(h.Name), len(h.Link))).At(at)
	}
	switch h.Type {
	case 0, typeCont:
		h.Type = TypeReg
		if h.Name != "" && h.Name[len(h.Name)-1] == '/' { // a directory in version 7
			h.Type = TypeDir
		}
	case TypeReg, TypeDir, TypeChar, TypeBlock, TypeFifo:
	case TypeLink, TypeSymlink:
		h.Size = 0 // some writers give the target's size; no reader takes content
	case typeSparse:
		return where.New(where.Unsupported, "sparse file %s in a tar archive", where.Clean(h.Name)).At(at)
	default:
		return where.New(where.Unsupported, "tar entry %s of type %q", where.Clean(h.Name), h.Type).At(at)
	}
	if h.Type != TypeReg && h.Size != 0 {
		return where.New(where.Malformed, "tar entry %s of type %q claims %d bytes of content", where.Clean(h.Name), h.Type, h.Size).At(at + 124)
	}
	if h.Size > math.MaxInt64-t.off-BlockLen {
		return where.New(where.Malformed, "tar entry %s claims %d bytes", where.Clean(h.Name), h.Size).At(at + 124)
	}
	h.Data = t.off
	t.size, t.content, t.pad = h.Size, h.Size, padding(h.Size)
	return nil
}

func padding(n int64) int64 { return -n & (BlockLen - 1) }

// readBlock appends one block to raw. The result is valid until the next.
func (t *Reader) readBlock() (*block, error) {
	n := len(t.raw)
	t.raw = append(t.raw, zeroBlock[:]...)
	got, err := io.ReadFull(t.buf, t.raw[n:])
	at := t.off
	t.off += int64(got)
	if err != nil {
		return nil, t.truncated(err, at, "tar archive has no end marker")
	}
	return (*block)(t.raw[n:]), nil
}

// truncated turns an end of the stream into an error of its own.
func (t *Reader) truncated(err error, at int64, what string) error {
	if t.src.err != nil {
		return t.src.err
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return where.New(where.Malformed, "truncated: %s", what).At(at)
	}
	return err
}

// Read returns the content of the current entry.
func (t *Reader) Read(p []byte) (int, error) {
	if t.content == 0 {
		return 0, io.EOF
	}
	if int64(len(p)) > t.content {
		p = p[:t.content]
	}
	n, err := t.buf.Read(p)
	t.off += int64(n)
	t.content -= int64(n)
	if err != nil && (err != io.EOF || t.content > 0) {
		return n, t.truncated(err, t.off, "tar archive ends within the content of "+where.Clean(t.hdr.Name))
	}
	return n, nil
}

func (t *Reader) skip() error {
	what := "tar archive ends within the content of "
	for t.content > 0 {
		n, err := t.buf.Discard(int(min(t.content, 1<<30)))
		t.off += int64(n)
		t.content -= int64(n)
		if err != nil {
			return t.truncated(err, t.off, what+where.Clean(t.hdr.Name))
		}
	}
	t.gap = append(t.gap[:0], zeroBlock[:t.pad]...)
	n, err := io.ReadFull(t.buf, t.gap)
	t.off += int64(n)
	t.pad = 0
	if err != nil {
		return t.truncated(err, t.off, what+where.Clean(t.hdr.Name))
	}
	return nil
}

// end reads the second zero block and then only zeros.
func (t *Reader) end() error {
	at := t.off
	b, err := t.readBlock()
	if err != nil {
		return err
	}
	if *b != zeroBlock {
		return where.New(where.Malformed, "a lone zero block within a tar archive").At(at)
	}
	t.raw = t.raw[:0]
	for {
		p, err := t.buf.Peek(BlockLen)
		for i, c := range p {
			if c != 0 {
				return where.New(where.Malformed, "data after the end of the tar archive").At(t.off + int64(i))
			}
		}
		n, _ := t.buf.Discard(len(p))
		t.off += int64(n)
		if err == io.EOF {
			t.ended, t.zeros = true, t.off-at+BlockLen
			return io.EOF
		}
		if err != nil {
			return t.truncated(err, t.off, "tar archive")
		}
	}
}
