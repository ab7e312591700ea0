package pack

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
)

// arMember is one file of a hand-made ar archive; size overrides the size
// field, raw replaces the whole header.
type arMember struct {
	name, data string
	size       string
	noPad      bool
}

func arFile(members ...arMember) []byte {
	var b bytes.Buffer
	b.WriteString("!<arch>\n")
	for _, m := range members {
		size := m.size
		if size == "" {
			size = fmt.Sprint(len(m.data))
		}
		fmt.Fprintf(&b, "%-16s%-12d%-6d%-6d%-8s%-10s`\n", m.name, 1700000000, 0, 0, "100644", size)
		b.WriteString(m.data)
		if len(m.data)%2 == 1 && !m.noPad {
			b.WriteByte('\n')
		}
	}
	return b.Bytes()
}

// tarEntry is a header with its content.
type tarEntry struct {
	tar.Header
	data string
}

func reg(name, data string) tarEntry {
	return tarEntry{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Uname: "root", Gname: "root", ModTime: stamp}, data}
}

func special(name string, flag byte, link string) tarEntry {
	return tarEntry{tar.Header{Name: name, Typeflag: flag, Mode: 0o755, Linkname: link, Uname: "root", Gname: "root", ModTime: stamp}, ""}
}

var stamp = time.Unix(1700000000, 0).UTC()

func tarFile(t testing.TB, entries ...tarEntry) string {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := e.Header
		h.Size = int64(len(e.data))
		check(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, e.data)
		check(t, err)
	}
	check(t, w.Close())
	return b.String()
}

const controlText = `Package: linux-image-test
Source: linux (6.1.1-1)
Version: 6.1.1-1+b1
Architecture: amd64
Depends: kmod,
 linux-base (>= 4.3~)
Section: kernel
Description: a kernel
 in two lines
`

func controlTar(t testing.TB) string {
	return tarFile(t, special("./", tar.TypeDir, ""), reg("./control", controlText), reg("./md5sums", "x\n"))
}

// debFile puts a plain .deb together.
func debFile(t testing.TB, data string) []byte {
	return arFile(arMember{name: "debian-binary", data: "2.0\n"}, arMember{name: "control.tar", data: controlTar(t)}, arMember{name: "data.tar", data: data})
}

func gz(t testing.TB, s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, s)
	check(t, err)
	check(t, w.Close())
	return b.String()
}

func zst(t testing.TB, s string) string {
	w, err := zstd.NewWriter(nil)
	check(t, err)
	return string(w.EncodeAll([]byte(s), nil))
}

// filter runs a tool over data. The tool is one that `make deps` installs.
func filter(t testing.TB, data string, tool string, args ...string) string {
	t.Helper()
	cmd := exec.Command(tool, args...)
	cmd.Stdin = bytes.NewReader([]byte(data))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s (make deps installs it): %v", tool, err)
	}
	return string(out)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	check(t, os.WriteFile(path, data, 0o644))
	return path
}

// seen is an entry with its content, comparable.
type seen struct {
	Entry
	Data string
}

// walkFileOf opens and walks a package, reading everything.
func walkAll(path string, o Options) (entries []seen, err error) {
	ctx := context.Background()
	p, err := Open(ctx, path, o)
	if err != nil {
		return nil, err
	}
	defer p.Close()
	err = p.Walk(ctx, func(e *Entry, r io.Reader) error {
		data, err := io.ReadAll(r)
		entries = append(entries, seen{*e, string(data)})
		return err
	})
	return entries, err
}

// skipAll walks without reading any content.
func skipWalk(path string) error {
	ctx := context.Background()
	p, err := Open(ctx, path, Options{})
	if err != nil {
		return err
	}
	defer p.Close()
	return p.Walk(ctx, func(*Entry, io.Reader) error { return nil })
}
