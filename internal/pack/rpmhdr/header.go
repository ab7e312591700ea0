// Package rpmhdr reads the lead and the two headers of an rpm package and
// keeps every byte of them, so that an editor can change tags and write the
// rest back as it was.
//
// Rules: rpm 4.18 lib/header.c (hdrblobInit, hdrblobVerifyRegion,
// hdrblobVerifyInfo, dataLength) and lib/rpmlead.c. A header is an intro of
// 16 bytes, an index of 16 bytes an entry, and a store the entries point
// into. Its first entry is a region tag whose 16-byte trailer in the store
// tells how many index entries are covered by digests and signatures; later
// ones ("dribbles") are allowed and not covered.
package rpmhdr

import (
	"bytes"
	"encoding/binary"
	"io"

	"kpkg-btf/internal/where"
)

const (
	// IntroLen is magic, version, reserved word, entry count, store length.
	IntroLen = 16
	// EntryLen is one index entry, and one region trailer.
	EntryLen = 16
)

// Bounds of lib/header.c (hdrblobRead).
const (
	maxSigEntries = 32
	maxSigStore   = 64 << 20
	maxEntries    = 0xffff
	maxStore      = 256 << 20
)

// Region tags (lib/rpmtag.h).
const (
	regionImage     Tag = 61 // only in trailers of very old signature headers
	RegionSignature Tag = 62
	RegionImmutable Tag = 63
	firstRealTag    Tag = 100 // HEADER_I18NTABLE; smaller tags are only regions
)

var headerMagic = [4]byte{0x8e, 0xad, 0xe8, 0x01}

// Tag is a number of rpmtag.h.
type Tag uint32

// Type is the type of an entry's values.
type Type uint32

// Types of lib/rpmtag.h.
const (
	Null Type = iota
	Char
	Int8
	Int16
	Int32
	Int64
	String
	Bin
	StringArray
	I18NString
	maxType = I18NString
)

// width of one value, also its alignment in the store; 0 for strings.
var width = [...]int64{Null: 0, Char: 1, Int8: 1, Int16: 2, Int32: 4, Int64: 8, String: 0, Bin: 1, StringArray: 0, I18NString: 0}

// Entry is one index entry.
type Entry struct {
	Tag    Tag
	Type   Type
	Offset int32 // into the store
	Count  uint32
	// Len is the length of the values in the store, found by reading them.
	Len int
}

// Header is one parsed header. It is not changed after Parse.
type Header struct {
	Region  Tag
	Entries []Entry // the region's own entry first
	// Covered is how many of the entries the region covers; the rest are
	// dribbles.
	Covered int
	Store   []byte
	raw     []byte
	byTag   map[Tag]int
}

// Raw is the header as it was read, from its magic to the end of its store.
func (h *Header) Raw() []byte { return h.raw }

// readHeader reads one header that begins at off, with limits checked before
// memory is taken: no more than what is left of the file.
func readHeader(ra io.ReaderAt, off, size int64, region Tag) (*Header, error) {
	var intro [IntroLen]byte
	if err := readFull(ra, intro[:], off, size, "header intro"); err != nil {
		return nil, err
	}
	n, err := bodyLen(intro[:], region, size-off-IntroLen)
	if err != nil {
		return nil, shift(err, off)
	}
	raw := make([]byte, IntroLen+n)
	if err := readFull(ra, raw, off, size, "header"); err != nil {
		return nil, err
	}
	h, err := Parse(raw, region)
	if err != nil {
		return nil, shift(err, off)
	}
	return h, nil
}

// bodyLen checks an intro and gives the length of index and store.
func bodyLen(intro []byte, region Tag, left int64) (int64, error) {
	if !bytes.Equal(intro[:4], headerMagic[:]) {
		return 0, where.New(where.Malformed, "rpm header begins with % x, not % x", intro[:4], headerMagic[:]).At(0)
	}
	entries, store := int64(binary.BigEndian.Uint32(intro[8:])), int64(binary.BigEndian.Uint32(intro[12:]))
	mostEntries, mostStore := int64(maxEntries), int64(maxStore)
	if region == RegionSignature {
		mostEntries, mostStore = maxSigEntries, maxSigStore
	}
	if entries < 1 || entries > mostEntries {
		return 0, where.New(where.Malformed, "rpm header of %d entries; 1 to %d are allowed", entries, mostEntries).At(8)
	}
	if store < EntryLen || store > mostStore {
		return 0, where.New(where.Malformed, "rpm header store of %d bytes; %d to %d are allowed", store, EntryLen, mostStore).At(12)
	}
	n := entries*EntryLen + store
	if n > left {
		return 0, where.New(where.Malformed, "truncated: rpm header needs %d bytes, %d are left", n, max(left, 0)).At(8)
	}
	return n, nil
}

// Parse reads a header from exactly its bytes, which it keeps. Errors have
// offsets into raw.
func Parse(raw []byte, region Tag) (*Header, error) {
	if len(raw) < IntroLen {
		return nil, where.New(where.Malformed, "truncated: rpm header of %d bytes", len(raw)).At(0)
	}
	n, err := bodyLen(raw, region, int64(len(raw)-IntroLen))
	if err != nil {
		return nil, err
	}
	if n != int64(len(raw)-IntroLen) {
		return nil, where.New(where.Malformed, "%d bytes after the rpm header", int64(len(raw)-IntroLen)-n).At(IntroLen + n)
	}
	count := int(binary.BigEndian.Uint32(raw[8:]))
	h := &Header{
		Region: region, raw: raw, Store: raw[IntroLen+count*EntryLen:],
		Entries: make([]Entry, count), byTag: make(map[Tag]int, count),
	}
	for i := range h.Entries {
		h.Entries[i] = decodeEntry(raw[IntroLen+i*EntryLen:])
	}
	if err := h.verifyRegion(); err != nil {
		return nil, err
	}
	return h, h.verifyEntries()
}

