package cpio

import (
	"bytes"
	"strconv"

	"kpkg-btf/internal/where"
)

// Where fields stand in a newc header (cpio(5)).
const (
	mtimeField = 46
	sizeField  = 54
	checkField = 102
)

// Edit returns the header of an entry (Raw) with the size of new content, its
// checksum where the format has one, and another time unless that is nil.
// Everything else is as it was. A stripped header has none of these and comes
// back unchanged.
func Edit(raw, content []byte, mtime *int64) ([]byte, error) {
	if len(raw) < headerLen && !bytes.HasPrefix(raw, []byte(magicStripped)) {
		return nil, where.New(where.Internal, "cpio header of %d bytes", len(raw))
	}
	out := bytes.Clone(raw)
	if string(raw[:len(magicStripped)]) == magicStripped {
		return out, nil
	}
	upper := bytes.ContainsAny(raw[6:headerLen], "ABCDEF")
	if err := put(out[sizeField:], int64(len(content)), upper); err != nil {
		return nil, err
	}
	if mtime != nil {
		if err := put(out[mtimeField:], *mtime, upper); err != nil {
			return nil, err
		}
	}
	if string(raw[:len(magicCRC)]) == magicCRC {
		var sum uint32
		for _, b := range content {
			sum += uint32(b)
		}
		return out, put(out[checkField:], int64(sum), upper)
	}
	return out, nil
}

// put writes eight hexadecimal digits.
func put(field []byte, n int64, upper bool) error {
	if n < 0 || n > 1<<32-1 {
		return where.New(where.Unsupported, "cpio header: %d does not fit 32 bits", n)
	}
	text := []byte(strconv.FormatInt(n+1<<32, 16))[1:]
	if upper {
		text = bytes.ToUpper(text)
	}
	copy(field, text)
	return nil
}
