package among

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/release"
	"kpkg-btf/internal/where"
)

// maxFiles bounds how many files a folder of records may hold.
const maxFiles = 100000

// Files lists what may hold a base in a folder, at any depth, sorted; a file
// stands for itself. Links are not followed.
func Files(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, where.In(path, err)
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return where.In(p, err)
		}
		if d.Type().IsRegular() && holdsBase(d.Name()) {
			if files = append(files, p); len(files) > maxFiles {
				return where.In(path, where.New(where.Limit, "more than %d files that may hold a base", maxFiles))
			}
		}
		return nil
	})
	slices.Sort(files)
	return files, err
}

// holdsBase reports by its name whether a file may hold or record a base.
func holdsBase(name string) bool {
	if strings.HasSuffix(name, ".refs.json") {
		return false
	}
	for _, end := range []string{".json", ".deb", ".rpm", ".btf"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return strings.Contains(name, ".btf.") || strings.HasPrefix(name, "vmlinu") || strings.HasPrefix(name, "bzImage") || strings.HasPrefix(name, "Image")
}

// IsArchive reports by its name whether a file is a tar of bases, as btfhub
// keeps them: one base a kernel, "6.8.0-45-generic.btf.tar.xz".
func IsArchive(name string) bool {
	return strings.Contains(filepath.Base(name), ".btf.tar")
}

// Archive reads the bases of such an archive, each as a release of its own.
func Archive(path string) ([]*release.Release, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, where.In(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limits.MaxBTF+1))
	switch {
	case err != nil:
		return nil, where.In(path, where.New(where.IO, "%w", err))
	case len(data) > limits.MaxBTF:
		return nil, where.In(path, where.New(where.Limit, "an archive of more than %d bytes", limits.MaxBTF))
	}
	if packed := codec.Detect(data); packed != codec.None {
		var dec codec.Decoder
		if data, err = dec.Decode(nil, packed, data, limits.Cap(int64(len(data)), limits.MaxBTF)); err != nil {
			return nil, where.In(path, err)
		}
	}
	var out []*release.Release
	for t := tar.NewReader(bytes.NewReader(data)); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, where.In(path, where.New(where.Malformed, "%w", err))
		}
		if h.Typeflag != tar.TypeReg || !strings.HasSuffix(h.Name, ".btf") {
			continue
		}
		blob, err := io.ReadAll(t)
		if err != nil {
			return nil, where.In(path, where.New(where.Malformed, "%s: %w", h.Name, err))
		}
		r, err := release.BTFRelease(path+": "+h.Name, blob)
		if err != nil {
			return nil, err
		}
		r.Name = strings.TrimSuffix(filepath.Base(h.Name), ".btf")
		out = append(out, r)
	}
	if len(out) == 0 {
		return nil, where.In(path, where.New(where.Malformed, "no .btf in the archive"))
	}
	return out, nil
}
