package companion

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"kpkg-btf/internal/model"
	"kpkg-btf/internal/toolversion"
	"kpkg-btf/internal/where"
)

// maxRequest is far above any request, in bytes.
const maxRequest = 4 << 20

// ReadRequest reads what a command of kpkg-btf asks of a program.
func ReadRequest(stdin io.Reader, command string, request any) error {
	text, err := io.ReadAll(io.LimitReader(stdin, maxRequest))
	if err != nil {
		return where.In("standard input", where.New(where.IO, "%w", err))
	}
	if err := json.Unmarshal(text, request); err != nil {
		return where.In("standard input", where.New(where.Usage, "no request of kpkg-btf %s: %w", command, err))
	}
	return nil
}

// SameVersion refuses a kpkg-btf of another version than the program that it asks.
func SameVersion(program, asks string) error {
	if asks == toolversion.Version {
		return nil
	}
	return where.New(where.Unsupported, "%s is of version %s, kpkg-btf of %s", program, toolversion.Version, where.Clean(asks)).
		WithHint("install both from one build")
}

// Ended says why a program failed, if it did, and returns its exit code.
func Ended(err error, stderr io.Writer) int {
	if err == nil {
		return model.ExitDone
	}
	fmt.Fprintf(stderr, "kpkg-btf: %s\n", where.Clean(err.Error()))
	if h := where.HintOf(err); h != "" {
		fmt.Fprintf(stderr, "kpkg-btf: hint: %s\n", where.Clean(h))
	}
	return ExitCode(err)
}

// ExitCode is the one table from the kinds of errors to exit codes.
func ExitCode(err error) int {
	switch where.KindOf(err) {
	case where.Usage:
		return model.ExitUsage
	case where.Inconclusive:
		return model.ExitInconclusive
	}
	return model.ExitFailed
}

// ReadFile reads a file of at most some bytes; a larger one is an error of kind
// Limit.
func ReadFile(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, where.In(path, where.New(where.IO, "%w", unwrapPath(err)))
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, most+1))
	if err != nil {
		return nil, where.In(path, where.New(where.IO, "%w", unwrapPath(err)))
	}
	if int64(len(data)) > most {
		return nil, where.In(path, where.New(where.Limit, "more than the %d bytes allowed", most))
	}
	return data, nil
}

func unwrapPath(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