func decodeEntry(b []byte) Entry {
	be := binary.BigEndian
	return Entry{Tag: Tag(be.Uint32(b)), Type: Type(be.Uint32(b[4:])), Offset: int32(be.Uint32(b[8:])), Count: be.Uint32(b[12:])}
}

func (e *Entry) encode(b []byte) []byte {
	be := binary.BigEndian
	b = be.AppendUint32(b, uint32(e.Tag))
	b = be.AppendUint32(b, uint32(e.Type))
	b = be.AppendUint32(b, uint32(e.Offset))
	return be.AppendUint32(b, e.Count)
}

// Serialize writes the header from its parts: what Parse read gives the same
// bytes again.
func (h *Header) Serialize() []byte {
	be := binary.BigEndian
	b := make([]byte, 0, IntroLen+len(h.Entries)*EntryLen+len(h.Store))
	b = append(b, headerMagic[:]...)
	b = append(b, h.raw[4:8]...) // reserved
	b = be.AppendUint32(b, uint32(len(h.Entries)))
	b = be.AppendUint32(b, uint32(len(h.Store)))
	for i := range h.Entries {
		b = h.Entries[i].encode(b)
	}
	return append(b, h.Store...)
}

// entryOff is where entry i stands in the header.
func entryOff(i int) int64 { return int64(IntroLen + i*EntryLen) }

// verifyRegion mirrors hdrblobVerifyRegion.
func (h *Header) verifyRegion() error {
	bad := func(format string, args ...any) error {
		return where.New(where.Malformed, "rpm header region: "+format, args...).At(entryOff(0))
	}
	e := &h.Entries[0]
	if e.Tag != h.Region {
		return bad("first tag is %d, not %d", e.Tag, h.Region)
	}
	if e.Type != Bin || e.Count != EntryLen {
		return bad("tag %d has type %d and count %d", e.Tag, e.Type, e.Count)
	}
	if e.Offset < 0 || int64(e.Offset)+EntryLen > int64(len(h.Store)) {
		return bad("trailer at %d is outside the store of %d bytes", e.Offset, len(h.Store))
	}
	t := decodeEntry(h.Store[e.Offset:])
	if t.Tag != h.Region && (h.Region != RegionSignature || t.Tag != regionImage) || t.Type != Bin || t.Count != EntryLen {
		return bad("trailer has tag %d, type %d, count %d", t.Tag, t.Type, t.Count)
	}
	back := -int64(t.Offset)
	if back <= 0 || back%EntryLen != 0 || back/EntryLen > int64(len(h.Entries)) {
		return bad("trailer covers %d index bytes of %d entries", back, len(h.Entries))
	}
	h.Covered = int(back / EntryLen)
	e.Len = EntryLen
	h.byTag[e.Tag] = 0
	return nil
}

// verifyEntries mirrors hdrblobVerifyInfo: known types, aligned, inside the
// store, one after the other without overlap.
func (h *Header) verifyEntries() error {
	end := int64(0)
	trailer, inRegion := int64(h.Entries[0].Offset), true
	for i := 1; i < len(h.Entries); i++ {
		e := &h.Entries[i]
		bad := func(format string, args ...any) error {
			err := where.New(where.Malformed, format, args...)
			return where.New(where.Malformed, "rpm header entry #%d tag %d: %s", i, e.Tag, err.Msg).At(entryOff(i))
		}
		if i >= h.Covered && inRegion {
			inRegion, end = false, max(end, trailer+EntryLen)
		}
		switch {
		case e.Tag < firstRealTag:
			return bad("reserved tag")
		case e.Type > maxType:
			return bad("type %d is unknown", e.Type)
		case e.Offset < 0 || int64(e.Offset) >= int64(len(h.Store)):
			return bad("offset %d is outside the store of %d bytes", e.Offset, len(h.Store))
		case width[e.Type] > 1 && int64(e.Offset)%width[e.Type] != 0:
			return bad("offset %d is not aligned for type %d", e.Offset, e.Type)
		case int64(e.Offset) < end:
			return bad("offset %d overlaps what is before it", e.Offset)
		}
		n, ok := h.valuesLen(e)
		if !ok {
			return bad("type %d count %d at %d does not fit the store of %d bytes", e.Type, e.Count, e.Offset, len(h.Store))
		}
		e.Len = int(n)
		end = int64(e.Offset) + n
		if i < h.Covered && end > trailer {
			return bad("values reach over the region trailer at %d", trailer)
		}
		if _, twice := h.byTag[e.Tag]; twice && i < h.Covered {
			return bad("tag occurs twice")
		} else if !twice {
			h.byTag[e.Tag] = i
		}
	}
	return nil
}

// valuesLen measures the values of an entry (dataLength).
func (h *Header) valuesLen(e *Entry) (int64, bool) {
	store := h.Store[e.Offset:]
	if w := width[e.Type]; w > 0 {
		n := int64(e.Count) * w
		return n, e.Count > 0 && n <= int64(len(store))
	}
	if e.Type == Null {
		return 0, e.Count == 0
	}
	if e.Count == 0 || e.Type == String && e.Count != 1 || int64(e.Count) > int64(len(store)) {
		return 0, false
	}
	n := 0
	for range e.Count {
		i := bytes.IndexByte(store[n:], 0)
		if i < 0 {
			return 0, false
		}
		n += i + 1
	}
	return int64(n), true
}
