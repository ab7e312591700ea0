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

	"kpkg-btf/internal/where"
)

// ExitError is how the program ended when it did not build the package. It has
// said why on standard error, and its code is the code to end with.
type ExitError struct{ Code int }

func (e *ExitError) Error() string { return Program + " failed" }

// Run has the package built and returns the file's path. What the program says
// of errors goes to stderr.
func Run(ctx context.Context, r Request, stderr io.Writer) (string, error) {
	path, err := find()
	if err != nil {
		return "", err
	}
	in, err := json.Marshal(r)
	if err != nil {
		return "", where.New(where.Internal, "%w", err)
	}
	cmd := exec.CommandContext(ctx, path)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), stderr
	cmd.Env = []string{"LC_ALL=C", "TMPDIR=" + os.TempDir()}
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", ctx.Err()
	case errors.As(err, &exit) && exit.Exited():
		return "", &ExitError{exit.ExitCode()}
	case err != nil:
		return "", where.In(path, where.New(where.Internal, "%w", err))
	}
	return string(bytes.TrimSuffix(out, []byte("\n"))), nil
}

// libexec are the places of the program relative to the folder of the one that
// asks: beside it, or where the packages install it. PATH is never searched:
// whoever can write there must not have their program run by a build.
var libexec = []string{".", "../libexec/kpkg-btf", "../lib/kpkg-btf"}

func find() (string, error) {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return "", where.New(where.Internal, "the program's own place: %w", err)
	}
	for _, dir := range libexec {
		path := filepath.Join(filepath.Dir(self), dir, Program)
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", where.New(where.Unsupported, "%s is not installed: it builds packages, and belongs beside %s or into %s", Program, self, filepath.Join(filepath.Dir(self), libexec[1])).
		WithHint("go build -trimpath -o %s ./cmd/%s", filepath.Join(filepath.Dir(self), Program), Program)
}
