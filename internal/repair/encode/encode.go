// Package encode compresses with the installed xz, zstd, gzip and bzip2: the
// Go encoders are worse in ratio and speed by factors. The program is chosen
// from a closed set by the format, never by a word of an input; it gets no
// shell, no variables that would change its output, and data on its standard
// input alone.
//
// The same bytes come out for any number of threads: xz is always asked for
// blocks of one size (three dictionaries, as liblzma's threaded encoder and so
// dpkg choose them) by an encoder with at least two threads, and zstd for its
// threaded encoder, whose jobs depend on the level alone.
package encode

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	"kpkg-btf/internal/codec"
	"kpkg-btf/internal/where"
)

// Settings say how a stream is compressed. Like reads them from a stream.
type Settings struct {
	Format codec.Format
	// Level is the program's own: xz and lzma 0 to 9, zstd 1 to 22, gzip and
	// bzip2 1 to 9.
	Level int
	// Dict is the dictionary of xz and lzma in bytes, 0 for the level's.
	Dict int64
	// Check is the integrity check of xz: "none", "crc32", "crc64", "sha256".
	Check string
	// OneBlock makes xz write one block without sizes, as `xz -T1` does for
	// modules; otherwise blocks that can be decoded in parallel.
	OneBlock bool
	// NoChecksum leaves out the checksum at the end of a zstd frame.
	NoChecksum bool
	// WindowLog is the window of zstd where it is larger than the level's; 0.
	WindowLog int
}

// stopWait is how long a program may take to end after it was told to.
const stopWait = 5 * time.Second

// most threads asked of a program: each of xz takes some 150 MiB.
const maxThreads = 8

// command is the program and its arguments. Size is the length of the data,
// -1 when it is not known.
func (s *Settings) command(jobs int, size int64) ([]string, error) {
	threads := min(max(jobs, 1), maxThreads)
	switch s.Format {
	case codec.XZ:
		return s.xz(max(threads, 2)), nil
	case codec.LZMA:
		return []string{"xz", "-q", "-c", "--format=lzma", "--lzma1=" + s.preset()}, nil
	case codec.Zstd:
		return s.zstd(threads, size), nil
	case codec.Gzip:
		return []string{"gzip", "-c", "-n", fmt.Sprintf("-%d", s.Level)}, nil
	case codec.Bzip2:
		return []string{"bzip2", "-q", "-c", fmt.Sprintf("-%d", s.Level)}, nil
	}
	return nil, where.New(where.Unsupported, "compressing as %v", s.Format)
}

func (s *Settings) preset() string {
	if s.Dict > 0 {
		return fmt.Sprintf("preset=%d,dict=%d", s.Level, s.Dict)
	}
	return fmt.Sprintf("preset=%d", s.Level)
}

// presetDict is the dictionary of each preset of liblzma
// (lzma_encoder_presets.c).
var presetDict = [10]int64{256 << 10, 1 << 20, 2 << 20, 4 << 20, 4 << 20, 8 << 20, 8 << 20, 16 << 20, 32 << 20, 64 << 20}

func (s *Settings) xz(threads int) []string {
	check := s.Check
	if check == "" {
		check = "crc64"
	}
	args := []string{"xz", "-q", "-c", "--format=xz", "--check=" + check, "--lzma2=" + s.preset()}
	if s.OneBlock {
		return append(args, "-T1")
	}
	dict := s.Dict
	if dict == 0 {
		dict = presetDict[s.Level]
	}
	return append(args, fmt.Sprintf("-T%d", threads), fmt.Sprintf("--block-size=%d", max(3*dict, 1<<20)))
}

func (s *Settings) zstd(threads int, size int64) []string {
	args := []string{"zstd", "-q", "-c", fmt.Sprintf("-T%d", threads), "--check"}
	if s.NoChecksum {
		args[len(args)-1] = "--no-check"
	}
	if s.Level > 19 {
		args = append(args, "--ultra")
	}
	args = append(args, fmt.Sprintf("-%d", s.Level))
	if s.WindowLog > 0 {
		args = append(args, fmt.Sprintf("--long=%d", s.WindowLog))
	}
	if size >= 0 {
		args = append(args, fmt.Sprintf("--stream-size=%d", size))
	}
	return args
}

