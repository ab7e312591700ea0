package vmtest

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// TestInitrd reads the ramdisk field by field; the machines of the vm tests
// are the other readers.
func TestInitrd(t *testing.T) {
	path := filepath.Join(t.TempDir(), "initrd")
	p := &packed{manifest: []byte("{}"), blobs: [][]byte{[]byte("abc"), []byte("de")}, size: 5, files: []File{
		{Path: "/usr/bin/x", Mode: 0o755, Data: []byte("x")}, {Path: "/usr/lib/y", Mode: 0o600, Data: []byte("yy")},
	}}
	if err := writeInitrd(path, []byte("guest"), p); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]string)
	for off := 0; ; {
		field := func(i int) int {
			n, err := strconv.ParseUint(string(raw[off+6+8*i:off+14+8*i]), 16, 32)
			if err != nil {
				t.Fatal(err)
			}
			return int(n)
		}
		if string(raw[off:off+6]) != "070701" || off%4 != 0 {
			t.Fatalf("no header at %d", off)
		}
		size, nameLen := field(6), field(11)
		name := string(raw[off+110 : off+110+nameLen-1])
		data := (off + 110 + nameLen + 3) &^ 3
		if name == "TRAILER!!!" {
			break
		}
		if _, twice := got[name]; twice {
			t.Errorf("%s: twice", name)
		}
		got[name] = strconv.FormatInt(int64(field(1)), 8) + " " + string(raw[data:data+size])
		off = (data + size + 3) &^ 3
	}
	want := map[string]string{
		"dev": "40755 ", "dev/console": "20600 ", "init": "100755 guest", "vmtest": "40755 ",
		"vmtest/manifest.json": "100755 {}", "vmtest/blobs": "100755 abcde", "tmp": "41777 ",
		"usr": "40755 ", "usr/bin": "40755 ", "usr/bin/x": "100755 x", "usr/lib": "40755 ", "usr/lib/y": "100600 yy",
	}
	if len(got) != len(want) {
		t.Errorf("entries: %q", got)
	}
	for name, w := range want {
		if got[name] != w {
			t.Errorf("%s: %q, want %q", name, got[name], w)
		}
	}
}
