package pack

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

// newc writes one archive: "path=content" files, "path->target" symlinks,
// "path/" folders, "path@n=content" names of hard-link set n.
func newc(entries ...string) []byte {
	var b bytes.Buffer
	put := func(name string, mode, ino, nlink int, content string) {
		fmt.Fprintf(&b, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", ino, mode, 0, 0, nlink, 0, len(content), 0, 0, 0, 0, len(name)+1, 0)
		b.WriteString(name + "\x00")
		b.Write(make([]byte, -b.Len()&3))
		b.WriteString(content)
		b.Write(make([]byte, -b.Len()&3))
	}
	for i, e := range entries {
		if name, target, ok := strings.Cut(e, "->"); ok {
			put(name, 0o120777, i+100, 1, target)
			continue
		}
		if name, ok := strings.CutSuffix(e, "/"); ok {
			put(name, 0o040755, i+100, 2, "")
			continue
		}
		name, content, _ := strings.Cut(e, "=")
		if plain, set, ok := strings.Cut(name, "@"); ok {
			var n int
			fmt.Sscan(set, &n)
			put(plain, 0o100644, n, 2, content)
			continue
		}
		put(name, 0o100644, i+100, 1, content)
	}
	put("TRAILER!!!", 0, 0, 1, "")
	return b.Bytes()
}

func squeeze(t *testing.T, data []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", args, err)
	}
	return out
}

func initrdOf(t *testing.T, parts ...[]byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "initrd.img")
	check(t, os.WriteFile(path, bytes.Join(parts, nil), 0o644))
	return path
}

func initrdNames(t *testing.T, path string) ([]string, error) {
	t.Helper()
	got, err := walkAll(path, Options{})
	return names(got), err
}

// The early archive is plain, zeros follow, the main one is compressed: as
// mkinitramfs and dracut write it, with every codec a kernel may have.
func TestInitrdCodecs(t *testing.T) {
	early := append(newc("kernel/", "kernel/x86/microcode/GenuineIntel.bin=code"), make([]byte, 512)...)
	main := newc("usr/", "usr/lib/modules/6.1/a.ko=module a", "lib->usr/lib")
	want := []string{"kernel|dir||", "kernel/x86/microcode/GenuineIntel.bin|file||code", "usr|dir||", "usr/lib/modules/6.1/a.ko|file||module a", "lib|symlink|usr/lib|"}
	for name, args := range map[string][]string{
		"none": nil, "gzip": {"gzip", "-n"}, "xz": {"xz", "--check=crc32"}, "zstd": {"zstd", "-q"}, "bzip2": {"bzip2"}, "lzma": {"xz", "--format=lzma"}, "lz4 legacy": {"lz4", "-l", "-q"}, "lzop": {"lzop", "-c"},
	} {
		packed := main
		if args != nil {
			packed = squeeze(t, main, args...)
		}
		got, err := initrdNames(t, initrdOf(t, early, packed))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v\n%q", name, err, got)
		}
		// Without the early archive the codec comes first.
		if got, err = initrdNames(t, initrdOf(t, packed)); err != nil || !slices.Equal(got, want[2:]) {
			t.Errorf("%s alone: %v\n%q", name, err, got)
		}
	}
}

// Segments may follow a compressed one: kernels take them in any order.
func TestInitrdSegments(t *testing.T) {
	a, b, c := newc("a=1", "b@7=", "c@7=two"), newc("d=4"), newc("a=5")
	want := []string{"a|file||1", "c|file||two", "b|hardlink|c|", "d|file||4", "a|file||5"}
	for name, parts := range map[string][][]byte{
		"plain":                  {a, b, c},
		"chain inside gzip":      {squeeze(t, slices.Concat(a, make([]byte, 8), b, c), "gzip", "-n")},
		"gzip, plain":            {squeeze(t, a, "gzip", "-n"), make([]byte, 3), b, c},
		"xz, gzip, plain":        {squeeze(t, a, "xz", "--check=crc32"), squeeze(t, b, "gzip", "-n"), c},
		"zstd, zeros, xz, plain": {squeeze(t, a, "zstd", "-q"), make([]byte, 512), squeeze(t, b, "xz", "--check=crc32"), c},
	} {
		got, err := initrdNames(t, initrdOf(t, parts...))
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v\n%q", name, err, got)
		}
	}
}

// dracut pads names with zeros so that contents lie on blocks.
func TestInitrdPaddedName(t *testing.T) {
	b := newc("abc=1")
	padded := bytes.Replace(b, []byte("00000004\x30\x30\x30\x30\x30\x30\x30\x30abc\x00\x00\x00"), []byte("00000006\x30\x30\x30\x30\x30\x30\x30\x30abc\x00\x00\x00"), 1)
	if bytes.Equal(b, padded) {
		t.Fatal("nothing replaced")
	}
	if got, err := initrdNames(t, initrdOf(t, padded)); err != nil || !slices.Equal(got, []string{"abc|file||1"}) {
		t.Errorf("%q %v", got, err)
	}
}

func TestInitrdDamage(t *testing.T) {
	main := newc("usr/lib/modules/6.1/a.ko=module a")
	packed := squeeze(t, main, "gzip", "-n")
	for name, c := range map[string]struct {
		parts [][]byte
		says  string
	}{
		"garbage after":    {[][]byte{main, []byte("garbage, not a segment")}, "segment 2"},
		"cut compressed":   {[][]byte{main, packed[:len(packed)-9]}, "segment 2"},
		"cut plain":        {[][]byte{main[:len(main)-140]}, "segment 1"},
		"changed checksum": {[][]byte{packed[:len(packed)-8], []byte("\x01\x02\x03\x04"), packed[len(packed)-4:]}, "segment 1"},
		"path leads out":   {[][]byte{newc("../etc/x=1")}, "leads out"},
	} {
		got, err := initrdNames(t, initrdOf(t, c.parts...))
		if err == nil || where.KindOf(err) != where.Malformed || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "initrd.img") {
			t.Errorf("%s: %v\n%q", name, err, got)
		}
	}
	p, err := Open(context.Background(), initrdOf(t, squeeze(t, []byte("a compressed text"), "gzip", "-n")), Options{})
	check(t, err)
	defer p.Close()
	if p.Kind != File {
		t.Errorf("a compressed text is %v", p.Kind)
	}
}

func FuzzInitrd(f *testing.F) {
	f.Add(newc("a=1", "b->c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := OpenReader(context.Background(), "x", bytes.NewReader(data), int64(len(data)), Options{})
		if err != nil || p.Kind != Initrd {
			return
		}
		_ = p.Walk(context.Background(), func(e *Entry, _ io.Reader) error { return nil })
	})
}
