package pack

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"kpkg-btf/internal/limits"
	"kpkg-btf/internal/where"
)

// walker hands entries to the caller and counts them.
type walker struct {
	fn      WalkFunc
	raw     RawFunc // instead of fn
	at      *Raw    // where the entry stands; nil for a ghost
	ctx     context.Context
	entries int
}

// give calls fn with one entry. The content cannot be read afterwards.
func (w *walker) give(e *Entry, content io.Reader) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	if w.entries++; w.entries > limits.MaxEntries {
		return where.New(where.Limit, "more than %d entries", limits.MaxEntries)
	}
	lent := &lentReader{r: content}
	err := w.call(e, lent)
	lent.r = nil
	if err != nil && !errors.Is(err, fs.SkipAll) {
		return where.In(e.Path, err)
	}
	return err
}

func (w *walker) call(e *Entry, content io.Reader) error {
	at := w.at
	w.at = nil
	switch {
	case w.raw == nil:
		return w.fn(e, content)
	case at == nil:
		return nil // a ghost
	}
	at.Entry = e
	return w.raw(at, content)
}

// lentReader ends the loan of a content reader.
type lentReader struct{ r io.Reader }

func (l *lentReader) Read(p []byte) (int, error) {
	if l.r == nil {
		return 0, where.New(where.Internal, "content read after its entry was left")
	}
	return l.r.Read(p)
}

type noContent struct{}

func (noContent) Read([]byte) (int, error) { return 0, io.EOF }

// cleanPath makes a name from a package relative and clean. Absolute names
// are allowed where the format writes them so (rpm). The root is ".".
func cleanPath(name string, absolute bool) (string, error) {
	switch {
	case name == "":
		return "", where.New(where.Malformed, "entry with an empty name")
	case len(name) > limits.MaxName:
		return "", where.New(where.Limit, "entry name of %d bytes", len(name))
	case strings.IndexByte(name, 0) >= 0:
		return "", where.New(where.Malformed, "entry name %s has a NUL byte", shown(name))
	case name[0] == '/' && !absolute:
		return "", where.New(where.Malformed, "entry name %s is absolute", shown(name))
	}
	if hasDotDot(name) {
		return "", where.New(where.Malformed, "entry name %s leads out of the package", shown(name))
	}
	name = strings.TrimLeft(name, "/")
	return path.Clean(name), nil
}

func hasDotDot(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return true
		}
	}
	return false
}

// shown is a name for a message: escaped and not endless.
func shown(name string) string {
	const most = 200
	if len(name) > most {
		name = name[:most] + "…"
	}
	return where.Clean(name)
}
