package rpmhdr

import (
	"bytes"
	"encoding/binary"

	"kpkg-btf/internal/where"
)

// Find returns the entry of a tag. A dribble never hides an entry of the region.
func (h *Header) Find(t Tag) (*Entry, bool) {
	i, ok := h.byTag[t]
	if !ok {
		return nil, false
	}
	return &h.Entries[i], true
}

// Has tells if a tag is present.
func (h *Header) Has(t Tag) bool { _, ok := h.byTag[t]; return ok }

// Data is the stored form of a tag's values, nil if the tag is absent.
func (h *Header) Data(t Tag) []byte {
	e, ok := h.Find(t)
	if !ok {
		return nil
	}
	return h.Store[e.Offset : int(e.Offset)+e.Len]
}

func wrongType(t Tag, e *Entry, want string) error {
	return where.New(where.Malformed, "rpm header tag %d has type %d, not %s", t, e.Type, want)
}

// Text is the one string of a tag; the first of an i18n string. "" if absent.
func (h *Header) Text(t Tag) (string, error) {
	e, ok := h.Find(t)
	if !ok {
		return "", nil
	}
	if e.Type != String && e.Type != I18NString {
		return "", wrongType(t, e, "a string")
	}
	return cut(h.Data(t)), nil
}

func cut(b []byte) string { return string(b[:bytes.IndexByte(b, 0)]) }

// Texts are the strings of a tag, nil if absent.
func (h *Header) Texts(t Tag) ([]string, error) {
	e, ok := h.Find(t)
	if !ok {
		return nil, nil
	}
	if e.Type != String && e.Type != StringArray && e.Type != I18NString {
		return nil, wrongType(t, e, "strings")
	}
	out := make([]string, 0, e.Count) // the count was verified against the store
	for data := h.Data(t); len(data) > 0; {
		s := cut(data)
		out = append(out, s)
		data = data[len(s)+1:]
	}
	return out, nil
}

// Ints are the numbers of a tag of any integer width, nil if absent.
func (h *Header) Ints(t Tag) ([]uint64, error) {
	e, ok := h.Find(t)
	if !ok {
		return nil, nil
	}
	data := h.Data(t)
	out := make([]uint64, 0, e.Count)
	be := binary.BigEndian
	for i := range int(e.Count) {
		switch e.Type {
		case Char, Int8:
			out = append(out, uint64(data[i]))
		case Int16:
			out = append(out, uint64(be.Uint16(data[2*i:])))
		case Int32:
			out = append(out, uint64(be.Uint32(data[4*i:])))
		case Int64:
			out = append(out, be.Uint64(data[8*i:]))
		default:
			return nil, wrongType(t, e, "integers")
		}
	}
	return out, nil
}

// Int is the one number of a tag; ok is false if it is absent.
func (h *Header) Int(t Tag) (n uint64, ok bool, err error) {
	all, err := h.Ints(t)
	if err != nil || len(all) == 0 {
		return 0, false, err
	}
	if len(all) != 1 {
		return 0, false, where.New(where.Malformed, "rpm header tag %d has %d values, not one", t, len(all))
	}
	return all[0], true, nil
}
