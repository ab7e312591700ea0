package repack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/pack/deb822"
	"kpkg-btf/internal/pack/tarstream"
	"kpkg-btf/internal/repair/encode"
	"kpkg-btf/internal/where"
)

// control is the new control.tar, compressed as the old one: md5sums and
// Installed-Size changed, everything else copied.
func (r *rewrite) control(ctx context.Context, l *links) ([]byte, error) {
	part, err := r.p.ControlPart()
	if err != nil {
		return nil, err
	}
	how, err := like(part)
	if err != nil {
		return nil, err
	}
	in, err := codec.NewReader(ctx, part.Format, part.Content, part.Content.Size(), codec.Options{Jobs: r.o.Jobs, Budget: limits.NewBudget("bytes of "+part.Name, limits.MaxText)})
	if err != nil {
		return nil, where.In(part.Name, err)
	}
	defer in.Close()
	tar, err := r.controlTar(tarstream.NewReader(in), newMD5s(r.report.Changed, l))
	if err != nil {
		return nil, where.In(part.Name, err)
	}
	var out bytes.Buffer
	enc, err := encode.NewWriter(ctx, &out, how, r.o.Jobs)
	if err != nil {
		return nil, where.In(part.Name, err)
	}
	_, err = enc.Write(tar)
	if cerr := enc.Close(); err == nil || cerr != nil {
		err = cerr
	}
	return out.Bytes(), where.In(part.Name, err)
}

// controlTar copies the archive and edits two of its files.
func (r *rewrite) controlTar(t *tarstream.Reader, sums *md5s) ([]byte, error) {
	var out bytes.Buffer
	pad := int64(-1)
	gap := func() {
		if pad < 0 {
			out.Write(t.Gap())
		}
		out.Write(make([]byte, max(pad, 0)))
		pad = -1
	}
	for {
		h, err := t.Next()
		if err == io.EOF {
			gap()
			_, err = io.CopyN(&out, zeros{}, t.Zeros())
			return out.Bytes(), err
		}
		if err != nil {
			return nil, err
		}
		gap()
		name, head := path.Clean(h.Name), bytes.Clone(t.Raw())
		old, err := io.ReadAll(t)
		if err != nil {
			return nil, err
		}
		text, err := r.controlFile(name, h.Type, old, sums)
		if err != nil {
			return nil, where.In(name, err)
		}
		if !bytes.Equal(text, old) {
			c := tarstream.Change{ModTime: r.o.Epoch}
			if r.o.Epoch != nil && !h.ModTime.After(*r.o.Epoch) {
				c.ModTime = nil
			}
			size := int64(len(text))
			c.Size = &size
			if head, err = tarstream.Edit(head, c); err != nil {
				return nil, where.In(name, err)
			}
			pad = -size & (tarstream.BlockLen - 1)
		}
		out.Write(head)
		out.Write(text)
	}
}

func (r *rewrite) controlFile(name string, typ byte, old []byte, sums *md5s) ([]byte, error) {
	if typ != tarstream.TypeReg {
		return old, nil
	}
	switch name {
	case "control":
		return installedSize(old, r.report.Changed)
	case "md5sums":
		return sums.edit(old)
	}
	return old, nil
}

// md5s are the digests to change by path.
type md5s struct{ old, now map[string]string }

func newMD5s(changed []Changed, l *links) *md5s {
	m := &md5s{old: map[string]string{}, now: map[string]string{}}
	for _, c := range changed {
		m.old[c.Path], m.now[c.Path] = c.OldSum, c.NewSum
	}
	for alias, path := range l.aliases {
		m.old[alias], m.now[alias] = m.old[path], m.now[path]
	}
	return m
}

// edit replaces the digests of changed files in lines "digest, two spaces,
// path" (dh_md5sums). A line that did not hold for the old content is refused:
// the package was changed before without telling. Files without a line
// (conffiles have none) get none.
func (m *md5s) edit(text []byte) ([]byte, error) {
	out := make([]byte, 0, len(text))
	at := int64(0)
	for line := range bytes.SplitAfterSeq(text, []byte("\n")) {
		digest, name, ok := strings.Cut(string(line), "  ")
		name = path.Clean(strings.TrimSuffix(name, "\n"))
		if now, changed := m.now[name]; ok && changed {
			if !strings.EqualFold(digest, m.old[name]) {
				return nil, where.New(where.Malformed, "says %s has the MD5 %s, its content has %s", where.Clean(name), where.Clean(digest), m.old[name]).At(at)
			}
			line = append([]byte(now), line[len(digest):]...)
		}
		out = append(out, line...)
		at += int64(len(line))
	}
	return out, nil
}

// installedSize moves the field by what the files changed, in dpkg's measure:
// each regular file once, in KiB, rounded up (dpkg-gencontrol 1.21).
func installedSize(text []byte, changed []Changed) ([]byte, error) {
	delta := int64(0)
	for _, c := range changed {
		delta += (c.NewSize+1023)/1024 - (c.OldSize+1023)/1024
	}
	const field = "installed-size:"
	at := 0
	for line := range bytes.SplitAfterSeq(text, []byte("\n")) {
		if len(line) >= len(field) && strings.EqualFold(string(line[:len(field)]), field) {
			value := strings.TrimSpace(string(line[len(field):]))
			n, err := strconv.ParseUint(value, 10, 53)
			if err != nil || int64(n)+delta < 0 {
				return nil, where.New(where.Malformed, "Installed-Size is %s, and changes by %d", where.Clean(value), delta).At(int64(at))
			}
			now := bytes.Replace(line, []byte(value), []byte(strconv.FormatInt(int64(n)+delta, 10)), 1)
			return sameFields(text, bytes.Join([][]byte{text[:at], now, text[at+len(line):]}, nil))
		}
		at += len(line)
	}
	return text, nil
}

// sameFields proves that only the one field differs.
func sameFields(old, now []byte) ([]byte, error) {
	a, err := deb822.One(old)
	if err != nil {
		return nil, err
	}
	b, err := deb822.One(now)
	if err != nil {
		return nil, err
	}
	same := len(a) == len(b)
	for i := range a {
		same = same && a[i].Name == b[i].Name && (a[i] == b[i] || strings.EqualFold(a[i].Name, "Installed-Size"))
	}
	if !same {
		return nil, where.New(where.Internal, "%s", fmt.Sprintf("more than Installed-Size changed: %d fields, %d now", len(a), len(b)))
	}
	return now, nil
}
