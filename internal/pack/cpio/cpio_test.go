package cpio

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"kpkg-btf/internal/pack/packtest"
	"kpkg-btf/internal/where"
)

func sizes(i uint32) (int64, error) {
	if i > 9 {
		return 0, where.New(where.Malformed, "index %d", i)
	}
	return int64(i), nil
}

func readAll(r io.Reader, read bool) (list []string, raw []byte, err error) {
	c := NewReader(r, sizes)
	for {
		h, err := c.Next()
		if err == io.EOF {
			return list, raw, nil
		}
		if err != nil {
			return list, raw, err
		}
		raw = append(raw, c.Raw()...)
		var data []byte
		if read {
			if data, err = io.ReadAll(c); err != nil {
				return list, raw, err
			}
		}
		raw = append(append(raw, data...), make([]byte, -len(data)&3)...)
		list = append(list, fmt.Sprintf("%s|%d|%o|%d|%s", h.Name, h.Index, h.Mode, h.Size, data))
	}
}

func sample() []byte {
	var b bytes.Buffer
	packtest.Newc(&b, "070701", "./a", 0o100644, 1, 1, "hello")
	packtest.Newc(&b, "070702", "./b", 0o100755, 2, 1, "summed")
	packtest.Newc(&b, "070701", "./d", 0o040755, 3, 2, "")
	b.WriteString("07070X00000003\x00\x00abc\x0007070X00000000\x00\x00")
	packtest.Newc(&b, "070701", trailer, 0, 0, 1, "")
	return b.Bytes()
}

func TestRead(t *testing.T) {
	in := sample()
	want := []string{"./a|0|100644|5|hello", "./b|0|100755|6|summed", "./d|0|40755|0|", "|3|0|3|abc", "|0|0|0|"}
	for _, r := range []io.Reader{bytes.NewReader(in), iotest.OneByteReader(bytes.NewReader(in))} {
		got, raw, err := readAll(r, true)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%v\ngot  %q\nwant %q", err, got, want)
		}
		if !bytes.HasPrefix(in, raw) || len(in)-len(raw) != 124 {
			t.Error("raw parts do not make up the archive")
		}
	}
	if got, _, err := readAll(bytes.NewReader(in), false); err != nil || len(got) != 5 {
		t.Errorf("skipping: %q %v", got, err)
	}
	if _, err := NewReader(strings.NewReader("07070X00000003"), nil).Next(); where.KindOf(err) != where.Unsupported {
		t.Errorf("stripped without a header: %v", err)
	}
}

// TestAgainstCpio reads what cpio itself writes, with and without checksums.
func TestAgainstCpio(t *testing.T) {
	dir := t.TempDir()
	for name, data := range map[string]string{"one": "1", "two": strings.Repeat("content ", 9000)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, format := range []string{"newc", "crc"} {
		cmd := exec.Command("sh", "-c", "printf 'one\\ntwo\\n' | cpio --quiet -o -H "+format)
		cmd.Dir = dir
		in, err := cmd.Output()
		if err != nil {
			t.Fatalf("cpio (make deps installs it): %v", err)
		}
		got, _, err := readAll(bytes.NewReader(in), true)
		if err != nil || len(got) != 2 || got[0] != "one|0|100644|1|1" || len(got[1]) != len("two|0|100644|72000|")+72000 {
			t.Errorf("%s: %d entries, %v", format, len(got), err)
		}
		for _, read := range []bool{true, false} {
			bad := bytes.Replace(in, []byte("content "), []byte("Content "), 1)
			if _, _, err := readAll(bytes.NewReader(bad), read); (format == "crc") != (err != nil) {
				t.Errorf("%s, changed: %v", format, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	in := sample()
	for _, tt := range []struct {
		at   int
		with string
		want string
		off  int64
	}{
		{0, "070707", `begins with "070707"`, 0},
		{6, "zzzzzzzz", "field #0", 6},
		{6 + 8*6, "ffffffff", "truncated", int64(len(in))},
		{6 + 8*11, "00000001", "name of 1 bytes", 94},
		{6 + 8*11, "00010001", "name of 65537 bytes", 94},
		{110, "\x00", "has its NUL at 0 of 4", 110},
		{len(in) - 124 + 6 + 8*6, "00000001", "has 1 bytes of content", int64(len(in) - 124)},
	} {
		bad := append([]byte(nil), in...)
		copy(bad[tt.at:], tt.with)
		_, _, err := readAll(bytes.NewReader(bad), true)
		e, ok := err.(*where.Error)
		if !ok || e.Off != tt.off || !strings.Contains(e.Msg, tt.want) {
			t.Errorf("%q at %d: %v", tt.with, tt.at, err)
		}
	}
	for n := range in {
		for _, read := range []bool{true, false} {
			if _, _, err := readAll(bytes.NewReader(in[:n]), read); where.KindOf(err) != where.Malformed || err == nil {
				t.Fatalf("cut to %d bytes: %v", n, err)
			}
		}
	}
	boom := where.New(where.Malformed, "damaged block")
	c := NewReader(io.MultiReader(bytes.NewReader(in[:50]), iotest.ErrReader(boom)), nil)
	if _, err := c.Next(); err != boom || c.SourceErr() != boom {
		t.Errorf("source error: %v", err)
	}
}

// FuzzCpio: entries or an error, the same whether contents are read or not,
// and never more than was there.
func FuzzCpio(f *testing.F) {
	f.Add(sample())
	f.Fuzz(func(t *testing.T, in []byte) {
		list, raw, err := readAll(bytes.NewReader(in), true)
		skipped, _, serr := readAll(bytes.NewReader(in), false)
		if (err == nil) != (serr == nil) || err == nil && len(list) != len(skipped) {
			t.Fatalf("read %d %v, skipped %d %v", len(list), err, len(skipped), serr)
		}
		if err == nil && len(raw) > len(in) {
			t.Fatal("more than was there")
		}
	})
}
