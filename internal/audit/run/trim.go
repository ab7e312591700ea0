package run

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

// Used marks a file of the cache as just used.
func Used(file string) {
	now := time.Now()
	_ = os.Chtimes(file, now, now) // of another user's cache: it is trimmed by its age
}

// Trim removes the files of a cache of downloads that were not used for longest,
// until it has no more than most bytes. A file that another run has locked stays;
// one that it has open stays readable for it.
func Trim(cache string, most int64) error {
	type file struct {
		path string
		size int64
		used time.Time
	}
	var files []file
	total := int64(0)
	err := filepath.WalkDir(cache, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			if os.IsNotExist(err) { // another run trims too
				return nil
			}
			return err
		}
		info, err := d.Info()
		if err != nil || !info.Mode().IsRegular() || strings.HasPrefix(d.Name(), ".") {
			return nil // gone, or a download that is not whole
		}
		files = append(files, file{path, info.Size(), info.ModTime()})
		total += info.Size()
		return nil
	})
	if err != nil {
		return where.In(cache, where.New(where.IO, "%w", err))
	}
	slices.SortFunc(files, func(a, b file) int { return cmp.Or(a.used.Compare(b.used), strings.Compare(a.path, b.path)) })
	for _, f := range files {
		if total <= most {
			break
		}
		unlock, err := fsx.Lock(filepath.Dir(f.path))
		if err != nil {
			continue
		}
		err = os.Remove(f.path)
		unlock()
		if err != nil && !os.IsNotExist(err) {
			return where.In(f.path, where.New(where.IO, "%w", err))
		}
		total -= f.size
	}
	return nil
}
