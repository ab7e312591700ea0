package companion

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"time"

	"kpkg-btf/internal/where"
)

// ExitError is how a program ended that did not do what was asked. It has said
// why on standard error, and its code is the code to end with.
type ExitError struct {
	Program string
	Code    int
}

func (e *ExitError) Error() string { return e.Program + " failed" }

// Call is one run of a program that belongs to this one.
type Call struct {
	Program string // its file's name
	Does    string // what it is for, in a message that it is missing
	Args    []string
	Request any       // what it reads on its standard input, as JSON
	Stdin   io.Reader // what it reads there where there is no Request
	Env     []string
	Stdout  io.Writer
	Stderr  io.Writer
}

// grace is how long a program has to clean up after an interruption.
const grace = 600 * time.Millisecond

// Run finds the program and runs it. One that ends with another code than 0 is
// an ExitError.
func (c *Call) Run(ctx context.Context) error {
	path, err := find(c.Program, c.Does)
	if err != nil {
		return err
	}
	in := c.Stdin
	if c.Request != nil {
		text, err := json.Marshal(c.Request)
		if err != nil {
			return where.New(where.Internal, "%w", err)
		}
		in = bytes.NewReader(text)
	}
	cmd := exec.CommandContext(ctx, path, c.Args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = in, c.Stdout, c.Stderr, c.Env
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = grace
	// A program whose caller is killed ends too. The signal is sent when the thread
	// ends that started it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &exit) && exit.Exited():
		return &ExitError{c.Program, exit.ExitCode()}
	case err != nil:
		return where.In(path, where.New(where.Internal, "%w", err))
	}
	return nil
}

// Run has the package built and returns the file's path. What the program says
// of errors goes to stderr.
func Run(ctx context.Context, r Request, stderr io.Writer) (string, error) {
	var out bytes.Buffer
	c := Call{Program: Program, Does: "builds packages", Request: r, Env: []string{"LC_ALL=C", "TMPDIR=" + os.TempDir()}, Stdout: &out, Stderr: stderr}
	if err := c.Run(ctx); err != nil {
		return "", err
	}
	return string(bytes.TrimSuffix(out.Bytes(), []byte("\n"))), nil
}

// libexec are the places of a program relative to the folder of the one that
// asks: beside it, or where the packages install it. PATH is never searched:
// whoever can write there must not have their program run by a build.
var libexec = []string{".", "../libexec/kpkg-btf", "../lib/kpkg-btf"}

func find(program, does string) (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", where.New(where.Internal, "the program's own place: %w", err)
	}
	for _, dir := range libexec {
		path := filepath.Join(filepath.Dir(self), dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", where.New(where.Unsupported, "%s is not installed: it %s, and belongs beside %s or into %s", program, does, self, filepath.Join(filepath.Dir(self), libexec[1])).
		WithHint("go build -trimpath -o %s ./cmd/%s", filepath.Join(filepath.Dir(self), program), program)
}