// packages that have the programs, for the hint.
var packages = map[string]string{"xz": "xz-utils (xz)", "zstd": "zstd", "gzip": "gzip", "bzip2": "bzip2"}

// NewWriter compresses what is written to it into w, with about jobs threads.
// The data is complete, and an error of the program or of w known, when Close
// returns; w is not used afterwards. Close must be called; when ctx ends, the
// program does. Errors of w come back unchanged.
func NewWriter(ctx context.Context, w io.Writer, s Settings, jobs int) (io.WriteCloser, error) {
	if s.Format == codec.None {
		return plain{bufio.NewWriterSize(w, 256<<10)}, nil
	}
	p, err := start(ctx, w, s, jobs, -1)
	if err != nil {
		return nil, err // and no writer: a nil program in the interface would be one
	}
	return p, nil
}

// Bytes compresses one file of a known length.
func Bytes(ctx context.Context, data []byte, s Settings) ([]byte, error) {
	if s.Format == codec.None {
		return bytes.Clone(data), nil
	}
	var out bytes.Buffer
	w, err := start(ctx, &out, s, 1, int64(len(data)))
	if err != nil {
		return nil, err
	}
	_, err = w.Write(data)
	if cerr := w.Close(); cerr != nil || err != nil {
		return nil, errors.Join(cerr, err)
	}
	return out.Bytes(), nil
}

// plain joins the heads and paddings of a payload that is not compressed to
// the content they belong to.
type plain struct{ *bufio.Writer }

func (p plain) Close() error { return p.Flush() }

// program is a running compressor.
type program struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	sink  *sink
	words *complaint
	end   func() error // waits once
}

func start(ctx context.Context, w io.Writer, s Settings, jobs int, size int64) (*program, error) {
	args, err := s.command(jobs, size)
	if err != nil {
		return nil, err
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return nil, where.New(where.IO, "cannot compress: %w", err).WithHint("install %s", packages[args[0]])
	}
	p := &program{cmd: exec.CommandContext(ctx, path, args[1:]...), sink: &sink{w: w}, words: &complaint{}}
	p.cmd.Args[0] = args[0]
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C"} // neither XZ_OPT nor ZSTD_CLEVEL nor GZIP
	p.cmd.Stdout, p.cmd.Stderr, p.cmd.WaitDelay = p.sink, p.words, stopWait
	if p.in, err = p.cmd.StdinPipe(); err != nil {
		return nil, where.New(where.IO, "%s: %w", args[0], err)
	}
	if err := p.cmd.Start(); err != nil {
		return nil, where.New(where.IO, "%s: %w", args[0], err)
	}
	p.end = sync.OnceValue(p.finish)
	return p, nil
}

// Write fails as soon as the program has gone, with what it died of.
func (p *program) Write(b []byte) (int, error) {
	n, err := p.in.Write(b)
	if err != nil {
		if cause := p.end(); cause != nil {
			err = cause
		}
		return n, err
	}
	return n, nil
}

func (p *program) Close() error { return p.end() }

func (p *program) finish() error {
	cerr := p.in.Close()
	err := p.cmd.Wait()
	if out := p.sink.failed(); out != nil {
		return out
	}
	if err == nil {
		err = cerr
	}
	if err == nil || errors.Is(err, os.ErrClosed) {
		return nil
	}
	if said := p.words.text(); said != "" {
		return where.New(where.IO, "%s: %s (%w)", p.cmd.Args[0], said, err)
	}
	return where.New(where.IO, "%s: %w", p.cmd.Args[0], err)
}

// sink keeps the first error of the writer below.
type sink struct {
	w  io.Writer
	mu sync.Mutex
	e  error
}

func (s *sink) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	if err != nil {
		s.mu.Lock()
		s.e = err
		s.mu.Unlock()
	}
	return n, err
}

func (s *sink) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.e
}

// complaint keeps the beginning of what a program says.
type complaint struct{ b []byte }

func (c *complaint) Write(b []byte) (int, error) {
	const most = 400
	c.b = append(c.b, b[:min(len(b), max(most-len(c.b), 0))]...)
	return len(b), nil
}

func (c *complaint) text() string {
	return strings.Join(strings.Fields(string(c.b)), " ")
}
