package explain

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"kpkg-btf/internal/model"
)

// Events come while the log goes on, the last one after a pause; again when it
// is logged again; and an end of the context ends it.
func TestFollow(t *testing.T) {
	r, w := io.Pipe()
	got := make(chan string, 8)
	ended := make(chan error, 1)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		ended <- Follow(ctx, r, nil, func(e *model.LogEvent) error {
			got <- e.Module
			return nil
		})
	}()
	write := func(s string) {
		if _, err := io.WriteString(w, s+"\n"); err != nil {
			t.Error(err)
		}
	}
	next := func(want string) {
		t.Helper()
		select {
		case m := <-got:
			if m != want {
				t.Errorf("%q, want %q", m, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("no %q", want)
		}
	}
	write(strings.Join(twoRefusals[:7], "\n")) // the second one begins: the first is whole
	next("dm_crypt")
	write(strings.Join(twoRefusals[7:], "\n"))
	next("exfat") // after a pause
	write(strings.Join(twoRefusals, "\n"))
	next("dm_crypt")
	next("exfat")
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	w.Close()
	broken := errors.New("closed")
	if err := Follow(context.Background(), strings.NewReader(strings.Join(twoRefusals, "\n")), nil, func(*model.LogEvent) error { return broken }); !errors.Is(err, broken) {
		t.Error(err)
	}
}
