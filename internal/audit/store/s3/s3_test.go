package s3

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"

	"kpkg-btf/internal/audit/store"
	"kpkg-btf/internal/where"
)

// faulty is a server of S3 between whose answers faults come.
type faulty struct {
	real http.Handler
	mu   sync.Mutex
	// next says what becomes of a request: "", "500", "503", "cut" (the connection
	// ends in the middle of the answer), "deaf" (before it), "slow" (longer than the
	// client's patience), "lost" (it is done, and the answer does not arrive).
	next func(r *http.Request) string
	seen map[string]int
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	fault := f.next(r)
	f.seen[fault]++
	f.mu.Unlock()
	switch fault {
	case "":
		f.real.ServeHTTP(w, r)
	case "500", "503":
		w.WriteHeader(map[string]int{"500": 500, "503": 503}[fault])
		fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>InternalError</Code><Message>no</Message></Error>`)
	case "slow":
		_, _ = io.Copy(io.Discard, r.Body) // the end of the connection is noticed behind the body
		<-r.Context().Done()
	case "deaf":
		panic(http.ErrAbortHandler)
	case "lost":
		f.real.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case "cut":
		rec := httptest.NewRecorder()
		f.real.ServeHTTP(rec, r)
		for k, v := range rec.Header() {
			w.Header()[k] = v
		}
		w.Header().Set("Content-Length", fmt.Sprint(rec.Body.Len()))
		w.WriteHeader(rec.Code)
		_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
		panic(http.ErrAbortHandler)
	}
}

func bucket(t *testing.T, next func(r *http.Request) string) (*Bucket, *faulty) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("audit"); err != nil {
		t.Fatal(err)
	}
	f := &faulty{real: gofakes3.New(backend).Server(), next: next, seen: map[string]int{}}
	server := httptest.NewServer(f)
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	env := map[string]string{"AWS_ENDPOINT_URL": server.URL, "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret"}
	b, err := Open("s3://audit/debian/", func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	b.Pause, b.Patience = time.Millisecond, 300*time.Millisecond
	minio.DefaultRetryUnit = time.Millisecond // its own pause behind the one try it has
	return b, f
}

func none(*http.Request) string { return "" }

func TestBucket(t *testing.T) {
	ctx := context.Background()
	b, _ := bucket(t, none)
	if b.String() != "s3://audit/debian" {
		t.Error(b)
	}
	if _, err := b.Get(ctx, "results/a"); !errors.Is(err, store.ErrMissing) {
		t.Error(err)
	}
	if err := b.Remove(ctx, "results/a"); err != nil {
		t.Error(err)
	}
	for range 2 {
		if err := b.Put(ctx, "results/a", []byte("one")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Put(ctx, "results/a", []byte("two")); !errors.Is(err, store.ErrDiffers) {
		t.Error(err)
	}
	if got, err := b.Get(ctx, "results/a"); err != nil || string(got) != "one" {
		t.Errorf("%q %v", got, err)
	}
	if err := b.Replace(ctx, "results/a", []byte("two")); err != nil {
		t.Error(err)
	}
	if got, err := b.Get(ctx, "results/a"); err != nil || string(got) != "two" {
		t.Errorf("%q %v", got, err)
	}
	if err := b.Remove(ctx, "results/a"); err != nil {
		t.Error(err)
	}
	if _, err := b.Get(ctx, "results/a"); !errors.Is(err, store.ErrMissing) {
		t.Error(err)
	}
	if err := b.Check(ctx); err != nil {
		t.Error(err)
	}
	b.name = "another"
	if err := b.Check(ctx); where.KindOf(err) != where.IO {
		t.Error(err)
	}
	if _, err := b.Get(ctx, "results/a"); errors.Is(err, store.ErrMissing) || where.KindOf(err) != where.IO {
		t.Errorf("a bucket that is not there: %v", err)
	}
}

// TestFaults: whatever goes wrong on the way, what is stored is whole, and what is
// read is what was stored.
func TestFaults(t *testing.T) {
	ctx := context.Background()
	r := rand.New(rand.NewPCG(3, 4))
	faults := []string{"500", "503", "cut", "deaf", "lost", "slow"}
	row := 0
	b, f := bucket(t, func(*http.Request) string {
		// Never so many in a row that the tries are over; slow ones are rare, they cost
		// half a second each.
		fault := faults[r.IntN(len(faults))]
		if row++; row%3 == 0 || fault == "slow" && r.IntN(12) > 0 {
			return ""
		}
		return fault
	})
	b.Pause = time.Microsecond
	for i := range 150 {
		name, data := fmt.Sprintf("results/%d", i), bytes.Repeat([]byte{byte(i)}, 1000+i)
		for try := 0; ; try++ { // what a run does that is started again
			if err := b.Put(ctx, name, data); err == nil {
				break
			} else if errors.Is(err, store.ErrDiffers) || where.KindOf(err) != where.IO || try == 20 {
				t.Fatalf("%d: %v", i, err)
			}
		}
		got, err := b.Get(ctx, name)
		if err != nil && where.KindOf(err) != where.IO || errors.Is(err, store.ErrMissing) {
			t.Fatalf("%d: %v", i, err)
		}
		if err == nil && !bytes.Equal(got, data) {
			t.Fatalf("%d: %d bytes of %d", i, len(got), len(data))
		}
	}
	for _, fault := range faults {
		if f.seen[fault] == 0 {
			t.Errorf("no fault %q", fault)
		}
	}
	f.mu.Lock()
	f.next = none
	f.mu.Unlock()
	for i := range 150 {
		if got, err := b.Get(ctx, fmt.Sprintf("results/%d", i)); err != nil || !bytes.Equal(got, bytes.Repeat([]byte{byte(i)}, 1000+i)) {
			t.Errorf("%d: %d bytes, %v", i, len(got), err)
		}
	}
}

// TestGivesUp: what does not pass ends after six tries, and what cannot pass at once.
func TestGivesUp(t *testing.T) {
	b, f := bucket(t, func(*http.Request) string { return "503" })
	if _, err := b.Get(context.Background(), "a"); where.KindOf(err) != where.IO || !strings.Contains(err.Error(), "s3://audit/debian/a") {
		t.Error(err)
	}
	if f.seen["503"] != tries {
		t.Errorf("%d requests, want %d", f.seen["503"], tries)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Put(ctx, "a", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestPlaces(t *testing.T) {
	for _, c := range []struct{ place, endpoint string }{{"s3://", ""}, {"s3:bucket", ""}, {"http://x/y", ""}, {"s3://b", "localhost:1"}, {"s3://b", "ftp://x"}, {"s3://b", "http://x/path"}} {
		if _, err := Open(c.place, func(string) string { return c.endpoint }); where.KindOf(err) != where.Usage {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
