package releasetest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/blakesmith/ar"
)

// WriteTree writes files below a folder.
func WriteTree(dir string, files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, files[name], 0o644); err != nil {
			return err
		}
	}
	return nil
}

// Deb is a binary package with the files.
func Deb(name, version, arch string, files map[string][]byte) []byte {
	return DebOf(name, version, arch, "data.tar.gz", tarGz(files))
}

// DebOf is a binary package with a member of data as it is given.
func DebOf(name, version, arch, member string, payload []byte) []byte {
	control := fmt.Sprintf("Package: %s\nVersion: %s\nArchitecture: %s\nMaintainer: Nobody <nobody@example.org>\nDescription: test\n", name, version, arch)
	var out bytes.Buffer
	w := ar.NewWriter(&out)
	must(w.WriteGlobalHeader())
	for _, m := range []struct {
		name string
		data []byte
	}{
		{"debian-binary", []byte("2.0\n")},
		{"control.tar.gz", tarGz(map[string][]byte{"control": []byte(control)})},
		{member, payload},
	} {
		must(w.WriteHeader(&ar.Header{Name: m.name, Mode: 0o100644, Size: int64(len(m.data)), ModTime: time.Unix(1, 0)}))
		_, err := w.Write(m.data)
		must(err)
	}
	return out.Bytes()
}

func tarGz(files map[string][]byte) []byte {
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	t := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		must(t.WriteHeader(&tar.Header{Name: "./" + name, Mode: 0o644, Size: int64(len(files[name])), ModTime: time.Unix(1, 0)}))
		_, err := t.Write(files[name])
		must(err)
	}
	must(t.Close())
	must(z.Close())
	return out.Bytes()
}

func must(err error) {
	if err != nil {
		panic(err) // a buffer takes everything
	}
}
