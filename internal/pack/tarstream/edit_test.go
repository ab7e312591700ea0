package tarstream

import (
	"archive/tar"
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/where"
)

// heads returns the raw headers of an archive.
func heads(t testing.TB, archive []byte) (out [][]byte) {
	t.Helper()
	r := NewReader(bytes.NewReader(archive))
	for {
		_, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, bytes.Clone(r.Raw()))
	}
}

func one(t testing.TB, h tar.Header, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	h.Size = int64(len(data))
	if err := w.WriteHeader(&h); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, data); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestEdit: an edited header is what the writer of the archive would have
// written for the new size and time, in every format.
func TestEdit(t *testing.T) {
	now := time.Unix(1_600_000_000, 0)
	for _, f := range []tar.Format{tar.FormatUSTAR, tar.FormatPAX, tar.FormatGNU} {
		h := tar.Header{Name: "x.ko", Typeflag: tar.TypeReg, Mode: 0o644, Uname: "root", ModTime: time.Unix(1_700_000_000, 0), Format: f}
		if f != tar.FormatUSTAR {
			h.Name = strings.Repeat("long/", 60) + "x.ko"
		}
		if f == tar.FormatPAX {
			h.PAXRecords = map[string]string{"SCHILY.xattr.user.x": "y"}
		}
		for _, size := range []int{0, 7, 8, 100_000} {
			old := heads(t, one(t, h, "some content"))[0]
			g := h
			g.ModTime = now
			want := heads(t, one(t, g, strings.Repeat("x", size)))[0]
			n := int64(size)
			got, err := Edit(old, Change{Size: &n, ModTime: &now})
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%v, %d bytes: %v\n%q\nwant\n%q", f, size, err, got, want)
			}
		}
	}
}

// TestEditPaxSize: a size and a time that stand in records are changed there.
func TestEditPaxSize(t *testing.T) {
	var sub = tar.Header{Name: "x", Typeflag: tar.TypeReg, ModTime: time.Unix(1_700_000_000, 5), Format: tar.FormatPAX}
	archive := one(t, sub, "abc")
	old := heads(t, archive)[0]
	if !bytes.Contains(old, []byte("30 mtime=1700000000.000000005\n")) {
		t.Fatalf("%q", old)
	}
	// The record becomes one of a size, of the same length.
	at := bytes.Index(old, []byte("30 mtime"))
	copy(old[at:], "30 size=0000000000000000000003\n"[:30])
	old[at+29] = '\n'
	n, at1 := int64(123456), time.Unix(1_500_000_000, 0)
	got, err := Edit(old, Change{Size: &n, ModTime: &at1})
	if err != nil {
		t.Fatal(err)
	}
	tail := append(append(bytes.Clone(got), make([]byte, 123456+padding(123456))...), make([]byte, 1024)...)
	h, err := NewReader(bytes.NewReader(tail)).Next()
	if err != nil || h.Size != n || !h.ModTime.Equal(at1) || !bytes.Contains(got, []byte("15 size=123456\n")) {
		t.Errorf("%+v, %v", h, err)
	}
}

// TestEditForms: fields keep their filling; what would not be written back as
// it is, is refused.
func TestEditForms(t *testing.T) {
	base := heads(t, one(t, tar.Header{Name: "x", Typeflag: tar.TypeReg, ModTime: time.Unix(1, 0)}, ""))[0]
	for _, c := range []struct{ size, want string }{
		{"00000000000\x00", "00000000144\x00"}, {"00000000000 ", "00000000144 "}, {"          0 ", "        144 "},
		{"000000000000", "000000000144"}, {"\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x64"},
		{"0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", ""}, {"0x", ""},
	} {
		raw := bytes.Clone(base)
		copy(raw[124:136], c.size)
		b := (*block)(raw)
		if err := setNumber(b.field(148, 8), b.sum(), ""); err != nil {
			t.Fatal(err)
		}
		n := int64(100)
		got, err := Edit(raw, Change{Size: &n})
		if c.want == "" {
			if err == nil {
				t.Errorf("%q: no error", c.size)
			}
			continue
		}
		if err != nil || string(got[124:136]) != c.want || (*block)(got).checksum() != nil {
			t.Errorf("%q became %q, %v", c.size, got[124:136], err)
		}
	}
	n := int64(1) << 33
	if _, err := Edit(base, Change{Size: &n}); where.KindOf(err) != where.Unsupported {
		t.Errorf("8 GiB in eleven digits: %v", err)
	}
}

// FuzzEdit: whatever the reader takes, Edit refuses or writes so that only
// size and time are read differently.
func FuzzEdit(f *testing.F) {
	f.Add(one(f, tar.Header{Name: "x", Typeflag: tar.TypeReg, ModTime: time.Unix(1, 5), Format: tar.FormatPAX}, "abc"), int64(5))
	f.Add(one(f, tar.Header{Name: strings.Repeat("x", 200), Typeflag: tar.TypeReg, Format: tar.FormatGNU}, "abc"), int64(1<<34))
	f.Fuzz(func(t *testing.T, archive []byte, size int64) {
		r := NewReader(bytes.NewReader(archive))
		h, err := r.Next()
		if err != nil || h.Type != TypeReg {
			return
		}
		when := time.Unix(1_000_000, 0)
		got, err := Edit(bytes.Clone(r.Raw()), Change{Size: &size, ModTime: &when})
		if err != nil {
			return
		}
		if size > 1<<12 || size < 0 {
			return // nothing to read behind it
		}
		now, err := NewReader(bytes.NewReader(append(got, make([]byte, size+padding(size)+1024)...))).Next()
		if err != nil {
			t.Fatal(err)
		}
		if now.Name != h.Name || now.Mode != h.Mode || now.UID != h.UID || now.Size != size || !now.ModTime.Equal(when) || now.Uname != h.Uname {
			t.Errorf("%+v became %+v", h, now)
		}
	})
}
