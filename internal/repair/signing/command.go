package signing

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"time"

	"kpkg-btf/internal/where"
)

// Command is a Signer that asks a program. It is run once a signature, without
// a shell, as
//
//	PROGRAM HASH
//
// HASH is sha256, sha384 or sha512; standard input is the raw digest and
// nothing else (32, 48 or 64 bytes); standard output must be the raw signature
// and nothing else: for RSA PKCS #1 v1.5 over the DigestInfo of that digest,
// for ECDSA the DER of r and s. That is what
//
//	openssl pkeyutl -sign -inkey KEY -pkeyopt digest:HASH
//
// makes. Exit code 0 is success; what it writes to standard error is shown
// with a failure. Several run at once, at most one a worker.
type Command struct {
	Path string
	// Timeout ends a program that hangs; 0 means a minute.
	Timeout time.Duration
}

const (
	defaultTimeout = time.Minute
	maxSignature   = 16 << 10
)

// FindCommand resolves the program before anything depends on it.
func FindCommand(program string) (*Command, error) {
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, where.New(where.Usage, "signing program %s: %w", program, errors.Unwrap(err)).
			WithHint("--sign-cmd takes one executable, without arguments: a script can add them")
	}
	return &Command{Path: path}, nil
}

// Sign implements Signer.
func (c *Command) Sign(ctx context.Context, hash string, digest []byte) ([]byte, error) {
	timeout := c.Timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	limited, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	cmd := exec.CommandContext(limited, c.Path, hash)
	cmd.Env = os.Environ() // the program's own: PIN files, module paths
	cmd.Stdin = bytes.NewReader(digest)
	out, complaint := &bounded{max: maxSignature}, &bounded{max: 400, cut: true}
	cmd.Stdout, cmd.Stderr = out, complaint
	cmd.WaitDelay = time.Second // a grandchild may hold the pipe
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, where.New(where.IO, "signing program %s: no answer in %v", c.Path, timeout)
	case err != nil:
		return nil, where.New(where.IO, "signing program %s: %v%s", c.Path, err, complaint.said())
	case len(out.b) == 0:
		return nil, where.New(where.IO, "signing program %s: wrote no signature%s", c.Path, complaint.said())
	}
	return out.b, nil
}

// bounded keeps at most max bytes; more is an error, or forgotten with cut.
type bounded struct {
	b   []byte
	max int
	cut bool
}

func (w *bounded) Write(p []byte) (int, error) {
	n := min(len(p), w.max-len(w.b))
	w.b = append(w.b, p[:n]...)
	if n < len(p) && !w.cut {
		return n, errors.New("more than a signature")
	}
	return len(p), nil
}

func (w *bounded) said() string {
	if text := strings.Join(strings.Fields(string(w.b)), " "); text != "" {
		return ": " + text
	}
	return ""
}
