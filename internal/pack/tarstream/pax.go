package tarstream

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"kpkg-btf/internal/where"
)

// overrides are what extension headers (PAX "x", GNU "L" and "K") say about
// the entry that follows them.
type overrides struct {
	name, link     *string
	uname, gname   *string
	size, uid, gid *int64
	mtime          *time.Time
}

func (o *overrides) apply(h *Header) {
	set(&h.Name, o.name)
	set(&h.Link, o.link)
	set(&h.Uname, o.uname)
	set(&h.Gname, o.gname)
	set(&h.Size, o.size)
	set(&h.UID, o.uid)
	set(&h.GID, o.gid)
	set(&h.ModTime, o.mtime)
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// pax reads the records "length key=value\n" of an extended header (POSIX
// pax, "pax Extended Header"). The length counts the whole record. Keys that
// change nothing we report are passed over.
func (o *overrides) pax(data []byte, global bool) error {
	for at := 0; at < len(data); {
		rest := data[at:]
		sp := bytes.IndexByte(rest[:min(len(rest), 20)], ' ')
		if sp <= 0 {
			return where.New(where.Malformed, "pax record without a length").At(int64(at))
		}
		n, err := strconv.ParseUint(string(rest[:sp]), 10, 31)
		if err != nil || int(n) > len(rest) || int(n) < sp+3 || rest[n-1] != '\n' {
			return where.New(where.Malformed, "pax record length %q does not fit its record", rest[:sp]).At(int64(at))
		}
		key, value, ok := strings.Cut(string(rest[sp+1:n-1]), "=")
		if !ok || key == "" {
			return where.New(where.Malformed, "pax record without a key").At(int64(at))
		}
		if err := o.record(key, value, global); err != nil {
			return err.(*where.Error).At(int64(at))
		}
		at += int(n)
	}
	return nil
}

func (o *overrides) record(key, value string, global bool) error {
	if strings.HasPrefix(key, "GNU.sparse.") {
		return where.New(where.Unsupported, "sparse file in a tar archive")
	}
	if value == "" { // deletes the attribute: the header's own value holds
		return nil
	}
	known := true
	var err error
	switch key {
	case "path":
		o.name = &value
	case "linkpath":
		o.link = &value
	case "uname":
		o.uname = &value
	case "gname":
		o.gname = &value
	case "size":
		o.size, err = paxInt(key, value)
	case "uid":
		o.uid, err = paxInt(key, value)
	case "gid":
		o.gid, err = paxInt(key, value)
	case "mtime":
		o.mtime, err = paxTime(value)
	default:
		known = false
	}
	if known && strings.IndexByte(value, 0) >= 0 {
		return where.New(where.Malformed, "pax record %s has a NUL byte in %q", key, value)
	}
	if known && global {
		return where.New(where.Unsupported, "pax global header sets %s for all entries", key)
	}
	return err
}

func paxInt(key, value string) (*int64, error) {
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return nil, where.New(where.Malformed, "pax record %s: %q is not a number", key, value)
	}
	v := int64(n)
	return &v, nil
}

// paxTime reads seconds with an optional fraction, cut to nanoseconds.
func paxTime(value string) (*time.Time, error) {
	secs, frac, _ := strings.Cut(value, ".")
	s, err := strconv.ParseInt(secs, 10, 64)
	if err != nil || strings.Trim(frac, "0123456789") != "" {
		return nil, where.New(where.Malformed, "pax record mtime: %q is not a time", value)
	}
	nanos := int64(0)
	for i := range 9 {
		nanos *= 10
		if i < len(frac) {
			nanos += int64(frac[i] - '0')
		}
	}
	if strings.HasPrefix(secs, "-") {
		nanos = -nanos
	}
	t := time.Unix(s, nanos).UTC()
	return &t, nil
}
