package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"kpkg-btf/internal/where"
)

// Client brings files by URL: http, https and file.
type Client struct {
	// Cache is the folder of verified downloads; it is made when needed.
	Cache string
	// Progress, if not nil, is told of a file's bytes: got so far and total
	// (-1 when not known).
	Progress func(name string, got, total int64)
	// Pause is what is waited before the second try, and twice that before the
	// third; 0 is a second.
	Pause time.Duration

	http *http.Client
}

const (
	tries        = 3
	stallTimeout = 60 * time.Second // without one byte
)

// errGone is an address that the server does not have, errShort a file that
// ends before the offset that was asked for.
var (
	errGone  = errors.New("not there")
	errShort = errors.New("shorter than what is here already")
)

// NewClient returns a client with a cache folder.
func NewClient(cache string) *Client {
	return &Client{Cache: cache, http: &http.Client{CheckRedirect: sameSafety, Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:   30 * time.Second,
		ResponseHeaderTimeout: stallTimeout,
		DisableCompression:    true, // lengths and digests are those of the file
	}}}
}

// sameSafety refuses what would go on without encryption, and an eleventh redirect.
func sameSafety(req *http.Request, via []*http.Request) error {
	switch {
	case via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https":
		return where.New(where.Unsupported, "the server leads from https to %s", where.Clean(req.URL.Scheme+"://"+req.URL.Host)).
			WithHint("name the address that shall be used")
	case len(via) >= 10:
		return where.New(where.IO, "more than 10 redirects")
	}
	return nil
}

// small fetches a whole file of at most maxRelease bytes.
func (c *Client) small(ctx context.Context, at string) ([]byte, error) {
	var text []byte
	err := c.retry(ctx, at, func(ctx context.Context) error {
		r, _, err := c.open(ctx, at, 0)
		if err != nil {
			return err
		}
		defer r.Close()
		text, err = io.ReadAll(io.LimitReader(r, maxRelease+1))
		if err == nil && len(text) > maxRelease {
			err = where.New(where.Limit, "more than %d bytes", maxRelease)
		}
		return err
	})
	return text, err
}

// retry does a transfer up to three times. What another try cannot change
// (an answer of the server, wrong content) ends it at once.
func (c *Client) retry(ctx context.Context, at string, transfer func(context.Context) error) error {
	pause := c.Pause
	if pause == 0 {
		pause = time.Second
	}
	var err error
	for try := range tries {
		if try > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(pause << (try - 1)):
			}
		}
		err = transfer(ctx)
		if err == nil || ctx.Err() != nil || !passing(err) {
			break
		}
	}
	if err == nil || ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	return where.In(shown(at), transferError(err))
}

// passing reports whether a transfer may succeed when it is tried again.
func passing(err error) bool {
	var w *where.Error
	return !gone(err) && !errors.As(err, &w) && !errors.Is(err, os.ErrPermission)
}

// gone: the place is there and the file is not.
func gone(err error) bool { return errors.Is(err, errGone) || errors.Is(err, os.ErrNotExist) }

// transferError is the one line for what went wrong on the way.
func transferError(err error) error {
	var w *where.Error
	var u *url.Error
	var local *os.PathError
	if errors.As(err, &local) {
		err = local.Err // the path is the step before
	}
	switch {
	case errors.As(err, &w):
		return err
	case gone(err):
		return where.New(where.IO, "%w", err).WithHint("is the address right? an old version may have left the archive")
	case errors.As(err, &u):
		err = u.Err // without the address, which is the step before
	}
	return where.New(where.IO, "%w", err).WithHint("what was got so far is kept: run again to go on")
}

// shown is an address without a password.
func shown(at string) string {
	if u, err := url.Parse(at); err == nil && u.Scheme != "file" {
		return u.Redacted()
	}
	return strings.TrimPrefix(at, "file://")
}

// open opens a file from an offset on. From is where the body begins: a
// server without ranges sends the whole.
func (c *Client) open(ctx context.Context, at string, offset int64) (body io.ReadCloser, from int64, err error) {
	u, err := url.Parse(at)
	if err != nil {
		return nil, 0, where.New(where.Usage, "not an address")
	}
	switch u.Scheme {
	case "file":
		return openLocal(u.Path, offset)
	case "http", "https":
		return c.openHTTP(ctx, at, offset)
	}
	return nil, 0, where.New(where.Unsupported, "addresses of type %q", u.Scheme).WithHint("http, https and file are read")
}

func openLocal(path string, offset int64) (io.ReadCloser, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		f.Close()
		return nil, 0, where.New(where.IO, "not a file")
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, offset, nil
}

func (c *Client) openHTTP(ctx context.Context, at string, offset int64) (io.ReadCloser, int64, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		cancel(nil)
		return nil, 0, where.New(where.Usage, "not an address")
	}
	req.Header.Set("User-Agent", "kpkg-btf")
	if offset > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", offset))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		cancel(nil)
		return nil, 0, err
	}
	from, err := begins(resp, offset)
	if err != nil {
		resp.Body.Close()
		cancel(nil)
		return nil, 0, err
	}
	return watch(resp.Body, ctx, cancel), from, nil
}

// begins says where the body of an answer begins in the file.
func begins(resp *http.Response, offset int64) (int64, error) {
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
		return 0, nil
	case code == http.StatusPartialContent && strings.HasPrefix(resp.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", offset)):
		return offset, nil
	case code == http.StatusRequestedRangeNotSatisfiable:
		return 0, errShort
	case code == http.StatusNotFound || code == http.StatusGone:
		return 0, fmt.Errorf("%w: the server says %s", errGone, resp.Status)
	case code == http.StatusRequestTimeout || code == http.StatusTooManyRequests || code >= 500:
		return 0, fmt.Errorf("the server says %s", resp.Status)
	default:
		return 0, where.New(where.IO, "the server says %s", resp.Status)
	}
}

// watched is a body that is given up when nothing comes.
type watched struct {
	body   io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func watch(body io.ReadCloser, ctx context.Context, cancel context.CancelCauseFunc) *watched {
	stalled := fmt.Errorf("nothing came for %v", stallTimeout)
	return &watched{body, ctx, cancel, time.AfterFunc(stallTimeout, func() { cancel(stalled) })}
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.body.Read(p)
	w.timer.Reset(stallTimeout)
	if err != nil && err != io.EOF {
		if cause := context.Cause(w.ctx); cause != nil {
			err = cause
		}
	}
	return n, err
}

func (w *watched) Close() error {
	w.timer.Stop()
	err := w.body.Close()
	w.cancel(nil)
	return err
}
