package host

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// toldFile is where a machine keeps what it was told that could not be read: a
// line with a digest of etc/machine-id, then one for each cause.
const toldFile = "var/lib/kpkg-btf/unread"

// Untold are the causes, among those of a report, that this machine was not
// told of before.
func (s *System) Untold(unread []string) []string {
	told := s.told()
	return slices.DeleteFunc(slices.Clone(unread), func(u string) bool { return slices.Contains(told, digest(u)) })
}

// told are the digests of the causes that are kept. A file of another machine
// (a cloned disk), or one that cannot be read, counts for nothing.
func (s *System) told() []string {
	text, err := s.read(filepath.Join(s.Root, toldFile), limits.MaxText)
	if err != nil {
		return nil
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	if lines[0] != s.machine() {
		return nil
	}
	return lines[1:]
}

// Tell keeps the causes that this machine is told of now. Where all of it was
// looked at, one that is not among them any more is forgotten, and told again
// when it comes back.
func (s *System) Tell(unread []string, all bool) error {
	file := filepath.Join(s.Root, toldFile)
	told := map[string]bool{}
	if !all {
		for _, cause := range s.told() {
			told[cause] = true
		}
	}
	for _, u := range unread {
		told[digest(u)] = true
	}
	if len(told) == 0 {
		at, err := s.resolve(filepath.Dir(file))
		if err == nil {
			err = os.Remove(filepath.Join(at, filepath.Base(file)))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return where.In(file, where.New(where.IO, "%w", err))
		}
		return nil
	}
	text := s.machine() + "\n"
	for _, cause := range slices.Sorted(maps.Keys(told)) {
		text += cause + "\n"
	}
	if now, err := s.read(file, limits.MaxText); err == nil && string(now) == text {
		return nil
	}
	dir, err := s.folder(path.Dir(toldFile))
	if err != nil {
		return where.In(file, where.New(where.IO, "%w", err))
	}
	write := func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
	return fsx.WriteFile(filepath.Join(dir, path.Base(toldFile)), 0o644, write, nil, fsx.Options{Force: true})
}

// folder is a folder below the root, made where it is missing; links in its
// path lead where they would after chroot.
func (s *System) folder(name string) (string, error) {
	at := s.Root
	for step := range strings.SplitSeq(name, "/") {
		next, err := s.resolve(filepath.Join(at, step))
		if errors.Is(err, fs.ErrNotExist) {
			next = filepath.Join(at, step)
			err = os.Mkdir(next, 0o755)
		}
		if err != nil {
			return "", err
		}
		at = next
	}
	return at, nil
}

// machine is which machine this is, without its number being written anywhere.
func (s *System) machine() string {
	id, err := s.read(filepath.Join(s.Root, "etc/machine-id"), limits.MaxName)
	if err != nil {
		id = nil
	}
	return digest("kpkg-btf " + strings.TrimSpace(string(id)))
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}
