package fetch

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"kpkg-btf/internal/fsx"
	"kpkg-btf/internal/where"
)

// dateLayout is how the cache keeps dates of InRelease.
const dateLayout = time.RFC3339

// remember refuses a signed InRelease that is older than the newest one that was
// taken from this address before: whoever cannot sign can serve what was true
// once, as long as that is within its Valid-Until. The newest date of each
// address is kept in the cache.
func (a *Apt) remember(date string) error {
	if a.Keys == nil || a.Client.Cache == "" {
		return nil // nobody vouches for the date
	}
	sum := sha256.Sum256([]byte(a.dir()))
	file := filepath.Join(a.Client.Cache, "newest-"+hex.EncodeToString(sum[:16]))
	newest, err := readDate(file)
	if err != nil {
		return where.In(file, err)
	}
	is, err := releaseTime(date)
	switch {
	case date == "" && newest.IsZero():
		return nil
	case err != nil:
		return where.New(where.Malformed, "Date %q is not a date", where.Clean(date))
	case !is.Before(newest):
		return writeDate(file, is, newest)
	}
	what := fmt.Sprintf("of %s, older than the one of %s that was taken before", is.UTC().Format(dateLayout), newest.Format(dateLayout))
	if a.Older != nil {
		a.Older(shown(a.dir()), what)
		return nil
	}
	return where.New(where.Malformed, "%s", what).
		WithHint("a mirror that lags behind, or somebody who serves what was true once: take another mirror; --allow-older takes it, %s removed forgets the newer one", file)
}

// readDate returns the date in a file, the zero time without one.
func readDate(file string) (time.Time, error) {
	f, err := os.Open(file)
	if os.IsNotExist(err) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, where.New(where.IO, "%w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, 100))
	if err != nil {
		return time.Time{}, where.New(where.IO, "%w", err)
	}
	t, err := time.Parse(dateLayout, strings.TrimSpace(string(text)))
	if err != nil {
		return time.Time{}, where.New(where.Malformed, "holds no date of an InRelease").WithHint("remove it")
	}
	return t, nil
}

// writeDate keeps a date, where it is another one than before.
func writeDate(file string, is, was time.Time) error {
	if is.Equal(was) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		return where.New(where.IO, "%w", err)
	}
	return fsx.WriteFile(file, 0o666, func(w io.Writer) error {
		_, err := io.WriteString(w, is.UTC().Format(dateLayout)+"\n")
		return err
	}, nil, fsx.Options{Force: true})
}
