package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

// Fetch returns the file of a package: from the cache when it is there and is
// what the index says, else from its source. A package of a folder is where it
// lies.
func (c *Client) Fetch(ctx context.Context, p *Package) (string, error) {
	if p.Digest == (Digest{}) {
		return p.At, nil
	}
	if p.Size > maxPackage {
		return "", where.In(shown(p.At), where.New(where.Limit, "a package of %d bytes, the limit is %d", p.Size, int64(maxPackage)))
	}
	return c.file(ctx, p.At, p.Size, p.Digest)
}

// file brings a file of known size and digest into the cache. It is collected
// in a file beside its place, which a later run continues, verified there, and
// renamed: what lies under its name was whole.
func (c *Client) file(ctx context.Context, at string, size int64, want Digest) (string, error) {
	name, err := baseName(at)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(c.Cache, want.Hex[:16])
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", where.In(dir, where.New(where.IO, "%w", err))
	}
	unlock, err := fsx.Lock(dir)
	if err != nil {
		return "", err
	}
	defer unlock()
	target := filepath.Join(dir, name)
	if checkFile(target, size, want) == nil {
		return target, nil
	}
	part := filepath.Join(dir, "."+name+".part")
	resumed := false
	err = c.retry(ctx, at, func(ctx context.Context) error {
		var r bool
		r, err := c.extend(ctx, at, part, name, size)
		resumed = resumed || r
		return err
	})
	if err != nil {
		return "", err
	}
	err = checkFile(part, size, want)
	if err != nil && resumed {
		// What was there may have been of another file: again, whole.
		os.Remove(part)
		if err := c.retry(ctx, at, func(ctx context.Context) error {
			_, err := c.extend(ctx, at, part, name, size)
			return err
		}); err != nil {
			return "", err
		}
		err = checkFile(part, size, want)
	}
	if err != nil {
		os.Remove(part)
		return "", where.In(shown(at), err)
	}
	if err := os.Rename(part, target); err != nil {
		return "", where.In(target, where.New(where.IO, "%w", err))
	}
	return target, nil
}

// baseName is the last part of an address, which becomes a file name.
func baseName(at string) (string, error) {
	u, err := url.Parse(at)
	if err != nil {
		return "", where.New(where.Malformed, "%s is not an address", where.Clean(at))
	}
	name := path.Base(u.Path)
	if name == "." || name == ".." || name == "/" || len(name) > 200 {
		return "", where.In(shown(at), where.New(where.Malformed, "not the name of a file"))
	}
	return name, nil
}

// checkFile reports whether a file is what the index says.
func checkFile(name string, size int64, want Digest) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return want.check(f, size)
}

// extend brings what a partial file lacks; resumed says that it had something.
func (c *Client) extend(ctx context.Context, at, part, name string, size int64) (resumed bool, err error) {
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return false, where.New(where.IO, "%w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	have, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return false, where.New(where.IO, "%w", err)
	}
	if have >= size {
		have = 0 // not verified, or it had its name: nothing to continue
	}
	body, from, err := c.open(ctx, at, have)
	if errors.Is(err, errShort) {
		return true, errors.Join(fmt.Errorf("%w: %d of %d bytes", err, have, size), f.Truncate(0))
	}
	if err != nil {
		return have > 0, err
	}
	defer body.Close()
	if err := f.Truncate(from); err != nil {
		return have > 0, where.New(where.IO, "%w", err)
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return have > 0, where.New(where.IO, "%w", err)
	}
	n, err := io.Copy(f, c.metered(io.LimitReader(body, size-from+1), name, from, size))
	if err == nil && from+n < size {
		err = fmt.Errorf("it ended after %d of %d bytes: %w", from+n, size, io.ErrUnexpectedEOF)
	}
	return from > 0, errors.Join(err, f.Sync())
}

// meter tells of what is read.
type meter struct {
	io.Reader
	tell func(n int)
}

func (c *Client) metered(r io.Reader, name string, got, total int64) io.Reader {
	if c.Progress == nil {
		return r
	}
	return &meter{r, func(n int) { got += int64(n); c.Progress(name, got, total) }}
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	m.tell(n)
	return n, err
}
