package tarstream

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"kpkg-btf/internal/where"
)

// Change is what an edited entry says otherwise than before. Nil keeps.
type Change struct {
	Size    *int64
	ModTime *time.Time // whole seconds
}

// Edit returns the header blocks of an entry (Raw) with another size or time:
// only those fields and the checksum differ, in the form in which the writer
// of the archive wrote them; PAX records of the same name are changed too. A
// header that this would not write back as it is (checked by editing it to
// itself) is refused as Unsupported.
func Edit(raw []byte, c Change) ([]byte, error) {
	var h Header
	if err := (*block)(raw[len(raw)-BlockLen:]).parse(&h); err != nil {
		return nil, err
	}
	same, err := edit(raw, Change{Size: &h.Size, ModTime: &h.ModTime}, true)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(same, raw) {
		return nil, where.New(where.Unsupported, "tar header of %s is in a form that would not be written back as it is", where.Clean(h.Name))
	}
	return edit(raw, c, false)
}

// edit changes the records of extension headers, then the header itself. With
// proof the records keep their own values.
func edit(raw []byte, c Change, proof bool) ([]byte, error) {
	out := make([]byte, 0, len(raw)+BlockLen)
	for len(raw) > BlockLen {
		b := (*block)(raw)
		size, err := number(b.field(124, 12), "size")
		if err != nil {
			return nil, err
		}
		end := BlockLen + size + padding(size)
		if size < 0 || end > int64(len(raw)-BlockLen) {
			return nil, where.New(where.Internal, "tar extension header of %d bytes in %d", size, len(raw))
		}
		if b[156] != typePax {
			out = append(out, raw[:end]...)
		} else if out, err = editPax(out, *b, raw[BlockLen:BlockLen+size], c, proof); err != nil {
			return nil, err
		}
		raw = raw[end:]
	}
	b := *(*block)(raw)
	if err := b.change(c); err != nil {
		return nil, err
	}
	return append(out, b[:]...), nil
}

// change sets the fields of one block.
func (b *block) change(c Change) error {
	if c.Size != nil {
		if err := setNumber(b.field(124, 12), *c.Size, "size"); err != nil {
			return err
		}
	}
	if c.ModTime != nil {
		if err := setNumber(b.field(136, 12), c.ModTime.Unix(), "mtime"); err != nil {
			return err
		}
	}
	return setNumber(b.field(148, 8), b.sum(), "checksum")
}

// sum is the checksum with unsigned bytes. A header summed up with signed ones,
// as very old tars did, does not pass Edit's proof.
func (b *block) sum() int64 {
	var unsigned int64
	for i, c := range b {
		if i >= 148 && i < 156 {
			c = ' '
		}
		unsigned += int64(c)
	}
	return unsigned
}

// setNumber writes n in the form of the field: base-256, or octal digits with
// the same filling before and the same bytes after them.
func setNumber(f []byte, n int64, what string) error {
	if f[0]&0x80 != 0 && n >= 0 {
		for i := len(f) - 1; i > 0; i-- {
			f[i] = byte(n)
			n >>= 8
		}
		f[0] = 0x80
		return nil
	}
	lead := len(f) - len(bytes.TrimLeft(f, " "))
	end := len(bytes.TrimRight(f, " \x00"))
	if end <= lead { // an empty field is zero
		lead, end = 0, len(f)-1
	}
	text := strconv.FormatInt(n, 8)
	if n < 0 || len(text) > end {
		return where.New(where.Unsupported, "tar header field %s: %d does not fit its %d octal digits", what, n, end)
	}
	fill := byte('0')
	if lead > 0 {
		fill = ' '
	}
	for i := range end - len(text) {
		f[i] = fill
	}
	copy(f[end-len(text):], text)
	return nil
}

// editPax rewrites an extended header whose records are changed.
func editPax(out []byte, head block, data []byte, c Change, proof bool) ([]byte, error) {
	var body []byte
	for len(data) > 0 {
		n, key, value, err := paxRecord(data)
		if err != nil {
			return nil, err
		}
		switch {
		case proof:
			body = append(body, record(key, value)...)
		case key == "size" && c.Size != nil:
			body = append(body, record(key, strconv.FormatInt(*c.Size, 10))...)
		case key == "mtime" && c.ModTime != nil:
			body = append(body, record(key, strconv.FormatInt(c.ModTime.Unix(), 10))...)
		default:
			body = append(body, data[:n]...)
		}
		data = data[n:]
	}
	size := int64(len(body))
	if err := head.change(Change{Size: &size}); err != nil {
		return nil, err
	}
	out = append(append(out, head[:]...), body...)
	return append(out, zeroBlock[:padding(size)]...), nil
}

func paxRecord(data []byte) (n int, key, value string, err error) {
	length, rest, _ := bytes.Cut(data[:min(len(data), 20)], []byte(" "))
	n, err = strconv.Atoi(string(length))
	if err != nil || n > len(data) || n < len(length)+3 || rest == nil {
		return 0, "", "", where.New(where.Malformed, "pax record length %q does not fit its record", length)
	}
	k, v, _ := bytes.Cut(data[len(length)+1:n-1], []byte("="))
	return n, string(k), string(v), nil
}

// record writes "length key=value\n"; the length counts itself.
func record(key, value string) string {
	n := len(key) + len(value) + 3
	for size := n + 1; ; size++ {
		if s := fmt.Sprintf("%d %s=%s\n", size, key, value); len(s) == size {
			return s
		}
	}
}
