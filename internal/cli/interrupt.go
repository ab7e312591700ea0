package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"kpkg-btf/internal/model"
)

// grace is how long a run that was interrupted has to clean up. One that hangs
// in a read (a terminal, a FIFO, a file system that does not answer) cannot:
// its temporary files are locked by it, and the next run removes them.
const grace = 800 * time.Millisecond

// interruptible runs a command with a context that SIGINT and SIGTERM end, and
// returns its exit code, or that of the signal. It waits for the command, but
// not longer than grace after the first signal, and not at all after a second.
func interruptible(ctx context.Context, stderr io.Writer, run func(context.Context) int) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	defer signal.Stop(signals)
	done := make(chan int, 1)
	// Errors of the context say nothing that the line below does not.
	go func() { done <- run(ctx) }()
	var s os.Signal
	select {
	case code := <-done:
		return code
	case s = <-signals:
	}
	cancel(errors.New("interrupted"))
	select {
	case <-done:
	case <-signals:
	case <-time.After(grace):
	}
	fmt.Fprintln(stderr, "kpkg-btf: interrupted")
	if s == syscall.SIGTERM {
		return model.ExitTerminated
	}
	return model.ExitInterrupted
}

// resultWriter is standard output. It keeps the first error of a write: a result
// that nobody got is a failure, whatever was decided.
type resultWriter struct {
	w   io.Writer
	err error
}

func (r *resultWriter) Write(b []byte) (int, error) {
	n, err := r.w.Write(b)
	if err != nil && r.err == nil {
		r.err = err
	}
	return n, err
}

// fileOf is the file behind a writer, a terminal perhaps.
func fileOf(w io.Writer) (*os.File, bool) {
	if r, ok := w.(*resultWriter); ok {
		w = r.w
	}
	f, ok := w.(*os.File)
	return f, ok
}
