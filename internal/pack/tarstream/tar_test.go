package tarstream

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"os/exec"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"kpkg-btf/internal/where"
)

// entry is what both readers agree on.
type entry struct {
	Name, Link, Uname, Gname, Data string
	Type                           byte
	Mode, UID, GID, Size           int64
	Time                           time.Time
}

func readOurs(r io.Reader) (all []entry, raw []byte, err error) {
	t := NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return all, raw, nil
		}
		if err != nil {
			return all, raw, err
		}
		raw = append(raw, t.Raw()...)
		data, err := io.ReadAll(t)
		if err != nil {
			return all, raw, err
		}
		raw = append(append(raw, data...), make([]byte, padding(h.Size))...)
		all = append(all, entry{h.Name, h.Link, h.Uname, h.Gname, string(data), h.Type, h.Mode, h.UID, h.GID, h.Size, h.ModTime})
	}
}

func readStd(r io.Reader) (all []entry, err error) {
	t := tar.NewReader(r)
	for {
		h, err := t.Next()
		if err == io.EOF {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		data, err := io.ReadAll(t)
		if err != nil {
			return all, err
		}
		all = append(all, entry{h.Name, h.Linkname, h.Uname, h.Gname, string(data), h.Typeflag, h.Mode, int64(h.Uid), int64(h.Gid), h.Size, h.ModTime.UTC()})
	}
}

func archive(t testing.TB, format tar.Format) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	long := "./" + strings.Repeat("dir/", 70) + "name"
	if format == tar.FormatUSTAR {
		long = "./" + strings.Repeat("dir/", 30) + "name"
	}
	when := time.Unix(1700000000, 0)
	if format == tar.FormatPAX {
		when = time.Unix(1700000000, 123456789)
	}
	for i, h := range []tar.Header{
		{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "./a", Size: 700, Mode: 0o4755}, {Name: long, Size: 512},
		{Name: "./l", Typeflag: tar.TypeSymlink, Linkname: strings.TrimPrefix(long, "./")[:90]}, {Name: "./h", Typeflag: tar.TypeLink, Linkname: "./a"},
		{Name: "./c", Typeflag: tar.TypeChar, Devmajor: 5, Devminor: 1}, {Name: "./f", Typeflag: tar.TypeFifo}, {Name: "./empty", Uname: "root", Gname: "wheel", Uid: 7, Gid: 1 << 20},
	} {
		h.Format, h.ModTime = format, when
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		fmt.Fprint(w, strings.Repeat(string(rune('a'+i)), int(h.Size)))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

var formats = []tar.Format{tar.FormatUSTAR, tar.FormatGNU, tar.FormatPAX}

// TestAgainstStd reads each format as archive/tar does, through readers that
// give single bytes too, and finds the archive again in its raw parts.
func TestAgainstStd(t *testing.T) {
	for _, format := range formats {
		in := archive(t, format)
		want, err := readStd(bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range []io.Reader{bytes.NewReader(in), iotest.OneByteReader(bytes.NewReader(in)), iotest.DataErrReader(bytes.NewReader(in))} {
			got, raw, err := readOurs(r)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%v: %v\ngot  %v\nwant %v", format, err, got, want)
			}
			if !bytes.Equal(append(raw, make([]byte, 1024)...), in) {
				t.Errorf("%v: raw parts do not make up the archive", format)
			}
		}
	}
}

// TestAgainstGNUTar reads what tar itself writes.
func TestAgainstGNUTar(t *testing.T) {
	for _, format := range []string{"v7", "ustar", "gnu", "pax"} {
		in, err := exec.Command("tar", "-C", "..", "--format="+format, "-cf", "-", "tarstream", "ar").Output()
		if err != nil {
			t.Fatalf("tar: %v", err)
		}
		want, err := readStd(bytes.NewReader(in))
		if err != nil {
			t.Fatal(err)
		}
		got, _, err := readOurs(bytes.NewReader(in))
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) || len(got) < 5 {
			t.Errorf("%s: %v\ngot  %.500v\nwant %.500v", format, err, got, want)
		}
	}
}

// raw makes one header block with a right checksum after change.
func raw(change func(b []byte)) []byte {
	b := make([]byte, BlockLen)
	copy(b, "name")
	copy(b[100:], "0000644\x000000000\x000000000\x0000000000000\x0000000000000\x00")
	b[156] = '0'
	copy(b[257:], "ustar\x0000")
	if change != nil {
		change(b)
	}
	return seal(b)
}

func seal(b []byte) []byte {
	copy(b[148:], "        ")
	sum := 0
	for _, c := range b {
		sum += int(c)
	}
	copy(b[148:], fmt.Sprintf("%06o\x00 ", sum))
	return b
}

func ended(parts ...[]byte) string {
	return string(bytes.Join(parts, nil)) + strings.Repeat("\x00", 1024)
}

func pax(records ...string) []byte {
	var body string
	for _, r := range records {
		n := len(r) + 3
		for len(fmt.Sprint(n))+len(r)+2 != n {
			n++
		}
		body += fmt.Sprintf("%d %s\n", n, r)
	}
	return special('x', body)
}

func special(flag byte, body string) []byte {
	h := raw(func(b []byte) { b[156] = flag; copy(b[124:], fmt.Sprintf("%011o\x00", len(body))) })
	return append(h, append([]byte(body), make([]byte, padding(int64(len(body))))...)...)
}

func TestRefused(t *testing.T) {
	tests := []struct {
		name, in, want string
		kind           where.Kind
		off            int64
	}{
		{"empty", "", "no end marker", where.Malformed, 0},
		{"checksum", ended(append(raw(nil)[:511], 1)), "checksum is", where.Malformed, 0},
		{"lone zero block", string(make([]byte, 512)) + string(raw(nil)), "a lone zero block", where.Malformed, 512},
		{"one zero block", string(make([]byte, 512)), "truncated", where.Malformed, 512},
		{"data behind", ended() + "x", "data after the end", where.Malformed, 1024},
		{"octal", ended(raw(func(b []byte) { b[124] = '8' })), "field size", where.Malformed, 124},
		{"negative", ended(raw(func(b []byte) { copy(b[124:], "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff") })), "size is negative", where.Malformed, 124},
		{"base-256 too long", ended(raw(func(b []byte) { copy(b[124:], "\x81\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00") })), "does not fit 64 bits", where.Malformed, 124},
		{"base-256 top", ended(raw(func(b []byte) { copy(b[124:], "\x80\x00\x00\x00\x80\x00\x00\x00\x00\x00\x00\x00") })), "does not fit 64 bits", where.Malformed, 124},
		{"huge", ended(raw(func(b []byte) { copy(b[124:], "\x80\x00\x00\x00\x7f\xff\xff\xff\xff\xff\xff\xff") })), "claims 9223372036854775807", where.Malformed, 124},
		{"directory with data", ended(raw(func(b []byte) { b[156] = '5'; b[134] = '1' })), "claims 1 bytes of content", where.Malformed, 124},
		{"sparse", ended(raw(func(b []byte) { b[156] = 'S' })), "sparse", where.Unsupported, 0},
		{"sparse pax", ended(pax("GNU.sparse.major=1"), raw(nil)), "sparse", where.Unsupported, 512},
		{"volume", ended(raw(func(b []byte) { b[156] = 'M' })), `type 'M'`, where.Unsupported, 0},
		{"pax length", ended(special('x', "99 path=x\n"), raw(nil)), "does not fit its record", where.Malformed, 512},
		{"pax no length", ended(special('x', "path=x\n"), raw(nil)), "without a length", where.Malformed, 512},
		{"pax no key", ended(special('x', "6 xyz\n"), raw(nil)), "without a key", where.Malformed, 512},
		{"pax NUL", ended(pax("path=a\x00b"), raw(nil)), "NUL byte", where.Malformed, 512},
		{"pax size", ended(pax("size=-1"), raw(nil)), `size: "-1" is not a number`, where.Malformed, 512},
		{"pax time", ended(pax("mtime=now"), raw(nil)), "not a time", where.Malformed, 512},
		{"pax global", ended(special('g', "10 path=x\n"), raw(nil)), "for all entries", where.Unsupported, 512},
		{"pax huge", ended(raw(func(b []byte) { b[156] = 'x'; copy(b[124:], "77777777777") })), "extension header of", where.Limit, 0},
		{"GNU name huge", ended(raw(func(b []byte) { b[156] = 'L'; copy(b[124:], "00010000000") })), "extension header of", where.Limit, 0},
		{"GNU name empty", ended(special('L', "\x00x"), raw(nil)), "empty GNU long name", where.Malformed, 0},
		{"many extensions", ended(bytes.Repeat(pax("comment="+strings.Repeat("c", 600<<10)), 3)), "extension header of", where.Limit, 615424},
		{"name long", ended(pax("path="+strings.Repeat("n", 70000)), raw(nil)), "name of 70000 bytes", where.Limit, 70656},
		{"ends after extension", ended(pax("path=x")), "ends after an extension", where.Malformed, 1024},
	}
	for _, tt := range tests {
		_, _, err := readOurs(strings.NewReader(tt.in))
		e, ok := err.(*where.Error)
		if !ok || e.Kind != tt.kind || e.Off != tt.off || !strings.Contains(e.Msg, tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// TestOverrides: a pax size counts, not the header's; long GNU names end at
// their NUL; extensions do not leak to the next entry.
func TestOverrides(t *testing.T) {
	in := ended(pax("size=3", "path=long", "uid=5", "linkpath=", "comment=x"), raw(nil), []byte("abc"), make([]byte, 509),
		special('L', "gnu\x00rest"), raw(nil), special('g', "13 comment=x\n"), raw(func(b []byte) { b[156] = 0; copy(b, "old/") }))
	got, _, err := readOurs(strings.NewReader(in))
	if err != nil || len(got) != 3 || got[0].Name != "long" || got[0].Data != "abc" || got[0].UID != 5 ||
		got[1].Name != "gnu" || got[1].UID != 0 || got[2].Name != "old/" || got[2].Type != TypeDir {
		t.Errorf("%+v %v", got, err)
	}
}

func TestTruncated(t *testing.T) {
	for _, format := range formats {
		in := archive(t, format)
		for n := 0; n < len(in); n += 1 + n%3*5 {
			if _, _, err := readOurs(bytes.NewReader(in[:n])); where.KindOf(err) != where.Malformed || err == nil {
				t.Fatalf("%v cut to %d bytes: %v", format, n, err)
			}
			r := NewReader(bytes.NewReader(in[:n]))
			var err error
			for err == nil {
				_, err = r.Next() // contents unread
			}
			if err == io.EOF {
				t.Fatalf("%v cut to %d bytes: skipped to the end", format, n)
			}
		}
	}
}

func TestSourceError(t *testing.T) {
	in := archive(t, tar.FormatGNU)
	boom := where.New(where.Malformed, "damaged block")
	for _, n := range []int{0, 100, 1200, len(in) - 10} {
		r := NewReader(io.MultiReader(bytes.NewReader(in[:n]), iotest.ErrReader(boom)))
		var err error
		for err == nil {
			_, err = r.Next()
		}
		if err != boom || r.SourceErr() != boom {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

// FuzzTar: entries or an error; what is accepted, archive/tar accepts and
// sees alike.
func FuzzTar(f *testing.F) {
	for _, format := range formats {
		f.Add(archive(f, format))
	}
	f.Add([]byte(ended(pax("size=3"), raw(nil), []byte("abc"), make([]byte, 509))))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, raw, err := readOurs(bytes.NewReader(in))
		if err != nil {
			if err == io.EOF {
				t.Fatal("EOF as an error")
			}
			return
		}
		if len(raw) > len(in) {
			t.Fatal("more than was there")
		}
		want, err := readStd(bytes.NewReader(in))
		if err != nil {
			return // archive/tar is stricter about some fields
		}
		names := func(all []entry) string {
			var b strings.Builder
			for _, e := range all {
				if e.Type != tar.TypeXGlobalHeader {
					fmt.Fprintf(&b, "%q %q\n", e.Name, e.Data)
				}
			}
			return b.String()
		}
		if a, b := names(got), names(want); a != b {
			t.Fatalf("got\n%s\narchive/tar\n%s", a, b)
		}
	})
}

// BenchmarkSkip measures a walk over 64 MiB that reads no content.
func BenchmarkSkip(b *testing.B) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	data := make([]byte, 100<<10)
	rand.New(rand.NewSource(1)).Read(data)
	for i := range 640 {
		_ = w.WriteHeader(&tar.Header{Name: fmt.Sprintf("./usr/lib/modules/%d.ko", i), Size: int64(len(data)), Mode: 0o644})
		_, _ = w.Write(data)
	}
	_ = w.Close()
	b.SetBytes(int64(buf.Len()))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(bytes.NewReader(buf.Bytes()))
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}
