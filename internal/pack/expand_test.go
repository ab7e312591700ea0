package pack

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"kpkg-btf/internal/where"
)

func changes(dir string, names ...string) string {
	var b strings.Builder
	b.WriteString("Format: 1.8\nSource: linux\nChecksums-Sha1:\n none\nChecksums-Sha256:\n")
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			data = nil
		}
		fmt.Fprintf(&b, " %x %d %s\n", sha256.Sum256(data), len(data), name)
	}
	return b.String()
}

func sign(text string) string {
	return "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n" + text + "\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n-----END PGP SIGNATURE-----\n"
}

func TestExpand(t *testing.T) {
	dir := t.TempDir()
	put := func(name, data string) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(data), 0o644))
		return path
	}
	image := put("image.deb", string(debFile(t, sampleTar(t))))
	udeb := put("image.udeb", "not one")
	put("linux.dsc", "source")
	tree := filepath.Join(dir, "tree")
	check(t, os.Mkdir(tree, 0o755))
	again := filepath.Join(dir, "again.deb")
	check(t, os.Link(image, again))
	up := put("up.changes", sign(changes(dir, "linux.dsc", "image.deb", "image.udeb", "linux.orig.tar.xz")))
	list := put("list", "# packages\n\n  "+tree+" \n"+again+"\n"+up+"\n")

	got, err := Expand([]string{again, "@" + list, image})
	check(t, err)
	sum := func(path string) string {
		data, err := os.ReadFile(path)
		check(t, err)
		return fmt.Sprintf("%x", sha256.Sum256(data))
	}
	size := int64(len(debFile(t, sampleTar(t))))
	want := []Input{{Path: again, From: up, SHA256: sum(image), Size: size}, {Path: tree, From: list, Size: -1}, {Path: udeb, From: up, SHA256: sum(udeb), Size: 7}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", got, want)
	}
	ctx := context.Background()
	p, err := got[0].Open(ctx, Options{})
	check(t, err)
	defer p.Close()
	check(t, p.Walk(ctx, func(*Entry, io.Reader) error { return nil }))

	got[0].SHA256 = strings.Repeat("1", 64)
	q, err := got[0].Open(ctx, Options{})
	check(t, err)
	defer q.Close()
	if err := q.Walk(ctx, func(*Entry, io.Reader) error { return nil }); where.KindOf(err) != where.Malformed || err == nil {
		t.Errorf("another digest: %v", err)
	}
	got[0].Size--
	if _, err := got[0].Open(ctx, Options{}); err == nil || !strings.Contains(err.Error(), "up.changes says") {
		t.Errorf("another size: %v", err)
	}
}

func TestExpandRefuses(t *testing.T) {
	dir := t.TempDir()
	put := func(name, data string) string {
		path := filepath.Join(dir, name)
		check(t, os.WriteFile(path, []byte(data), 0o644))
		return path
	}
	zero := strings.Repeat("0", 64)
	tests := []struct {
		arg  string
		kind where.Kind
		want string
	}{
		{put("gone.changes", changes(dir, "absent.deb")), where.IO, "absent.deb"},
		{put("path.changes", "Checksums-Sha256:\n "+zero+" 1 ../x.deb\n"), where.Malformed, "not a plain file name"},
		{put("short.changes", "Checksums-Sha256:\n 00 1 x.deb\n"), where.Malformed, "not a SHA-256"},
		{put("size.changes", "Checksums-Sha256:\n "+zero+" -1 x.deb\n"), where.Malformed, "size -1"},
		{put("words.changes", "Checksums-Sha256:\n "+zero+" 1\n"), where.Malformed, "digest, size, name"},
		{put("none.buildinfo", "Source: x\n"), where.Malformed, "no field Checksums-Sha256"},
		{put("cut.changes", "-----BEGIN PGP SIGNED MESSAGE-----\n\nSource: x\n"), where.Malformed, "without its end"},
		{put("behind.changes", sign("Source: x\n")+"Checksums-Sha256:\n"), where.Malformed, "text behind"},
		{put("before.changes", "Source: y\n\n"+sign("Source: x\n")), where.Malformed, "text before"},
		{"@" + put("nested", "@other\n"), where.Usage, "names the list"},
		{"@" + filepath.Join(dir, "absent"), where.IO, "absent"},
		{filepath.Join(dir, "absent.deb"), where.IO, "absent.deb"},
	}
	for _, tt := range tests {
		got, err := Expand([]string{tt.arg})
		if got != nil || where.KindOf(err) != tt.kind || err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v", filepath.Base(tt.arg), got, err)
		}
		if tt.kind == where.IO && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v is not fs.ErrNotExist", tt.arg, err)
		}
	}
}

// A folder of packages is its packages; one with lib, usr or boot is a tree.
func TestExpandFolder(t *testing.T) {
	dir := t.TempDir()
	write := func(name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []string{"b.deb", "a.udeb", "c.rpm", "c.src.rpm", "notes.txt"} {
		write(n)
	}
	got, err := Expand([]string{dir})
	if err != nil || len(got) != 3 || got[0].Path != filepath.Join(dir, "a.udeb") || got[2].Path != filepath.Join(dir, "c.rpm") || got[0].From != dir {
		t.Errorf("%+v %v", got, err)
	}
	write("lib/modules/1/x.ko")
	if got, err := Expand([]string{dir}); err != nil || len(got) != 1 || got[0].Path != dir {
		t.Errorf("a tree: %+v %v", got, err)
	}
}

// TestListedIn: by name, in both kinds of lists, and a list that cannot be
// read is not passed over.
func TestListedIn(t *testing.T) {
	dir := t.TempDir()
	sums := func(names ...string) []byte {
		text := "Format: 1.8\nChecksums-Sha256:\n"
		for _, n := range names {
			text += " " + strings.Repeat("a", 64) + " 1 " + n + "\n"
		}
		return []byte(text)
	}
	check(t, os.WriteFile(filepath.Join(dir, "a.changes"), sums("x.deb", "y.deb"), 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "b.buildinfo"), sums("x.deb"), 0o644))
	check(t, os.WriteFile(filepath.Join(dir, "c.changes"), sums("z.deb"), 0o644))
	for name, want := range map[string]int{"x.deb": 2, "y.deb": 1, "w.deb": 0} {
		got, err := ListedIn(filepath.Join(dir, name))
		if err != nil || len(got) != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	check(t, os.WriteFile(filepath.Join(dir, "d.changes"), []byte("nonsense"), 0o644))
	if _, err := ListedIn(filepath.Join(dir, "w.deb")); err == nil || !strings.Contains(err.Error(), "d.changes") {
		t.Errorf("an unreadable list: %v", err)
	}
}
