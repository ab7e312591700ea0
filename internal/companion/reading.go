package companion

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"kpkg-btf/internal/toolversion"
	"kpkg-btf/internal/where"
)

// ReadWord is the program's argument that has it read a package from its standard
// input and write a Reading. The version of who asks follows it.
const ReadWord = "read"

// Reading is what a library that is none of ours sees of a package.
type Reading struct {
	By string `json:"by"` // the library: "blakesmith/ar", "go-rpmutils"
	// Members are those of a .deb, in their order.
	Members []ReadMember `json:"members,omitempty"`
	// Of an rpm: who it is, how many files its header lists, how many of these are
	// regular with a digest, and how many of those the payload has with that digest.
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"` // "epoch:version-release"
	Arch    string `json:"arch,omitempty"`
	Files   int    `json:"files,omitempty"`
	Digests int    `json:"digests,omitempty"`
	Fitting int    `json:"fitting,omitempty"`
}

// ReadMember is one member of a .deb.
type ReadMember struct {
	Name   string   `json:"name"`
	Size   int64    `json:"size"`
	SHA256 [32]byte `json:"sha256"`
}

// readTime is how long the libraries may take for a package.
const readTime = 15 * time.Minute

// Read lets the libraries of kpkg-btf-package read a package: in a process of
// their own with limits on memory and time, since both panic on hostile headers.
// Any error means that nobody has looked, and nothing about the package.
func Read(ctx context.Context, file io.Reader) (*Reading, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	var out, said capped
	c := Call{Program: Program, Args: []string{ReadWord, toolversion.Version}, Does: "reads packages with other libraries", Stdin: file,
		Env: []string{"LC_ALL=C", "TMPDIR=" + os.TempDir()}, Stdout: &out, Stderr: &said}
	err := c.Run(ctx)
	var exit *ExitError
	switch {
	case errors.As(err, &exit):
		line, _, _ := bytes.Cut(said.Bytes(), []byte("\n"))
		return nil, where.New(where.Unsupported, "%s ended with %d: %s", Program, exit.Code, where.Clean(string(line)))
	case err != nil:
		return nil, err
	}
	r := &Reading{}
	if err := json.Unmarshal(out.Bytes(), r); err != nil {
		return nil, where.New(where.Unsupported, "%s: %w", Program, err)
	}
	return r, nil
}

// capped takes a megabyte and no more.
type capped struct{ bytes.Buffer }

func (c *capped) Write(p []byte) (int, error) {
	if c.Len()+len(p) > 1<<20 {
		return 0, fmt.Errorf("more than %d bytes", 1<<20)
	}
	return c.Buffer.Write(p)
}
