package build

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"runtime/debug"
	"strings"

	"github.com/blakesmith/ar"
	rpmutils "github.com/sassoftware/go-rpmutils"
	"golang.org/x/sys/unix"

	"kpkg-btf/internal/companion"
	"kpkg-btf/internal/where"
)

// Limits of a process that reads a package: bytes of address space, which Go
// takes far ahead of its memory, bytes that the collector aims at, and seconds of
// CPU.
const (
	readSpace  = 4 << 30
	readMemory = 512 << 20
	readCPU    = 15 * 60
)

// readMain reads the package on its standard input with libraries that are not
// ours and writes a companion.Reading.
func readMain(asks string, stdin io.Reader, stdout, stderr io.Writer) int {
	if err := companion.SameVersion(companion.Program, asks); err != nil {
		return companion.Ended(err, stderr)
	}
	debug.SetMemoryLimit(readMemory)
	for resource, most := range map[int]uint64{unix.RLIMIT_AS: readSpace, unix.RLIMIT_CPU: readCPU} {
		if err := unix.Setrlimit(resource, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return companion.Ended(where.New(where.IO, "limits of the process: %w", err), stderr)
		}
	}
	r, err := read(stdin)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(r)
	}
	return companion.Ended(err, stderr)
}

// read knows the package by its first bytes. The libraries panic on some damaged
// headers: that is an error like any other.
func read(in io.Reader) (r *companion.Reading, err error) {
	defer func() {
		if p := recover(); p != nil {
			r, err = nil, where.New(where.Malformed, "the library panics: %v", p)
		}
	}()
	b := bufio.NewReaderSize(in, 1<<16)
	head, err := b.Peek(8)
	switch {
	case bytes.Equal(head, []byte("!<arch>\n")):
		return readDeb(b)
	case bytes.HasPrefix(head, []byte{0xed, 0xab, 0xee, 0xdb}):
		return readRpm(b)
	case err != nil && err != io.EOF:
		return nil, where.New(where.IO, "%w", err)
	}
	return nil, where.New(where.Malformed, "neither a .deb nor an .rpm")
}

func readDeb(in io.Reader) (*companion.Reading, error) {
	out := &companion.Reading{By: "blakesmith/ar"}
	for r := ar.NewReader(in); ; {
		h, err := r.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, where.New(where.Malformed, "%w", err)
		}
		sum := sha256.New()
		n, err := io.Copy(sum, r)
		if err != nil {
			return nil, where.New(where.Malformed, "%s: %w", where.Clean(h.Name), err)
		}
		out.Members = append(out.Members, companion.ReadMember{Name: strings.TrimSuffix(h.Name, "/"), Size: n, SHA256: [32]byte(sum.Sum(nil))})
		if len(out.Members) > 100 {
			return nil, where.New(where.Limit, "more than 100 members")
		}
	}
}

func readRpm(in io.Reader) (*companion.Reading, error) {
	pkg, err := rpmutils.ReadRpm(in)
	if err != nil {
		return nil, where.New(where.Malformed, "%w", err)
	}
	id, err := pkg.Header.GetNEVRA()
	if err != nil {
		return nil, where.New(where.Malformed, "%w", err)
	}
	out := &companion.Reading{By: "go-rpmutils", Name: id.Name, Version: id.Version + "-" + id.Release, Arch: id.Arch}
	if id.Epoch != "" && pkg.Header.HasTag(rpmutils.EPOCH) {
		out.Version = id.Epoch + ":" + out.Version
	}
	files, err := pkg.Header.GetFiles()
	if err != nil {
		return nil, where.New(where.Malformed, "%w", err)
	}
	out.Files = len(files)
	for _, f := range files {
		if checked(f) {
			out.Digests++
		}
	}
	payload, err := pkg.PayloadReaderExtended()
	if err != nil {
		return nil, where.New(where.Malformed, "payload: %w", err)
	}
	empty := hex.EncodeToString(sha256.New().Sum(nil))
	for {
		f, err := payload.Next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, where.New(where.Malformed, "payload: %w", err)
		}
		if !checked(f) {
			continue
		}
		sum := sha256.New()
		if _, err := io.Copy(sum, payload); err != nil {
			return nil, where.New(where.Malformed, "payload: %s: %w", where.Clean(f.Name()), err)
		}
		got := hex.EncodeToString(sum.Sum(nil))
		switch {
		case got == f.Digest(), payload.IsLink() && got == empty: // the last name of a file has its content
			out.Fitting++
		default:
			return nil, where.New(where.Malformed, "payload: %s has SHA-256 %s, the header says %s", where.Clean(f.Name()), got, where.Clean(f.Digest()))
		}
	}
}

// checked reports whether the header has a SHA-256 of a file's content.
func checked(f rpmutils.FileInfo) bool {
	const typ, regular = 0o170000, 0o100000
	return f.Mode()&typ == regular && len(f.Digest()) == 64
}
