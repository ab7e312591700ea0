// Package s3 keeps results in a bucket of S3 or of what speaks its language
// (MinIO, Ceph, Garage). A PUT makes an object whole or not at all.
package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"kpkg-btf/internal/audit/store"
	"kpkg-btf/internal/where"
)

// Bucket is a store below a prefix of a bucket.
type Bucket struct {
	client       *minio.Client
	name, prefix string
	// Pause is what is waited before the second try, and twice that before the
	// third; 0 is half a second. Patience is how long one try may take, 0 is
	// five minutes.
	Pause, Patience time.Duration
}

const tries = 6

// Open opens "s3://BUCKET/PREFIX". Where it is and who asks is in the variables
// that every client of S3 reads: AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL,
// AWS_REGION or AWS_DEFAULT_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN. Without a key nothing is signed.
func Open(place string, getenv func(string) string) (*Bucket, error) {
	u, err := url.Parse(place)
	if err != nil || u.Scheme != "s3" || u.Host == "" {
		return nil, where.In(place, where.New(where.Usage, "not s3://BUCKET/PREFIX"))
	}
	first := func(names ...string) string {
		for _, n := range names {
			if v := getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	endpoint := first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
	if endpoint == "" {
		endpoint = "https://s3.amazonaws.com"
	}
	e, err := url.Parse(endpoint)
	if err != nil || e.Host == "" || e.Scheme != "http" && e.Scheme != "https" || strings.Trim(e.Path, "/") != "" {
		return nil, where.New(where.Usage, "AWS_ENDPOINT_URL is %s, not http(s)://HOST[:PORT]", where.Clean(endpoint))
	}
	region := first("AWS_REGION", "AWS_DEFAULT_REGION")
	if region == "" {
		region = "us-east-1"
	}
	client, err := minio.New(e.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY"), getenv("AWS_SESSION_TOKEN")),
		Secure: e.Scheme == "https", Region: region, MaxRetries: 1,
	})
	if err != nil {
		return nil, where.In(place, where.New(where.Usage, "%w", err))
	}
	return &Bucket{client: client, name: u.Host, prefix: strings.Trim(u.Path, "/")}, nil
}

func (b *Bucket) String() string { return "s3://" + b.name + "/" + b.prefix }

func (b *Bucket) key(name string) string { return strings.TrimPrefix(b.prefix+"/"+name, "/") }

// retry does one operation until it succeeds, what is wrong with it will not pass,
// or six tries are over.
func (b *Bucket) retry(ctx context.Context, name string, do func(context.Context) error) error {
	pause, patience := b.Pause, b.Patience
	if pause == 0 {
		pause = time.Second / 2
	}
	if patience == 0 {
		patience = 5 * time.Minute
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
		one, cancel := context.WithTimeout(ctx, patience)
		err = do(one)
		cancel()
		if err == nil || ctx.Err() != nil || final(err) {
			break
		}
	}
	switch {
	case err == nil, errors.Is(err, store.ErrMissing):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return where.In(b.String()+"/"+name, where.New(where.IO, "%w", err))
}

// final: another try cannot change the answer.
func final(err error) bool {
	if errors.Is(err, store.ErrMissing) || errors.Is(err, store.ErrDiffers) {
		return true
	}
	code := minio.ToErrorResponse(err).StatusCode
	return code >= 400 && code < 500 && code != 408 && code != 429
}

// missing: neither the object is present. A bucket that is not is an error.
func missing(err error) bool { return minio.ToErrorResponse(err).Code == "NoSuchKey" }

// Check implements store.Store. Who may read objects need not be allowed to ask for
// the bucket.
func (b *Bucket) Check(ctx context.Context) error {
	_, err := b.Get(ctx, "check")
	if errors.Is(err, store.ErrMissing) {
		return nil
	}
	return err
}

func (b *Bucket) get(ctx context.Context, name string) ([]byte, error) {
	core := minio.Core{Client: b.client} // one request, whose error says what is missing
	body, info, _, err := core.GetObject(ctx, b.name, b.key(name), minio.GetObjectOptions{})
	if missing(err) {
		return nil, store.ErrMissing
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if info.Size > store.MaxObject {
		return nil, fmt.Errorf("an object of %d bytes, the limit is %d", info.Size, store.MaxObject)
	}
	data, err := io.ReadAll(io.LimitReader(body, info.Size+1))
	if err == nil && int64(len(data)) != info.Size {
		err = fmt.Errorf("%d bytes of %d: %w", len(data), info.Size, io.ErrUnexpectedEOF)
	}
	return data, err
}

// Get implements store.Store.
func (b *Bucket) Get(ctx context.Context, name string) (data []byte, err error) {
	err = b.retry(ctx, name, func(ctx context.Context) error {
		data, err = b.get(ctx, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return data, nil
}

func (b *Bucket) put(ctx context.Context, name string, data []byte) error {
	_, err := b.client.PutObject(ctx, b.name, b.key(name), bytes.NewReader(data), int64(len(data)),
		minio.PutObjectOptions{SendContentMd5: true, DisableMultipart: true, ContentType: "application/octet-stream"})
	return err
}

// Put implements store.Store. S3 has no link that never replaces, so two runs
// that store at once both write: what they write is equal, or the next one that
// looks says so.
func (b *Bucket) Put(ctx context.Context, name string, data []byte) error {
	return b.retry(ctx, name, func(ctx context.Context) error {
		have, err := b.get(ctx, name)
		switch {
		case errors.Is(err, store.ErrMissing):
			return b.put(ctx, name, data)
		case err == nil && !bytes.Equal(have, data):
			return store.ErrDiffers
		}
		return err
	})
}

// Replace implements store.Store.
func (b *Bucket) Replace(ctx context.Context, name string, data []byte) error {
	return b.retry(ctx, name, func(ctx context.Context) error { return b.put(ctx, name, data) })
}

// Remove implements store.Store.
func (b *Bucket) Remove(ctx context.Context, name string) error {
	return b.retry(ctx, name, func(ctx context.Context) error {
		err := b.client.RemoveObject(ctx, b.name, b.key(name), minio.RemoveObjectOptions{})
		if missing(err) {
			return nil
		}
		return err
	})
}
